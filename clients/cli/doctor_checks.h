/* What `deltastream doctor` looks at. */
#ifndef CLI_DOCTOR_CHECKS_H
#define CLI_DOCTOR_CHECKS_H

#include "clients/cli/connection.h"

enum finding_state {
    FINDING_OK = 0,
    FINDING_WARN,
    FINDING_FAIL,
};

/* "OK", "WARN", "FAIL". */
extern const char *const finding_state_names[];

struct finding {
    const char *check; /* "connection" */
    enum finding_state state;
    const char *message;
    const char *advice; /* what to do; NULL where nothing is to be done */
};

/* The finding lives until the function returns. */
typedef void (*finding_fn)(void *context, const struct finding *finding);

/* Looks at everything and gives each finding to `take`. True where nothing failed. */
bool doctor_check(struct ds_config *config, struct connection_options *options, finding_fn take,
                  void *context);

#endif
