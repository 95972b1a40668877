#include "gateway/transcode.h"

#include "ds/wire.h"
#include "http/target.h"

#include <assert.h>

static const struct ds_json_read_options read_options = {.lenient_times = true};

/* A value for a field somewhere below the request, from the path or the query. */
struct parameter {
    const struct ds_field *path[ROUTE_FIELD_DEPTH_MAX];
    uint8_t depth;
    struct ds_bytes name;
    struct ds_bytes value;
};

struct parameters {
    struct parameter list[TRANSCODE_PARAMETERS_MAX + ROUTE_VARIABLES_MAX];
    size_t count;
    size_t path_count; /* the first ones, which the path binds */
    bool nested;       /* some are deeper than the request itself */
};

/* The text without its encoding: itself where there is none. `scratch` has room for it. */
static struct ds_bytes decode(struct ds_bytes text, bool keep_slash, bool plus_is_blank,
                              struct ds_buffer *scratch)
{
    if (text.size == 0 || (memchr(text.data, '%', text.size) == NULL &&
                           (!plus_is_blank || memchr(text.data, '+', text.size) == NULL))) {
        return text;
    }
    const size_t start = scratch->size;
    http_target_decode(text, keep_slash, plus_is_blank, scratch);
    return ds_bytes_of(scratch->data + start, scratch->size - start);
}

/* The name of a field below the request: "order", "filter.since". */
static void write_name(const struct parameter *parameter, char *target, size_t target_bytes)
{
    size_t size = 0;
    for (uint8_t i = 0; i < parameter->depth; i++) {
        const struct ds_field *field = parameter->path[i];
        if (size + field->name_bytes + 2 > target_bytes) {
            break;
        }
        if (i > 0) {
            target[size++] = '.';
        }
        memcpy(target + size, field->name, field->name_bytes);
        size += field->name_bytes;
    }
    target[size] = '\0';
}

static bool refuse(struct problem *ret_problem, ds_reason reason, const char *name,
                   const char *detail)
{
    problem_set(ret_problem, reason, "%s: %s", name, detail);
    (void)problem_add(ret_problem, PROBLEM_AT_PARAMETER, ds_bytes_of_text(name), detail);
    return false;
}

static void take_path(const struct transcode_input *input, struct ds_buffer *scratch,
                      struct parameters *parameters)
{
    const struct route_match *match = input->match;
    for (uint8_t i = 0; i < input->binding->variable_count; i++) {
        const struct route_variable *variable = &input->binding->variables[i];
        const size_t first = variable->segment_first;
        const size_t count =
            variable->segment_count == 0 ? match->segment_count - first : variable->segment_count;
        struct parameter *parameter = &parameters->list[parameters->count++];
        struct ds_bytes raw = {0};
        if (count > 0) {
            /* Segments are views of one path, so what is between them are its slashes. */
            const struct ds_bytes last = match->segments[first + count - 1];
            const uint8_t *start = match->segments[first].data;
            raw = ds_bytes_of(start, (size_t)(last.data + last.size - start));
        }
        parameter->depth = variable->field_depth;
        memcpy(parameter->path, variable->field_path,
               variable->field_depth * sizeof *variable->field_path);
        parameter->name = ds_bytes_of_text("");
        parameter->value = decode(raw, variable->multiple, false, scratch);
        parameters->nested = parameters->nested || parameter->depth > 1;
    }
    parameters->path_count = parameters->count;
}

static bool takes_text(const struct ds_field *field)
{
    if ((field->flags & DS_FIELD_MAP) != 0) {
        return false;
    }
    return field->kind != DS_KIND_MESSAGE ||
           ds_wellknown_is_text((enum ds_wellknown)field->message->wellknown);
}

/* Finds the field that a dotted name means. */
static bool resolve(const struct ds_message *message, struct parameter *parameter)
{
    struct ds_bytes rest = parameter->name;
    struct ds_bytes part;
    parameter->depth = 0;
    /* Taking a list apart forgives blanks and an empty last part; a name may have neither. */
    if (rest.size == 0 || rest.data[rest.size - 1] == '.' ||
        memchr(rest.data, ' ', rest.size) != NULL || memchr(rest.data, '\t', rest.size) != NULL) {
        return false;
    }
    while (http_list_next(&rest, '.', &part)) {
        if (message == NULL || parameter->depth == ROUTE_FIELD_DEPTH_MAX) {
            return false;
        }
        const struct ds_field *field =
            ds_field_by_name(message, (const char *)part.data, part.size);
        if (field == NULL) {
            return false;
        }
        parameter->path[parameter->depth++] = field;
        const bool has_fields = field->kind == DS_KIND_MESSAGE && !takes_text(field) &&
                                (field->flags & DS_FIELD_REPEATED) == 0 &&
                                field->message->wellknown == DS_WELLKNOWN_NONE;
        message = has_fields ? field->message : NULL;
    }
    return parameter->depth > 0 && takes_text(parameter->path[parameter->depth - 1]);
}

static bool same_field(const struct parameter *a, const struct parameter *b)
{
    return a->depth == b->depth && memcmp(a->path, b->path, a->depth * sizeof *a->path) == 0;
}

static bool add_parameter(const struct transcode_input *input, struct ds_bytes name,
                          struct ds_bytes value, struct parameters *parameters,
                          struct problem *ret_problem)
{
    const struct route_binding *binding = input->binding;
    char text[128];
    struct parameter *parameter = &parameters->list[parameters->count];
    parameter->name = name;
    parameter->value = value;
    const size_t shown = name.size < sizeof text ? name.size : sizeof text - 1;
    if (shown > 0) {
        memcpy(text, name.data, shown);
    }
    text[shown] = '\0';
    if (binding->body == ROUTE_BODY_WHOLE || !resolve(binding->method->request, parameter) ||
        (binding->body == ROUTE_BODY_FIELD && parameter->path[0] == binding->body_field)) {
        return refuse(ret_problem, DS_REASON(UNKNOWN_PARAMETER), text,
                      "this route has no such query parameter");
    }
    const struct ds_field *field = parameter->path[parameter->depth - 1];
    for (size_t i = 0; i < parameters->count; i++) {
        if (!same_field(&parameters->list[i], parameter)) {
            continue;
        }
        if (i < parameters->path_count) {
            return refuse(ret_problem, DS_REASON(INVALID_REQUEST), text,
                          "the path gives it already");
        }
        if ((field->flags & DS_FIELD_REPEATED) == 0) {
            return refuse(ret_problem, DS_REASON(INVALID_REQUEST), text,
                          "it may be given once only");
        }
    }
    parameters->nested = parameters->nested || parameter->depth > 1;
    parameters->count++;
    return true;
}

static bool take_query(const struct transcode_input *input, struct ds_buffer *scratch,
                       struct parameters *parameters, struct problem *ret_problem)
{
    struct ds_bytes rest = input->query;
    struct ds_bytes pair;
    while (http_list_next(&rest, '&', &pair)) {
        if (pair.size == 0) {
            continue;
        }
        if (parameters->count - parameters->path_count == TRANSCODE_PARAMETERS_MAX) {
            problem_set(ret_problem, DS_REASON(INVALID_REQUEST),
                        "there are more than %d query parameters", TRANSCODE_PARAMETERS_MAX);
            return false;
        }
        const uint8_t *equals = memchr(pair.data, '=', pair.size);
        const size_t name_bytes = equals == NULL ? pair.size : (size_t)(equals - pair.data);
        const struct ds_bytes name =
            decode(ds_bytes_of(pair.data, name_bytes), false, true, scratch);
        struct ds_bytes value = {0};
        if (equals != NULL) {
            value =
                decode(ds_bytes_of(equals + 1, pair.size - name_bytes - 1), false, true, scratch);
        }
        if (!add_parameter(input, name, value, parameters, ret_problem)) {
            return false;
        }
    }
    return true;
}

/* Whether `a` comes behind `b` in the order of field numbers, outermost first. */
static bool comes_behind(const struct parameter *a, const struct parameter *b)
{
    for (uint8_t i = 0; i < a->depth && i < b->depth; i++) {
        if (a->path[i]->number != b->path[i]->number) {
            return a->path[i]->number > b->path[i]->number;
        }
    }
    return false;
}

/* Brings the fields of one submessage together; what is equal keeps its order. */
static void sort(struct parameters *parameters)
{
    for (size_t i = 1; i < parameters->count; i++) {
        const struct parameter moved = parameters->list[i];
        size_t at = i;
        while (at > 0 && comes_behind(&parameters->list[at - 1], &moved)) {
            parameters->list[at] = parameters->list[at - 1];
            at--;
        }
        parameters->list[at] = moved;
    }
}

static bool write_value(const struct parameter *parameter, struct ds_buffer *wire,
                        struct problem *ret_problem)
{
    struct ds_json_error error = {.offset = 0};
    const ds_code code = ds_json_scalar_to_wire(parameter->path[parameter->depth - 1],
                                                parameter->value, &read_options, wire, &error);
    if (code == DS_OK) {
        return true;
    }
    char name[128];
    write_name(parameter, name, sizeof name);
    if (code == DS_RESOURCE_EXHAUSTED) {
        return refuse(ret_problem, DS_REASON(REQUEST_TOO_LARGE), name,
                      "the request is larger than this method takes");
    }
    return refuse(ret_problem, DS_REASON(INVALID_REQUEST), name, error.message);
}

/* Writes list[0..count), whose paths agree above `level`. */
static bool write_level(const struct parameter *list, size_t count, uint8_t level,
                        struct ds_buffer *wire, struct problem *ret_problem)
{
    size_t i = 0;
    while (i < count) {
        if (list[i].depth == level + 1) {
            if (!write_value(&list[i], wire, ret_problem)) {
                return false;
            }
            i++;
            continue;
        }
        size_t end = i + 1;
        while (end < count && list[end].depth > level + 1 &&
               list[end].path[level] == list[i].path[level]) {
            end++;
        }
        const size_t start = wire->size;
        if (!write_level(list + i, end - i, (uint8_t)(level + 1), wire, ret_problem)) {
            return false;
        }
        transcode_wrap(wire, start, list[i].path[level]->number);
        i = end;
    }
    return true;
}

bool transcode_request(const struct transcode_input *input, struct ds_buffer *scratch,
                       struct ds_buffer *wire, struct problem *ret_problem)
{
    const struct ds_method *method = input->binding->method;
    struct parameters parameters;
    parameters.count = 0;
    parameters.nested = false;
    ds_buffer_clear(scratch);
    ds_buffer_clear(wire);
    wire->limit =
        method->request_bytes_max > wire->capacity ? method->request_bytes_max : wire->capacity;
    /* Room for all decoded text at once, so that views of it stay good. */
    size_t path_bytes = 0;
    for (size_t i = 0; i < input->match->segment_count; i++) {
        path_bytes += input->match->segments[i].size + 1;
    }
    (void)ds_buffer_reserve(scratch, path_bytes + input->query.size);

    take_path(input, scratch, &parameters);
    if (!take_query(input, scratch, &parameters, ret_problem)) {
        return false;
    }
    if (input->binding->body != ROUTE_BODY_NONE && !transcode_body(input, wire, ret_problem)) {
        return false;
    }
    if (parameters.nested) {
        sort(&parameters);
    }
    /* Behind the body: where it too has a field that the path binds, the path counts. */
    if (!write_level(parameters.list, parameters.count, 0, wire, ret_problem)) {
        return false;
    }
    if (wire->overflow || wire->size > method->request_bytes_max) {
        problem_set(ret_problem, DS_REASON(REQUEST_TOO_LARGE),
                    "the request is larger than this method takes");
        return false;
    }
    return true;
}

ds_code transcode_response(const struct route_binding *binding, struct ds_bytes wire,
                           const struct ds_json_style *style, struct ds_buffer *scratch,
                           struct ds_buffer *json)
{
    const struct ds_field *field = binding->response_field;
    if (field == NULL) {
        return ds_wire_to_json(binding->method->response, wire, style, json);
    }
    /* Occurrences of one message field mean the message that their bytes make end to end. */
    ds_buffer_clear(scratch);
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    while (!ds_wire_at_end(&reader)) {
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        struct ds_bytes bytes = {0};
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return DS_INVALID_ARGUMENT;
        }
        const bool wanted = number == field->number && type == DS_WIRE_BYTES;
        if (!(wanted ? ds_wire_read_bytes(&reader, &bytes) : ds_wire_skip(&reader, type))) {
            return DS_INVALID_ARGUMENT;
        }
        ds_buffer_append(scratch, bytes.data, bytes.size);
    }
    return ds_wire_to_json(field->message, ds_buffer_bytes(scratch), style, json);
}

static bool is_one_message(const struct ds_field *field)
{
    return field->kind == DS_KIND_MESSAGE && (field->flags & DS_FIELD_REPEATED) == 0;
}

bool transcode_binding_is_served(const struct route_binding *binding)
{
    const bool body_is_served =
        binding->body != ROUTE_BODY_FIELD || is_one_message(binding->body_field);
    const bool response_is_served =
        binding->response_field == NULL || is_one_message(binding->response_field);
    return body_is_served && response_is_served && binding->profile < ROUTE_PROFILE_COUNT;
}
