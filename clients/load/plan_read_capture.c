/* What a step keeps of its reply, and whether its request is one that its method takes. */
#include "clients/load/plan_read_internal.h"
#include "ds/json.h"

#include <string.h>

/* RFC 6901: empty, or parts that each begin with "/"; "~" stands before 0 or 1 only. */
static bool is_pointer(const char *text)
{
    for (const char *next = text; *next != '\0'; next++) {
        if (*next == '~' && next[1] != '0' && next[1] != '1') {
            return false;
        }
    }
    return text[0] == '\0' || text[0] == '/';
}

static bool find_variable(struct plan_variables *variables, const char *name, size_t *ret_variable)
{
    for (size_t i = 0; i < variables->count; i++) {
        if (strcmp(variables->names[i], name) == 0) {
            *ret_variable = i;
            return true;
        }
    }
    return false;
}

static bool read_capture(struct plan_draft *draft, const struct member_place *place,
                         const char *name, const json_t *pointer, struct plan_variables *variables,
                         struct load_capture *capture)
{
    struct member_reader *reader = &draft->reader;
    if (!json_is_string(pointer) || !is_pointer(json_string_value(pointer))) {
        return place_fail(reader, place, "takes a JSON Pointer in quotes: \"/ticks/0/price\"");
    }
    if (load_generator_find(&draft->generators, name, strlen(name)) != NULL) {
        return place_fail(reader, place, "\"data\" has that name already");
    }
    if (!find_variable(variables, name, &capture->variable)) {
        if (variables->count == LOAD_VARIABLES_MAX) {
            return place_fail(reader, place, "a flow captures at most %d values",
                              LOAD_VARIABLES_MAX);
        }
        capture->variable = variables->count;
        variables->names[variables->count++] = reader_copy(reader, name);
    }
    capture->pointer = reader_copy(reader, json_string_value(pointer));
    return true;
}

bool plan_read_captures(struct plan_draft *draft, const struct member_place *place,
                        const json_t *object, struct plan_variables *variables,
                        struct load_step *step)
{
    struct member_reader *reader = &draft->reader;
    const json_t *list = json_object_get(object, "capture");
    const struct member_place member = {.parent = place, .name = "capture"};
    if (list == NULL) {
        return true;
    }
    if (!json_is_object(list) || json_object_size(list) > LOAD_VARIABLES_MAX) {
        return place_fail(reader, &member, "takes an object with at most %d members",
                          LOAD_VARIABLES_MAX);
    }
    struct load_capture *captures =
        reader_memory(reader, json_object_size(list), sizeof(*captures));
    const char *name = NULL;
    const json_t *pointer = NULL;
    json_object_foreach((json_t *)list, name, pointer)
    {
        const struct member_place element = {.parent = &member, .name = name};
        if (!read_capture(draft, &element, name, pointer, variables,
                          &captures[step->capture_count])) {
            return false;
        }
        step->capture_count++;
    }
    step->captures = captures;
    return true;
}

static bool check_filled(struct plan_draft *draft, const struct member_place *place,
                         const struct load_step *step, struct ds_bytes text)
{
    const struct ds_json_read_options options = {.lenient_times = true};
    struct ds_json_error error = {0};
    struct ds_buffer wire;
    ds_buffer_init(&wire, step->method->request_bytes_max);
    const ds_code code = ds_json_to_wire(step->method->request, text, &options, &wire, &error);
    ds_buffer_deinit(&wire);
    if (code == DS_OK) {
        return true;
    }
    if (code == DS_RESOURCE_EXHAUSTED) {
        return member_fail(&draft->reader, place, "body",
                           "is larger than the %u bytes that %s takes",
                           step->method->request_bytes_max, step->method->name);
    }
    return member_fail(&draft->reader, place, "body", "is no %s%s%s: %s",
                       step->method->request->full_name, error.pointer[0] == '\0' ? "" : ", at ",
                       error.pointer, error.message);
}

bool plan_check_request(struct plan_draft *draft, const struct member_place *place,
                        const struct load_step *step)
{
    if (step->body == NULL) {
        return true;
    }
    static const struct ds_bytes unknown[LOAD_VARIABLES_MAX];
    const struct load_draw draw = {.seed = draft->plan->seed, .variables = unknown};
    struct ds_buffer text;
    ds_buffer_init(&text, LOAD_REQUEST_BYTES_MAX);
    const ds_code code = load_template_fill(step->body, &draw, &text);
    bool is_good = true;
    if (code == DS_RESOURCE_EXHAUSTED) {
        is_good = member_fail(&draft->reader, place, "body", "is larger than %d MiB",
                              LOAD_REQUEST_BYTES_MAX / 1024 / 1024);
    } else if (code == DS_OK && step->method != NULL) {
        is_good = check_filled(draft, place, step, ds_buffer_bytes(&text));
    }
    ds_buffer_deinit(&text);
    return is_good;
}
