#include "service_json.h"

#include "ds/json.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_BYTES_MAX ((size_t)16 * 1024 * 1024)

static const struct ds_method *method_find(const char *name)
{
    char full_name[128];
    const int size =
        snprintf(full_name, sizeof full_name, "deltastream.storage.v1.Storage/%s", name);
    const struct ds_method *method = ds_method_find(full_name, (size_t)size);
    assert_non_null(method);
    return method;
}

ds_code call_json(struct service *service, const char *method, const char *request)
{
    const struct ds_json_read_options options = {.lenient_times = true};
    const struct ds_message *type = method_find(method)->request;
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, MESSAGE_BYTES_MAX);
    if (ds_json_to_wire(type, ds_bytes_of_text(request), &options, &wire, &error) != DS_OK) {
        fail_msg("%s: %s", error.pointer, error.message);
    }
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type->descriptor, NULL, wire.size, wire.data);
    assert_non_null(message);
    const ds_code code = service_call(service, method, message);
    protobuf_c_message_free_unpacked(message, NULL);
    ds_buffer_deinit(&wire);
    return code;
}

/* The newest call's reply, terminated; free it. */
static char *reply_json(struct service *service, const char *method)
{
    const struct ds_json_style style = {
        .proto_names = true, .defaults = true, .int64_numbers = true};
    struct ds_buffer text;
    ds_buffer_init(&text, MESSAGE_BYTES_MAX);
    assert_int_equal(
        ds_wire_to_json(method_find(method)->response, service->call.response, &style, &text),
        DS_OK);
    ds_buffer_append_byte(&text, 0);
    return (char *)text.data;
}

void assert_json(struct service *service, const char *method, const char *request,
                 const char *expected)
{
    if (call_json(service, method, request) != DS_OK) {
        fail_msg("%s %s: %s", method, request, service->call.message);
    }
    char *reply = reply_json(service, method);
    const bool equal = strcmp(reply, expected) == 0;
    if (!equal) {
        print_error("%s %s gives\n  %s\nand not\n  %s\n", method, request, reply, expected);
    }
    free(reply);
    assert_true(equal);
}

void assert_refused(struct service *service, const char *method, const char *request, ds_code code,
                    const char *message)
{
    assert_int_equal(call_json(service, method, request), code);
    if (strncmp(service->call.message, message, strlen(message)) != 0) {
        fail_msg("%s %s: %s", method, request, service->call.message);
    }
}

void assert_all_refused(struct service *service, const char *method, const struct refusal *refusals,
                        size_t refusal_count)
{
    for (size_t i = 0; i < refusal_count; i++) {
        assert_refused(service, method, json_of(refusals[i].request), DS_INVALID_ARGUMENT,
                       refusals[i].message);
        assert_failure(service, refusals[i].field, NULL);
    }
}

void ingest_json(struct service *service, const char *method, const char *request)
{
    if (call_json(service, method, request) != DS_OK) {
        fail_msg("%s: %s", method, service->call.message);
    }
    char *reply = reply_json(service, method);
    const bool accepted =
        strstr(reply, "\"rejected\":[]") != NULL && strstr(reply, "\"duplicate\":0") != NULL;
    if (!accepted) {
        print_error("%s gives %s\n", method, reply);
    }
    free(reply);
    assert_true(accepted);
}

void store_row(struct service *service, enum market_kind kind, const char *series,
               const char *group, struct ds_bytes value)
{
    enum market_outcome outcome;
    const struct market_row row = {
        .series = ds_bytes_of_text(series),
        .group = ds_bytes_of_text(group),
        .timestamp_us = SERVICE_NOW_US,
        .value = value,
    };
    struct market_batch batch = {.kind = kind, .rows = &row, .row_count = 1, .outcomes = &outcome};
    assert_int_equal(market_put_wait(service->store, &batch), DS_OK);
    assert_true(outcome == MARKET_ACCEPTED || outcome == MARKET_ACCEPTED_LATE);
}
