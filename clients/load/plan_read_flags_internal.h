/* What plan_read_flags*.c share. */
#ifndef LOAD_PLAN_READ_FLAGS_INTERNAL_H
#define LOAD_PLAN_READ_FLAGS_INTERNAL_H

#include "clients/cli/message_print.h"
#include "clients/cli/method_find.h"
#include "clients/load/plan_read_flags.h"

#include <jansson.h>

struct flags {
    struct ds_arena *arena; /* of the plan */
    const struct ds_config *config;
    const struct load_options *options;
    json_t *scenario; /* that the flags change */
};

/* --rate, --users, --stage, --duration and what goes with them take the place of what the scenario
 * says. Returns an exit code. */
int flags_set_pace(struct flags *flags);

#endif
