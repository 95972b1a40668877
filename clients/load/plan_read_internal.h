/* The parts of the reader of plans; plan_read*.c's own. */
#ifndef LOAD_PLAN_READ_INTERNAL_H
#define LOAD_PLAN_READ_INTERNAL_H

#include "clients/load/members.h"
#include "clients/load/plan_read.h"
#include "clients/load/template.h"

#define PLAN_FLOWS_MAX 64
#define PLAN_TARGETS_MAX 32
#define PLAN_HEADERS_MAX 32
#define PLAN_WEIGHT_MAX 1e6
#define PLAN_NAME_BYTES_MAX 128

/* A plan while it is read. */
struct plan_draft {
    struct member_reader reader;
    const json_t *scenario;
    struct load_plan *plan;
    struct load_generators generators;
    int64_t timeout_ns;                     /* of steps that don't say */
    const char *authorization;              /* of steps that don't say; NULL: none */
    const char *names[LOAD_OPERATIONS_MAX]; /* of the operations so far */
};

/* Each returns false after a complaint. */
bool plan_read_pace(struct plan_draft *draft);
bool plan_read_flows(struct plan_draft *draft);
bool plan_read_objectives(struct plan_draft *draft);

/* What a flow's captures are called, by the numbers of their variables. */
struct plan_variables {
    const char *names[LOAD_VARIABLES_MAX];
    size_t count;
};

bool plan_read_step(struct plan_draft *draft, const struct member_place *place,
                    const json_t *object, struct plan_variables *variables,
                    struct load_step *ret_step);

/* "capture" of a step. */
bool plan_read_captures(struct plan_draft *draft, const struct member_place *place,
                        const json_t *object, struct plan_variables *variables,
                        struct load_step *step);

/* Gives the step its name, which no other one has. */
bool plan_name_step(struct plan_draft *draft, const struct member_place *place,
                    const json_t *object, struct load_step *step);

/* The request of a native step, as it is in the first flow, is one that the method takes. */
bool plan_check_request(struct plan_draft *draft, const struct member_place *place,
                        const struct load_step *step);

#endif
