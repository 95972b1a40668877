/* Flows and the names of their steps. */
#include "clients/load/plan_read_internal.h"

#include <string.h>

static bool name_is_taken(const struct plan_draft *draft, const char *name)
{
    for (size_t i = 0; i < draft->plan->operation_count; i++) {
        if (strcmp(draft->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* ListTicks becomes list_ticks. */
static const char *snake_case(struct member_reader *reader, const char *name)
{
    char text[PLAN_NAME_BYTES_MAX];
    size_t size = 0;
    for (const char *next = name; *next != '\0' && size + 2 < sizeof(text); next++) {
        const bool is_capital = *next >= 'A' && *next <= 'Z';
        if (is_capital && next > name) {
            text[size++] = '_';
        }
        text[size++] = (char)(is_capital ? *next - 'A' + 'a' : *next);
    }
    text[size] = '\0';
    return reader_copy(reader, text);
}

/* Of a step that has no name of its own. */
static const char *default_name(struct plan_draft *draft, const struct load_step *step,
                                const json_t *request)
{
    const char *base = NULL;
    if (step->method != NULL) {
        base = snake_case(&draft->reader, step->method->name);
    } else {
        const char *text = json_string_value(request);
        base = ds_arena_printf(draft->reader.arena, "%.*s",
                               (int)strnlen(text, PLAN_NAME_BYTES_MAX - 16), text);
    }
    const char *name = base;
    for (int number = 2; name_is_taken(draft, name); number++) {
        name = ds_arena_printf(draft->reader.arena, "%s_%d", base, number);
    }
    return name;
}

bool plan_name_step(struct plan_draft *draft, const struct member_place *place,
                    const json_t *object, struct load_step *step)
{
    struct member_reader *reader = &draft->reader;
    const char *name = NULL;
    if (!member_text(reader, place, object, "name", &name)) {
        return false;
    }
    if (name == NULL) {
        name = default_name(draft, step, json_object_get(object, "request"));
    } else if (name[0] == '\0' || strlen(name) >= PLAN_NAME_BYTES_MAX || strcmp(name, "*") == 0) {
        return member_fail(reader, place, "name", "takes 1 to %d characters, and not *",
                           PLAN_NAME_BYTES_MAX - 1);
    } else if (name_is_taken(draft, name)) {
        return member_fail(reader, place, "name", "another step is called \"%s\" already", name);
    }
    if (draft->plan->operation_count == LOAD_OPERATIONS_MAX) {
        return place_fail(reader, place, "there are more than %d steps", LOAD_OPERATIONS_MAX);
    }
    step->name = reader_copy(reader, name);
    step->operation = draft->plan->operation_count;
    draft->names[draft->plan->operation_count++] = step->name;
    return true;
}

static bool read_steps(struct plan_draft *draft, const struct member_place *place,
                       const json_t *object, struct load_flow *flow)
{
    struct member_reader *reader = &draft->reader;
    const json_t *list = NULL;
    if (!member_list(reader, place, object, "steps", LOAD_OPERATIONS_MAX, &list)) {
        return false;
    }
    if (list == NULL || json_array_size(list) == 0) {
        return member_fail(reader, place, "steps", "takes a list of at least one step");
    }
    struct plan_variables variables = {.count = 0};
    flow->step_count = json_array_size(list);
    struct load_step *steps = reader_memory(reader, flow->step_count, sizeof(*steps));
    const struct member_place member = {.parent = place, .name = "steps"};
    for (size_t i = 0; i < flow->step_count; i++) {
        const struct member_place element = {.parent = &member, .index = i};
        if (!plan_read_step(draft, &element, json_array_get(list, i), &variables, &steps[i])) {
            return false;
        }
    }
    flow->steps = steps;
    if (variables.count > draft->plan->variable_count) {
        draft->plan->variable_count = variables.count;
    }
    return true;
}

static bool read_flow(struct plan_draft *draft, const struct member_place *place,
                      const json_t *object, struct load_flow *flow)
{
    static const char *const members[] = {"name", "weight", "steps", NULL};
    struct member_reader *reader = &draft->reader;
    const char *name = NULL;
    flow->weight = 1;
    if (!place_object(reader, place, object, members) ||
        !member_text(reader, place, object, "name", &name) ||
        !member_number(reader, place, object, "weight", 0, PLAN_WEIGHT_MAX, &flow->weight)) {
        return false;
    }
    if (flow->weight <= 0) {
        return member_fail(reader, place, "weight", "takes a number above 0");
    }
    if (!read_steps(draft, place, object, flow)) {
        return false;
    }
    flow->name = name == NULL ? flow->steps[0].name : reader_copy(reader, name);
    return true;
}

bool plan_read_flows(struct plan_draft *draft)
{
    struct member_reader *reader = &draft->reader;
    const json_t *list = NULL;
    if (!member_list(reader, NULL, draft->scenario, "flows", PLAN_FLOWS_MAX, &list)) {
        return false;
    }
    if (list == NULL || json_array_size(list) == 0) {
        return member_fail(reader, NULL, "flows", "takes a list of at least one flow");
    }
    struct load_flow *flows = reader_memory(reader, json_array_size(list), sizeof(*flows));
    const struct member_place place = {.name = "flows"};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct member_place element = {.parent = &place, .index = i};
        if (!read_flow(draft, &element, json_array_get(list, i), &flows[i])) {
            return false;
        }
    }
    draft->plan->flows = flows;
    draft->plan->flow_count = json_array_size(list);
    return true;
}
