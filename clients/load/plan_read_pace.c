/* How many users or flows a second there are, and when. */
#include "clients/load/plan_read_internal.h"
#include "clients/load/plan_read_units.h"

#include <string.h>

#define DURATION_NS_DEFAULT (10 * 1000000000LL)

static const char *const paces[] = {
    [LOAD_CLOSED] = "closed", [LOAD_CONSTANT] = "constant", [LOAD_POISSON] = "poisson", NULL};

/* A stage of no length only says where the next one begins. */
static bool read_stage_list(struct plan_draft *draft, const json_t *list)
{
    struct member_reader *reader = &draft->reader;
    const size_t count = json_array_size(list);
    struct load_stage *stages = reader_memory(reader, count, sizeof(*stages));
    const struct member_place place = {.name = "stages"};
    double level = 0;
    for (size_t i = 0; i < count; i++) {
        const struct member_place element = {.parent = &place, .index = i};
        const json_t *text = json_array_get(list, i);
        struct load_stage stage = {.from = level};
        if (!json_is_string(text) ||
            !load_stage_parse(json_string_value(text), &stage.duration_ns, &stage.to)) {
            return place_fail(reader, &element,
                              "takes \"DURATION:LEVEL\", such as \"30s:1000\": for 30 s, in a "
                              "straight line to 1,000; \"0:1000\" jumps there");
        }
        level = stage.to;
        if (stage.duration_ns > 0) {
            stages[draft->plan->stage_count++] = stage;
        }
    }
    if (count == 1) {
        stages[0].from = stages[0].to;
    }
    draft->plan->stages = stages;
    return true;
}

/* "rate" or "users" for a "duration": a single plateau. */
static bool read_plateau(struct plan_draft *draft)
{
    struct member_reader *reader = &draft->reader;
    struct load_stage *stage = reader_memory(reader, 1, sizeof(*stage));
    double level = 1;
    int64_t duration_ns = DURATION_NS_DEFAULT;
    if (!member_number(reader, NULL, draft->scenario, "rate", 0, LOAD_LEVEL_MAX, &level) ||
        !member_number(reader, NULL, draft->scenario, "users", 0, LOAD_LEVEL_MAX, &level) ||
        !member_duration(reader, NULL, draft->scenario, "duration", 1, &duration_ns)) {
        return false;
    }
    *stage = (struct load_stage){.duration_ns = duration_ns, .from = level, .to = level};
    draft->plan->stages = stage;
    draft->plan->stage_count = 1;
    return true;
}

/* Says how users come: by "pace", else by whether there are "users" or a "rate". */
static bool read_kind(struct plan_draft *draft)
{
    struct member_reader *reader = &draft->reader;
    const bool has_rate = json_object_get(draft->scenario, "rate") != NULL;
    const bool has_users = json_object_get(draft->scenario, "users") != NULL;
    const bool has_stages = json_object_get(draft->scenario, "stages") != NULL;
    if (has_rate + has_users + has_stages > 1) {
        return place_fail(reader, NULL, "takes only one of \"rate\", \"users\" and \"stages\"");
    }
    int pace = has_rate || has_stages ? LOAD_CONSTANT : LOAD_CLOSED;
    if (!member_choice(reader, NULL, draft->scenario, "pace", paces, &pace)) {
        return false;
    }
    draft->plan->pace = (enum load_pace)pace;
    if (has_rate && draft->plan->pace == LOAD_CLOSED) {
        return member_fail(reader, NULL, "rate",
                           "goes with the pace constant or poisson; closed takes \"users\"");
    }
    if (has_users && draft->plan->pace != LOAD_CLOSED) {
        return member_fail(reader, NULL, "users",
                           "goes with the pace closed; the others take \"rate\"");
    }
    return true;
}

static bool check_stages(struct plan_draft *draft)
{
    const struct load_plan *plan = draft->plan;
    int64_t whole_ns = 0;
    double most = 0;
    for (size_t i = 0; i < plan->stage_count; i++) {
        whole_ns += plan->stages[i].duration_ns;
        most = plan->stages[i].from > most ? plan->stages[i].from : most;
        most = plan->stages[i].to > most ? plan->stages[i].to : most;
    }
    if (whole_ns == 0 || most <= 0) {
        return place_fail(&draft->reader, NULL,
                          "nothing would begin: no time, no rate or no users");
    }
    if (plan->pace == LOAD_CLOSED && most < 1) {
        return place_fail(&draft->reader, NULL, "less than one user never begins");
    }
    return plan->warm_up_ns < whole_ns ||
           member_fail(&draft->reader, NULL, "warm_up",
                       "is as long as the whole run, of which it is the beginning");
}

bool plan_read_pace(struct plan_draft *draft)
{
    const json_t *stages = NULL;
    struct member_reader *reader = &draft->reader;
    if (!read_kind(draft) ||
        !member_list(reader, NULL, draft->scenario, "stages", LOAD_STAGES_MAX, &stages) ||
        !member_duration(reader, NULL, draft->scenario, "warm_up", 0, &draft->plan->warm_up_ns)) {
        return false;
    }
    if (stages == NULL) {
        return read_plateau(draft) && check_stages(draft);
    }
    if (json_object_get(draft->scenario, "duration") != NULL) {
        return member_fail(reader, NULL, "duration", "is that of the stages together");
    }
    return read_stage_list(draft, stages) && check_stages(draft);
}
