#include "clients/load/plan_read.h"

#include "clients/load/generator_read.h"
#include "clients/load/objective.h"
#include "clients/load/plan_read_internal.h"
#include "ds/suggest.h"

#include <assert.h>
#include <string.h>

#define TIMEOUT_NS_DEFAULT (10 * 1000000000LL)
#define IN_FLIGHT_DEFAULT 10000
#define REST_CONNECTIONS_DEFAULT 16
#define NATIVE_CONNECTIONS_DEFAULT 2
/* What one connection carries of a closed model: HTTP/1.1 one request at a time, a native one as
 * many as a server takes of it, with room to spare. */
#define NATIVE_USERS_A_CONNECTION 32
#define USER_CONNECTIONS_DEFAULT_MAX 1024

static const char *const members[] = {
    "name",          "description", "seed",     "targets", "pace",          "rate",
    "users",         "duration",    "stages",   "warm_up", "threads",       "connections",
    "in_flight_max", "timeout",     "messages", "tls_ca",  "authorization", "data",
    "flows",         "objectives",  NULL};

struct ds_arena *load_plan_arena_create(void)
{
    return ds_arena_create(SIZE_MAX / 2);
}

ds_code load_scenario_parse(struct ds_bytes text, json_t **ret_scenario,
                            char ret_reason[LOAD_PLAN_REASON_BYTES_MAX])
{
    json_error_t error;
    json_t *scenario =
        json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (scenario == NULL) {
        snprintf(ret_reason, LOAD_PLAN_REASON_BYTES_MAX, "line %d, column %d: %s", error.line,
                 error.column, error.text);
        return DS_INVALID_ARGUMENT;
    }
    *ret_scenario = scenario;
    return DS_OK;
}

static bool read_count(struct plan_draft *draft, const char *name, int64_t maximum,
                       uint32_t *ret_count)
{
    int64_t count = *ret_count;
    if (!member_integer(&draft->reader, NULL, draft->scenario, name, 1, maximum, &count)) {
        return false;
    }
    *ret_count = (uint32_t)count;
    return true;
}

static bool read_counts(struct plan_draft *draft)
{
    struct load_plan *plan = draft->plan;
    plan->thread_count = 1;
    plan->in_flight_max = IN_FLIGHT_DEFAULT;
    int64_t seed = 1;
    if (!read_count(draft, "threads", LOAD_THREADS_MAX, &plan->thread_count) ||
        !read_count(draft, "connections", LOAD_CONNECTIONS_MAX, &plan->connection_count) ||
        !read_count(draft, "in_flight_max", LOAD_IN_FLIGHT_MAX, &plan->in_flight_max) ||
        !member_integer(&draft->reader, NULL, draft->scenario, "seed", 0, INT64_MAX, &seed)) {
        return false;
    }
    plan->seed = (uint64_t)seed;
    return true;
}

/* What steps take where they don't say it themselves, and what goes for the whole run. */
static bool read_common(struct plan_draft *draft)
{
    static const char *const messages[] = {"shared", "alone", NULL};
    struct member_reader *reader = &draft->reader;
    const char *name = "unnamed";
    const char *description = NULL;
    const char *tls_ca = NULL;
    int message = 0;
    draft->timeout_ns = TIMEOUT_NS_DEFAULT;
    if (!place_object(reader, NULL, draft->scenario, members) ||
        !member_text(reader, NULL, draft->scenario, "name", &name) ||
        !member_text(reader, NULL, draft->scenario, "description", &description) ||
        !member_text(reader, NULL, draft->scenario, "tls_ca", &tls_ca) ||
        !member_text(reader, NULL, draft->scenario, "authorization", &draft->authorization) ||
        !member_choice(reader, NULL, draft->scenario, "messages", messages, &message) ||
        !member_duration(reader, NULL, draft->scenario, "timeout", 1000, &draft->timeout_ns)) {
        return false;
    }
    draft->plan->name = reader_copy(reader, name);
    draft->plan->tls_ca = tls_ca == NULL ? NULL : reader_copy(reader, tls_ca);
    draft->plan->shares_messages = message == 0;
    return true;
}

static bool read_targets(struct plan_draft *draft)
{
    struct member_reader *reader = &draft->reader;
    const json_t *targets = json_object_get(draft->scenario, "targets");
    const struct member_place place = {.name = "targets"};
    if (targets == NULL) {
        return true;
    }
    if (!json_is_object(targets) || json_object_size(targets) > PLAN_TARGETS_MAX) {
        return place_fail(reader, &place, "takes an object with at most %d members",
                          PLAN_TARGETS_MAX);
    }
    const char *name = NULL;
    const json_t *url = NULL;
    json_object_foreach((json_t *)targets, name, url)
    {
        static const char *const schemes[] = {"http://", "ipc://", "tcp://", "tls+tcp://"};
        bool is_url = false;
        for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && json_is_string(url); i++) {
            is_url |= strncmp(json_string_value(url), schemes[i], strlen(schemes[i])) == 0;
        }
        if (!is_url) {
            return member_fail(reader, &place, name,
                               "takes http://HOST:PORT, ipc:///PATH, tcp://HOST:PORT or "
                               "tls+tcp://HOST:PORT in quotes");
        }
    }
    return true;
}

static bool operation_exists(const struct plan_draft *draft, const char *name)
{
    for (size_t i = 0; i < draft->plan->operation_count; i++) {
        if (strcmp(draft->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool refuse_operation(struct plan_draft *draft, const struct member_place *place,
                             const char *name)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, name);
    for (size_t i = 0; i < draft->plan->operation_count; i++) {
        ds_suggest_offer(&suggestion, draft->names[i]);
    }
    const char *near = suggestion.best != NULL ? suggestion.best : draft->names[0];
    return place_fail(&draft->reader, place, "no step is called \"%s\"; %s \"%s\"%s", name,
                      suggestion.best != NULL ? "did you mean" : "there is", near,
                      suggestion.best != NULL ? "?" : ", and * stands for all together");
}

bool plan_read_objectives(struct plan_draft *draft)
{
    struct member_reader *reader = &draft->reader;
    const json_t *list = NULL;
    if (!member_list(reader, NULL, draft->scenario, "objectives", LOAD_OPERATIONS_MAX, &list)) {
        return false;
    }
    const size_t count = list == NULL ? 0 : json_array_size(list);
    struct load_objective *objectives = reader_memory(reader, count, sizeof(*objectives));
    const struct member_place place = {.name = "objectives"};
    for (size_t i = 0; i < count; i++) {
        const struct member_place element = {.parent = &place, .index = i};
        const json_t *text = json_array_get(list, i);
        char reason[LOAD_OBJECTIVE_REASON_BYTES_MAX] = "takes a text in quotes";
        if (!json_is_string(text) || load_objective_parse(reader->arena, json_string_value(text),
                                                          &objectives[i], reason) != DS_OK) {
            return place_fail(reader, &element, "%s", reason);
        }
        if (objectives[i].operation != NULL && !operation_exists(draft, objectives[i].operation)) {
            return refuse_operation(draft, &element, objectives[i].operation);
        }
    }
    draft->plan->objectives = objectives;
    draft->plan->objective_count = count;
    return true;
}

static bool read_data(struct plan_draft *draft)
{
    const struct member_place place = {.name = "data"};
    return load_generators_read(&draft->reader, &place, json_object_get(draft->scenario, "data"),
                                &draft->generators);
}

static bool has_rest(const struct load_plan *plan)
{
    for (size_t i = 0; i < plan->flow_count; i++) {
        for (size_t k = 0; k < plan->flows[i].step_count; k++) {
            if (plan->flows[i].steps[k].protocol == LOAD_REST) {
                return true;
            }
        }
    }
    return false;
}

static double users_max(const struct load_plan *plan)
{
    double users = 0;
    for (size_t i = 0; i < plan->stage_count && plan->pace == LOAD_CLOSED; i++) {
        users = plan->stages[i].from > users ? plan->stages[i].from : users;
        users = plan->stages[i].to > users ? plan->stages[i].to : users;
    }
    return users;
}

/* As many that the users of a closed model do not wait for one another in the client. */
static void complete_connections(struct load_plan *plan)
{
    if (plan->connection_count != 0) {
        return;
    }
    const bool is_rest = has_rest(plan);
    const double carried = is_rest ? 1 : NATIVE_USERS_A_CONNECTION;
    const double wanted = users_max(plan) / plan->thread_count / carried;
    const uint32_t least = is_rest ? REST_CONNECTIONS_DEFAULT : NATIVE_CONNECTIONS_DEFAULT;
    if (wanted >= USER_CONNECTIONS_DEFAULT_MAX) {
        plan->connection_count = USER_CONNECTIONS_DEFAULT_MAX;
    } else {
        plan->connection_count = wanted > least ? (uint32_t)wanted + 1 : least;
    }
}

ds_code load_plan_read(struct ds_arena *arena, const json_t *scenario, const char *folder,
                       const struct load_plan **ret_plan,
                       char ret_reason[LOAD_PLAN_REASON_BYTES_MAX])
{
    struct plan_draft draft = {.reader = {.arena = arena, .folder = folder, .reason = ret_reason},
                               .scenario = scenario};
    draft.plan = reader_memory(&draft.reader, 1, sizeof(*draft.plan));
    if (!read_common(&draft) || !read_counts(&draft) || !plan_read_pace(&draft) ||
        !read_targets(&draft) || !read_data(&draft) || !plan_read_flows(&draft) ||
        !plan_read_objectives(&draft)) {
        return DS_INVALID_ARGUMENT;
    }
    complete_connections(draft.plan);
    *ret_plan = draft.plan;
    return DS_OK;
}
