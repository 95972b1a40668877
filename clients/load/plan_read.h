/* Plans from scenario files: JSON whose members docs/load-testing.md describes. */
#ifndef LOAD_PLAN_READ_H
#define LOAD_PLAN_READ_H

#include "clients/load/members.h"
#include "clients/load/plan.h"
#include "ds/code.h"

#include <jansson.h>

#define LOAD_SCENARIO_BYTES_MAX (8 * 1024 * 1024)
#define LOAD_PLAN_REASON_BYTES_MAX MEMBER_REASON_BYTES_MAX
/* Of one filled request. */
#define LOAD_REQUEST_BYTES_MAX (64 * 1024 * 1024)

#define LOAD_THREADS_MAX 256
#define LOAD_CONNECTIONS_MAX 65536
#define LOAD_IN_FLIGHT_MAX 1000000

/* Memory for a plan: what a scenario makes of it is bounded member by member, not by the arena. */
struct ds_arena *load_plan_arena_create(void);

/*
 * Reads the text of a scenario. DS_INVALID_ARGUMENT: ret_reason names the line of what is no JSON,
 * or else the member and what would do.
 */
DS_MUST_USE ds_code load_scenario_parse(struct ds_bytes text, json_t **ret_scenario,
                                        char ret_reason[LOAD_PLAN_REASON_BYTES_MAX]);

/*
 * Makes a plan of it. The plan lives in the arena, which comes from load_plan_arena_create(), and
 * needs the scenario no more. Files are looked for in `folder`; NULL: in the current one.
 */
DS_MUST_USE ds_code load_plan_read(struct ds_arena *arena, const json_t *scenario,
                                   const char *folder, const struct load_plan **ret_plan,
                                   char ret_reason[LOAD_PLAN_REASON_BYTES_MAX]);

#endif
