/* The slow calls that a server remembers, the newest ones. Private to ds_common. Any thread. */
#ifndef DS_RPC_SLOW_CALLS_H
#define DS_RPC_SLOW_CALLS_H

#include "ds/introspection.h"

struct ds_call;
struct ds_slow_calls;

/* Never NULL. Takes NULL for destroy. */
struct ds_slow_calls *ds_slow_calls_create(void);
void ds_slow_calls_destroy(struct ds_slow_calls *slow);

/* Remembers a finished call, which was slow. */
void ds_slow_calls_note(struct ds_slow_calls *slow, struct ds_call *call);

#endif
