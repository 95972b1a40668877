/* What a run makes of its plan before it starts: targets looked up, requests made as far as they
 * are the same for every flow. Never changed afterwards; every worker reads it. */
#ifndef LOAD_SETUP_H
#define LOAD_SETUP_H

#include "clients/load/native.h"
#include "clients/load/request.h"
#include "clients/load/rest.h"

/* A server that steps go to. */
struct load_target {
    enum load_protocol protocol;
    const char *url;
    struct load_rest_address address; /* REST */
};

struct load_setup {
    const struct load_plan *plan;
    struct load_target *targets;
    size_t target_count;
    struct load_request_form *forms; /* by operation */
    bool *has_form;
    size_t *target_of;                  /* by operation */
    struct load_native_method *methods; /* by operation; cleared of REST */
    int64_t duration_ns;
    int64_t grace_ns; /* behind the plan's end, for what waits for a connection to be sent */
};

/*
 * Looks names up and connects to each REST target, which may take a while. DS_UNAVAILABLE: a target
 * is not there; DS_INVALID_ARGUMENT: an address or a body is none. ret_reason says which and why.
 * To be deinitialised in any case.
 */
DS_MUST_USE ds_code load_setup_init(struct load_setup *setup, const struct load_plan *plan,
                                    char *ret_reason, size_t reason_bytes_max);
void load_setup_deinit(struct load_setup *setup);

#endif
