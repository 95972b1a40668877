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
static size_t pointer_of(struct ds_bytes field, char *target, size_t target_bytes)
{
    size_t size = 0;
    target[size++] = '/';
    for (size_t i = 0; i < field.size && size < target_bytes; i++) {
        const char letter = (char)field.data[i];
        if (letter != ']') {
            target[size++] = letter == '.' || letter == '[' ? '/' : letter;
        }
    }
    return size;
}

static void take_violation(struct problem *problem, struct ds_bytes wire, bool fields_are_in_body)
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
    char pointer[160];
    if (fields_are_in_body) {
        field = ds_bytes_of(pointer, pointer_of(field, pointer, sizeof pointer));
    }
    (void)problem_add(problem, fields_are_in_body ? PROBLEM_AT_POINTER : PROBLEM_AT_PARAMETER,
                      field, detail);
}

static void take_bad_request(struct problem *problem, struct ds_bytes wire, bool fields_are_in_body)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    uint32_t number = 0;
    struct ds_bytes bytes;
    uint64_t varint = 0;
    while (next_field(&reader, &number, &bytes, &varint)) {
        if (number == 1) {
            take_violation(problem, bytes, fields_are_in_body);
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

static void take_detail(struct problem *problem, struct ds_bytes any, bool fields_are_in_body)
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
        take_bad_request(problem, value, fields_are_in_body);
    } else if (ds_bytes_equal_text(type, TYPE_PREFIX "google.rpc.RetryInfo") &&
               is_message(&ds_message_google_rpc_retry_info, value)) {
        take_retry_info(problem, value);
    }
}

void problem_of_call(struct problem *problem, const struct ds_client_call *call,
                     bool fields_are_in_body)
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
            take_detail(problem, bytes, fields_are_in_body);
        }
    }
}
