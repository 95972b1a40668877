#include "ds/wire.h"
#include "gateway/transcode.h"

static const struct ds_json_read_options read_options = {.lenient_times = true};

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

static bool read_json(const struct ds_message *message, struct ds_bytes text, size_t line,
                      struct ds_buffer *wire, struct problem *ret_problem)
{
    struct ds_json_error error = {.offset = 0};
    const ds_code code = ds_json_to_wire(message, text, &read_options, wire, &error);
    if (code == DS_OK) {
        return true;
    }
    return code == DS_RESOURCE_EXHAUSTED ? refuse_large(ret_problem)
                                         : refuse_json(&error, line, ret_problem);
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

/* One row a line. */
static bool read_rows(const struct ds_field *rows, struct ds_bytes text, struct ds_buffer *wire,
                      struct problem *ret_problem)
{
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
        if (!read_json(rows->message, row, line, wire, ret_problem)) {
            return false;
        }
        transcode_wrap(wire, start, rows->number);
    }
    return true;
}

bool transcode_body(const struct transcode_input *input, struct ds_buffer *wire,
                    struct problem *ret_problem)
{
    const struct route_binding *binding = input->binding;
    const struct ds_method *method = binding->method;
    if (is_blank(input->body)) {
        problem_set(ret_problem, DS_REASON(INVALID_JSON), "the body is empty: send %s",
                    input->form == BODY_FORM_NDJSON ? "one JSON object a line" : "a JSON object");
        (void)problem_add(ret_problem, PROBLEM_AT_POINTER, ds_bytes_of_text(""),
                          "the body is empty");
        return false;
    }
    if (input->form == BODY_FORM_NDJSON) {
        return read_rows(method->rows, input->body, wire, ret_problem);
    }
    if (binding->body == ROUTE_BODY_WHOLE) {
        return read_json(method->request, input->body, 0, wire, ret_problem);
    }
    const size_t start = wire->size;
    if (!read_json(binding->body_field->message, input->body, 0, wire, ret_problem)) {
        return false;
    }
    transcode_wrap(wire, start, binding->body_field->number);
    return true;
}
