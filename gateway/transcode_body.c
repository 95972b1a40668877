#include "ds/wire.h"
#include "gateway/transcode.h"

void transcode_wrap(struct ds_buffer *wire, size_t start, uint32_t field_number)
{
    if (wire->overflow) {
        return;
    }
    uint8_t prefix[2 * DS_VARINT_BYTES_MAX];
    const size_t content_bytes = wire->size - start;
    size_t prefix_bytes = ds_varint_put(prefix, (uint64_t)field_number << 3 | DS_WIRE_BYTES);
    prefix_bytes += ds_varint_put(prefix + prefix_bytes, content_bytes);
    if (ds_buffer_reserve(wire, prefix_bytes) == NULL) {
        return;
    }
    memmove(wire->data + start + prefix_bytes, wire->data + start, content_bytes);
    memcpy(wire->data + start, prefix, prefix_bytes);
    ds_buffer_commit(wire, prefix_bytes);
}

static bool refuse_large(struct problem *ret_problem)
{
    problem_set(ret_problem, DS_REASON(REQUEST_TOO_LARGE),
                "the request is larger than this method takes");
    return false;
}

/* `line` counts from 1; 0: the body is not made of lines. */
static bool refuse_json(const struct ds_json_error *error, size_t line, struct problem *ret_problem)
{
    const ds_reason reason =
        error->is_unknown_field ? DS_REASON(UNKNOWN_FIELD) : DS_REASON(INVALID_JSON);
    const char *between = error->pointer[0] == '\0' ? "" : ": ";
    if (line == 0) {
        problem_set(ret_problem, reason, "%s%s%s", error->pointer, between, error->message);
    } else {
        problem_set(ret_problem, reason, "line %zu: %s%s%s", line, error->pointer, between,
                    error->message);
    }
    struct problem_item *item = problem_add(ret_problem, PROBLEM_AT_POINTER,
                                            ds_bytes_of_text(error->pointer), error->message);
    item->has_offset = true;
    item->offset = error->offset;
    item->line = line;
    return false;
}

static bool check_read(ds_code code, const struct ds_json_error *error, size_t line,
                       struct problem *ret_problem)
{
    if (code == DS_OK) {
        return true;
    }
    return code == DS_RESOURCE_EXHAUSTED ? refuse_large(ret_problem)
                                         : refuse_json(error, line, ret_problem);
}

static bool is_blank(struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (memchr(" \t\r\n", text.data[i], 4) == NULL) {
            return false;
        }
    }
    return true;
}

/* The top-level fields that the path binds. */
static size_t bound_count(const struct route_binding *binding)
{
    size_t count = 0;
    for (uint8_t i = 0; i < binding->variable_count; i++) {
        count += binding->variables[i].field_depth == 1 ? 1 : 0;
    }
    return count;
}

/* What would do for an empty body. */
static const char *body_wanted(const struct route_binding *binding)
{
    if (binding->body == ROUTE_BODY_WHOLE) {
        return bound_count(binding) == binding->method->request->field_count
                   ? "{}, as the path gives all that this request has"
                   : "a JSON object";
    }
    const struct ds_field *field = binding->body_field;
    if ((field->flags & DS_FIELD_MAP) != 0) {
        return "a JSON object";
    }
    if ((field->flags & DS_FIELD_REPEATED) != 0) {
        return "a JSON array";
    }
    return field->kind == DS_KIND_MESSAGE && field->message->wellknown == DS_WELLKNOWN_NONE
               ? "a JSON object"
               : "a JSON value";
}

static bool refuse_empty(const char *wanted, struct problem *ret_problem)
{
    problem_set(ret_problem, DS_REASON(INVALID_JSON), "the body is empty: send %s", wanted);
    (void)problem_add(ret_problem, PROBLEM_AT_POINTER, ds_bytes_of_text(""), "the body is empty");
    return false;
}

bool transcode_rows(const struct transcode_input *input, struct ds_buffer *wire,
                    struct problem *ret_problem)
{
    const struct ds_field *rows = input->binding->method->rows;
    struct ds_bytes text = input->body;
    if (is_blank(text)) {
        return refuse_empty("one JSON object a line", ret_problem);
    }
    const struct ds_json_read_options options = {.lenient_times = true, .types = input->types};
    size_t line = 0;
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        const size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        const struct ds_bytes row = ds_bytes_of(text.data, size);
        const size_t taken = end == NULL ? size : size + 1;
        text.data += taken;
        text.size -= taken;
        line++;
        if (is_blank(row)) {
            continue;
        }
        const size_t start = wire->size;
        struct ds_json_error error = {.offset = 0};
        if (!check_read(ds_json_to_wire(rows->message, row, &options, wire, &error), &error, line,
                        ret_problem)) {
            return false;
        }
        transcode_wrap(wire, start, rows->number);
    }
    return true;
}

bool transcode_body(const struct transcode_input *input, struct ds_buffer *paths,
                    struct ds_buffer *wire, struct problem *ret_problem)
{
    const struct route_binding *binding = input->binding;
    if (is_blank(input->body)) {
        return refuse_empty(body_wanted(binding), ret_problem);
    }
    const struct ds_json_read_options options = {
        .lenient_times = true, .given_paths = paths, .types = input->types};
    struct ds_json_error error = {.offset = 0};
    const ds_code code =
        binding->body == ROUTE_BODY_WHOLE
            ? ds_json_to_wire(binding->method->request, input->body, &options, wire, &error)
            : ds_json_field_to_wire(binding->body_field, input->body, &options, wire, &error);
    return check_read(code, &error, 0, ret_problem);
}

static bool has_field(struct ds_bytes wire, const struct ds_field *field)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    uint32_t number = 0;
    enum ds_wire_type type = DS_WIRE_VARINT;
    while (!ds_wire_at_end(&reader) && ds_wire_read_tag(&reader, &number, &type) &&
           ds_wire_skip(&reader, type)) {
        if (number == field->number) {
            return true;
        }
    }
    return false;
}

/* A name of the body that says which resource is meant, or what the mask is, is no change. */
static bool is_change(const struct route_binding *binding, struct ds_bytes path)
{
    const uint8_t first = binding->body == ROUTE_BODY_FIELD ? 1 : 0;
    if (first == 0 && route_field_is_named(path, &binding->mask_field, 1)) {
        return false;
    }
    for (uint8_t i = 0; i < binding->variable_count; i++) {
        const struct route_variable *variable = &binding->variables[i];
        const bool is_in_body = first == 0 || variable->field_path[0] == binding->body_field;
        if (is_in_body && route_field_is_named(path, variable->field_path + first,
                                               (uint8_t)(variable->field_depth - first))) {
            return false;
        }
    }
    return true;
}

void transcode_mask_write(const struct route_binding *binding, struct ds_bytes paths,
                          struct ds_buffer *wire)
{
    if (binding->body == ROUTE_BODY_WHOLE &&
        has_field(ds_buffer_bytes(wire), binding->mask_field)) {
        return;
    }
    const size_t start = wire->size;
    struct ds_wire_reader reader = ds_wire_reader_of(paths);
    uint32_t number = 0;
    enum ds_wire_type type = DS_WIRE_BYTES;
    struct ds_bytes path = {0};
    while (!ds_wire_at_end(&reader) && ds_wire_read_tag(&reader, &number, &type) &&
           ds_wire_read_bytes(&reader, &path)) {
        if (is_change(binding, path)) {
            ds_wire_write_bytes_field(wire, number, path);
        }
    }
    transcode_wrap(wire, start, binding->mask_field->number);
}
