/* What a failed call's google.rpc.Status says, as a problem. */
#include "ds/wire.h"
#include "ds/wire_check.h"
#include "gateway/problem.h"
#include "schema.gen.h"

#include <stdio.h>

#define TYPE_PREFIX "type.googleapis.com/"

/* Takes the next field of a checked message; false at its end. */
static bool next_field(struct ds_wire_reader *reader, uint32_t *ret_number,
                       struct ds_bytes *ret_bytes, uint64_t *ret_varint)
{
    enum ds_wire_type type = DS_WIRE_VARINT;
    *ret_bytes = ds_bytes_of(NULL, 0);
    *ret_varint = 0;
    if (ds_wire_at_end(reader) || !ds_wire_read_tag(reader, ret_number, &type)) {
        return false;
    }
    if (type == DS_WIRE_BYTES) {
        return ds_wire_read_bytes(reader, ret_bytes);
    }
    return type == DS_WIRE_VARINT ? ds_wire_read_varint(reader, ret_varint)
                                  : ds_wire_skip(reader, type);
}

static bool is_message(const struct ds_message *message, struct ds_bytes wire)
{
    struct ds_wire_error error;
    return ds_wire_check(message, wire, &error) == DS_OK;
}

/* "ticks[3].price" as "/ticks/3/price". */
static struct ds_bytes pointer_of(struct ds_bytes field, char *target, size_t target_bytes)
{
    size_t size = 0;
    for (size_t i = 0; i < field.size && size < target_bytes; i++) {
        const char letter = (char)field.data[i];
        if (letter != ']') {
            target[size++] = letter == '.' || letter == '[' ? '/' : letter;
        }
    }
    return ds_bytes_of(target, size);
}

static bool is_of_path(const struct route_binding *binding, struct ds_bytes field)
{
    for (uint8_t i = 0; i < binding->variable_count; i++) {
        const struct route_variable *variable = &binding->variables[i];
        if (route_field_is_named(field, variable->field_path, variable->field_depth)) {
            return true;
        }
    }
    return false;
}

/* Whether the field came in the body. ret_rest is its name from there on, without the body's own
 * field: ".text" of label.text, "[3]" of words[3], nothing of the whole. */
static bool is_of_body(const struct route_binding *binding, struct ds_bytes field,
                       struct ds_bytes *ret_rest)
{
    if (binding == NULL || binding->body != ROUTE_BODY_FIELD || is_of_path(binding, field)) {
        return false;
    }
    const size_t size = binding->body_field->name_bytes;
    if (field.size < size || memcmp(field.data, binding->body_field->name, size) != 0) {
        return false;
    }
    *ret_rest = ds_bytes_of(field.data + size, field.size - size);
    return ret_rest->size == 0 || ret_rest->data[0] == '.' || ret_rest->data[0] == '[';
}

static void add_place(struct problem *problem, struct ds_bytes field, const char *detail,
                      const struct route_binding *binding)
{
    char pointer[160];
    struct ds_bytes rest;
    if (is_of_body(binding, field, &rest)) {
        (void)problem_add(problem, PROBLEM_AT_POINTER, pointer_of(rest, pointer, sizeof pointer),
                          detail);
    } else if (binding != NULL && binding->body == ROUTE_BODY_WHOLE &&
               !is_of_path(binding, field)) {
        pointer[0] = '/';
        rest = pointer_of(field, pointer + 1, sizeof pointer - 1);
        (void)problem_add(problem, PROBLEM_AT_POINTER, ds_bytes_of(pointer, rest.size + 1), detail);
    } else {
        (void)problem_add(problem, PROBLEM_AT_PARAMETER, field, detail);
    }
}

static void take_violation(struct problem *problem, struct ds_bytes wire,
                           const struct route_binding *binding)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    struct ds_bytes field = {0};
    char detail[256] = "";
    uint32_t number = 0;
    struct ds_bytes bytes;
    uint64_t varint = 0;
    while (next_field(&reader, &number, &bytes, &varint)) {
        if (number == 1) {
            field = bytes;
        } else if (number == 2) {
            (void)snprintf(detail, sizeof detail, "%.*s", (int)bytes.size,
                           (const char *)bytes.data);
        }
    }
    add_place(problem, field, detail, binding);
}

static void take_bad_request(struct problem *problem, struct ds_bytes wire,
                             const struct route_binding *binding)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    uint32_t number = 0;
    struct ds_bytes bytes;
    uint64_t varint = 0;
    while (next_field(&reader, &number, &bytes, &varint)) {
        if (number == 1) {
            take_violation(problem, bytes, binding);
        }
    }
}

/* RetryInfo{Duration retry_delay = 1}. */
static void take_retry_info(struct problem *problem, struct ds_bytes wire)
{
    struct ds_wire_reader outer = ds_wire_reader_of(wire);
    uint32_t number = 0;
    struct ds_bytes duration;
    uint64_t varint = 0;
    while (next_field(&outer, &number, &duration, &varint)) {
        struct ds_wire_reader reader = ds_wire_reader_of(duration);
        struct ds_bytes bytes;
        uint64_t milliseconds = 0;
        while (number == 1 && next_field(&reader, &number, &bytes, &varint)) {
            const uint64_t bounded = varint < INT32_MAX ? varint : INT32_MAX;
            milliseconds += number == 1 ? bounded * 1000 : bounded / 1000000;
            number = 1;
        }
        if (milliseconds > 0) {
            problem->retry_after_ms = milliseconds < INT32_MAX ? (int32_t)milliseconds : INT32_MAX;
        }
    }
}

static void take_detail(struct problem *problem, struct ds_bytes any,
                        const struct route_binding *binding)
{
    struct ds_wire_reader reader = ds_wire_reader_of(any);
    struct ds_bytes type = {0};
    struct ds_bytes value = {0};
    uint32_t number = 0;
    struct ds_bytes bytes;
    uint64_t varint = 0;
    while (next_field(&reader, &number, &bytes, &varint)) {
        if (number == 1) {
            type = bytes;
        } else if (number == 2) {
            value = bytes;
        }
    }
    if (ds_bytes_equal_text(type, TYPE_PREFIX "google.rpc.BadRequest") &&
        is_message(&ds_message_google_rpc_bad_request, value)) {
        take_bad_request(problem, value, binding);
    } else if (ds_bytes_equal_text(type, TYPE_PREFIX "google.rpc.RetryInfo") &&
               is_message(&ds_message_google_rpc_retry_info, value)) {
        take_retry_info(problem, value);
    }
}

void problem_of_call(struct problem *problem, const struct ds_client_call *call,
                     const struct route_binding *binding)
{
    const char *text = call->message[0] != '\0' ? call->message : "the call failed";
    problem_set(problem, DS_REASON(REASON_UNSPECIFIED), "%s", text);
    problem->code = call->code;
    problem->retry_after_ms = call->retry_pushback_ms > 0 ? call->retry_pushback_ms : 0;
    if (call->status_details.size == 0 ||
        !is_message(&ds_message_google_rpc_status, call->status_details)) {
        return;
    }
    problem->reason = ds_status_reason(call->status_details);
    struct ds_wire_reader reader = ds_wire_reader_of(call->status_details);
    uint32_t number = 0;
    struct ds_bytes bytes;
    uint64_t varint = 0;
    while (next_field(&reader, &number, &bytes, &varint)) {
        if (number == 3) {
            take_detail(problem, bytes, binding);
        }
    }
}
