#include "gateway/transcode_parameters.h"

#include "http/target.h"

static const struct ds_json_read_options read_options = {.lenient_times = true};

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

void transcode_name_write(const struct ds_field *const *path, uint8_t depth,
                          char ret_name[TRANSCODE_NAME_BYTES])
{
    size_t size = 0;
    for (uint8_t i = 0; i < depth; i++) {
        if (size + path[i]->name_bytes + 2 > TRANSCODE_NAME_BYTES) {
            break;
        }
        if (i > 0) {
            ret_name[size++] = '.';
        }
        memcpy(ret_name + size, path[i]->name, path[i]->name_bytes);
        size += path[i]->name_bytes;
    }
    ret_name[size] = '\0';
}

static bool refuse(struct problem *ret_problem, ds_reason reason, const char *name,
                   const char *detail)
{
    problem_set(ret_problem, reason, "%s: %s", name, detail);
    (void)problem_add(ret_problem, PROBLEM_AT_PARAMETER, ds_bytes_of_text(name), detail);
    return false;
}

static void take_path(const struct transcode_input *input, struct ds_buffer *scratch,
                      struct transcode_parameters *parameters)
{
    const struct route_match *match = input->match;
    for (uint8_t i = 0; i < input->binding->variable_count; i++) {
        const struct route_variable *variable = &input->binding->variables[i];
        const size_t first = variable->segment_first;
        const size_t count =
            variable->segment_count == 0 ? match->segment_count - first : variable->segment_count;
        struct transcode_parameter *parameter = &parameters->list[parameters->count++];
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
static bool resolve(const struct ds_message *message, struct transcode_parameter *parameter)
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

/* What two parameters are to one another. */
enum relation {
    RELATION_NONE,
    RELATION_SAME,   /* of one field */
    RELATION_RIVALS, /* somewhere on their ways they are two members of one oneof */
};

static enum relation relation_of(const struct transcode_parameter *a,
                                 const struct transcode_parameter *b)
{
    for (uint8_t i = 0; i < a->depth && i < b->depth; i++) {
        if (a->path[i] != b->path[i]) {
            return a->path[i]->oneof >= 0 && a->path[i]->oneof == b->path[i]->oneof
                       ? RELATION_RIVALS
                       : RELATION_NONE;
        }
    }
    return a->depth == b->depth ? RELATION_SAME : RELATION_NONE;
}

static bool refuse_rivals(const struct transcode_parameter *first, const char *second,
                          struct problem *ret_problem)
{
    static const char detail[] = "only one member of a choice may be given";
    char name[TRANSCODE_NAME_BYTES];
    transcode_name_write(first->path, first->depth, name);
    problem_set(ret_problem, DS_REASON(INVALID_REQUEST),
                "%s and %s are members of one choice: give one of them only", name, second);
    (void)problem_add(ret_problem, PROBLEM_AT_PARAMETER, ds_bytes_of_text(name), detail);
    (void)problem_add(ret_problem, PROBLEM_AT_PARAMETER, ds_bytes_of_text(second), detail);
    return false;
}

/* Whether the next parameter, `name` in the query, may stand beside those before it. */
static bool check_next(const struct transcode_parameters *parameters, const char *name,
                       struct problem *ret_problem)
{
    const struct transcode_parameter *next = &parameters->list[parameters->count];
    const bool repeated = (next->path[next->depth - 1]->flags & DS_FIELD_REPEATED) != 0;
    for (size_t i = 0; i < parameters->count; i++) {
        const struct transcode_parameter *before = &parameters->list[i];
        const enum relation relation = relation_of(before, next);
        if (relation == RELATION_RIVALS) {
            return refuse_rivals(before, name, ret_problem);
        }
        if (relation == RELATION_SAME && i < parameters->path_count) {
            return refuse(ret_problem, DS_REASON(INVALID_REQUEST), name,
                          "the path gives it already");
        }
        if (relation == RELATION_SAME && !repeated) {
            return refuse(ret_problem, DS_REASON(INVALID_REQUEST), name,
                          "it may be given once only");
        }
    }
    return true;
}

/* Those that begin with a $, which no field's name does (cloud.google.com/apis/docs/system-
 * parameters). */
static bool take_system_parameter(const char *name, struct ds_bytes value,
                                  struct transcode_parameters *parameters,
                                  struct problem *ret_problem)
{
    if (strcmp(name, "$alt") != 0) {
        return refuse(ret_problem, DS_REASON(UNKNOWN_PARAMETER), name,
                      "of the system parameters this server takes $alt only; leave it out");
    }
    if (parameters->alt_given) {
        return refuse(ret_problem, DS_REASON(INVALID_REQUEST), name, "it may be given once only");
    }
    parameters->alt_given = true;
    parameters->enum_numbers = ds_bytes_equal_text(value, "json;enum-encoding=int");
    if (!parameters->enum_numbers && !ds_bytes_equal_text(value, "json")) {
        return refuse(ret_problem, DS_REASON(INVALID_REQUEST), name,
                      "it takes json, or json;enum-encoding=int for enums as numbers");
    }
    return true;
}

static bool add_parameter(const struct transcode_input *input, struct ds_bytes name,
                          struct ds_bytes value, struct transcode_parameters *parameters,
                          struct problem *ret_problem)
{
    const struct route_binding *binding = input->binding;
    char text[TRANSCODE_NAME_BYTES];
    const size_t shown = name.size < sizeof text ? name.size : sizeof text - 1;
    if (shown > 0) {
        memcpy(text, name.data, shown);
    }
    text[shown] = '\0';
    if (text[0] == '$') {
        return take_system_parameter(text, value, parameters, ret_problem);
    }
    if (parameters->count - parameters->path_count == TRANSCODE_PARAMETERS_MAX) {
        problem_set(ret_problem, DS_REASON(INVALID_REQUEST),
                    "there are more than %d query parameters", TRANSCODE_PARAMETERS_MAX);
        return false;
    }
    struct transcode_parameter *parameter = &parameters->list[parameters->count];
    parameter->name = name;
    parameter->value = value;
    if (binding->body == ROUTE_BODY_WHOLE || !resolve(binding->method->request, parameter) ||
        (binding->body == ROUTE_BODY_FIELD && parameter->path[0] == binding->body_field)) {
        return refuse(ret_problem, DS_REASON(UNKNOWN_PARAMETER), text,
                      "this route has no such query parameter");
    }
    if (!check_next(parameters, text, ret_problem)) {
        return false;
    }
    parameters->nested = parameters->nested || parameter->depth > 1;
    parameters->count++;
    return true;
}

static bool take_query(const struct transcode_input *input, struct ds_buffer *scratch,
                       struct transcode_parameters *parameters, struct problem *ret_problem)
{
    struct ds_bytes rest = input->query;
    struct ds_bytes pair;
    while (http_list_next(&rest, '&', &pair)) {
        if (pair.size == 0) {
            continue;
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

bool transcode_parameters_read(const struct transcode_input *input, struct ds_buffer *scratch,
                               struct transcode_parameters *ret_parameters,
                               struct problem *ret_problem)
{
    ret_parameters->count = 0;
    ret_parameters->nested = false;
    ret_parameters->alt_given = false;
    ret_parameters->enum_numbers = false;
    /* Room for all decoded text at once, so that views of it stay good. */
    size_t path_bytes = 0;
    for (size_t i = 0; i < input->match->segment_count; i++) {
        path_bytes += input->match->segments[i].size + 1;
    }
    (void)ds_buffer_reserve(scratch, path_bytes + input->query.size);

    take_path(input, scratch, ret_parameters);
    return take_query(input, scratch, ret_parameters, ret_problem);
}

/* Whether `a` comes behind `b` in the order of field numbers, outermost first. */
static bool comes_behind(const struct transcode_parameter *a, const struct transcode_parameter *b)
{
    for (uint8_t i = 0; i < a->depth && i < b->depth; i++) {
        if (a->path[i]->number != b->path[i]->number) {
            return a->path[i]->number > b->path[i]->number;
        }
    }
    return false;
}

/* Brings the fields of one submessage together; what is equal keeps its order. */
static void sort(struct transcode_parameters *parameters)
{
    for (size_t i = 1; i < parameters->count; i++) {
        const struct transcode_parameter moved = parameters->list[i];
        size_t at = i;
        while (at > 0 && comes_behind(&parameters->list[at - 1], &moved)) {
            parameters->list[at] = parameters->list[at - 1];
            at--;
        }
        parameters->list[at] = moved;
    }
}

bool transcode_parameter_write(const struct transcode_parameter *parameter, struct ds_buffer *wire,
                               struct problem *ret_problem)
{
    struct ds_json_error error = {.offset = 0};
    const ds_code code = ds_json_scalar_to_wire(parameter->path[parameter->depth - 1],
                                                parameter->value, &read_options, wire, &error);
    if (code == DS_OK) {
        return true;
    }
    char name[TRANSCODE_NAME_BYTES];
    transcode_name_write(parameter->path, parameter->depth, name);
    if (code == DS_RESOURCE_EXHAUSTED) {
        return refuse(ret_problem, DS_REASON(REQUEST_TOO_LARGE), name,
                      "the request is larger than this method takes");
    }
    (void)refuse(ret_problem, DS_REASON(INVALID_REQUEST), name, error.message);
    ret_problem->items[0].has_offset = true;
    ret_problem->items[0].offset = error.offset;
    return false;
}

/* Writes list[0..count), whose paths agree above `level`. */
static bool write_level(const struct transcode_parameter *list, size_t count, uint8_t level,
                        struct ds_buffer *wire, struct problem *ret_problem)
{
    size_t i = 0;
    while (i < count) {
        if (list[i].depth == level + 1) {
            if (!transcode_parameter_write(&list[i], wire, ret_problem)) {
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

bool transcode_parameters_write(struct transcode_parameters *parameters, struct ds_buffer *wire,
                                struct problem *ret_problem)
{
    if (parameters->nested) {
        sort(parameters);
    }
    return write_level(parameters->list, parameters->count, 0, wire, ret_problem);
}
