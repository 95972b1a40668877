/* Who a client of the platform's own is where a listener believes what callers say of themselves:
 * somebody with every permission that a method asks for. */
#ifndef CLIENTS_COMMON_OPERATOR_H
#define CLIENTS_COMMON_OPERATOR_H

#include "ds/arena.h"
#include "ds/call.h"

/* Lives in the arena, but for the subject: "service:command-line". */
const struct ds_principal *operator_create(struct ds_arena *arena, const char *subject);

#endif
