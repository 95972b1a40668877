#include "ds/json.h"

#include "clients/c/client.h"
#include "ds/frame.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Enough for where the text is at fault and why. */
#define FAULT_BYTES_MAX 320

/* Appends the request's wire bytes; where it fails, ret_fault says why. */
static ds_code request_read(const struct ds_method *method, const char *json, size_t json_bytes,
                            struct ds_buffer *wire, char ret_fault[FAULT_BYTES_MAX])
{
    const struct ds_json_read_options options = {.lenient_times = false};
    struct ds_json_error error = {.offset = 0};
    const ds_code code =
        ds_json_to_wire(method->request, ds_bytes_of(json, json_bytes), &options, wire, &error);
    if (code == DS_INVALID_ARGUMENT) {
        snprintf(ret_fault, FAULT_BYTES_MAX, "%s%s%s (at byte %zu)", error.pointer,
                 error.pointer[0] != '\0' ? ": " : "", error.message, error.offset);
    } else if (code != DS_OK) {
        snprintf(ret_fault, FAULT_BYTES_MAX, "the request has more than 16 MiB");
    }
    return code;
}

enum deltastream_code deltastream_call_json(struct deltastream_client *client,
                                            const struct deltastream_method *method,
                                            const char *request, size_t request_bytes,
                                            const struct deltastream_call_options *options,
                                            struct deltastream_reply **ret_reply)
{
    assert(request != NULL);
    char fault[FAULT_BYTES_MAX];
    struct ds_buffer wire;
    if (method == NULL) {
        return deltastream_call_raw(client, NULL, NULL, 0, options, ret_reply);
    }
    ds_buffer_init(&wire, DS_FRAME_PAYLOAD_BYTES_MAX);
    const ds_code read = request_read(method_of(method), request, request_bytes, &wire, fault);
    const enum deltastream_code code =
        read == DS_OK
            ? deltastream_call_raw(client, method, wire.data, wire.size, options, ret_reply)
            : call_refuse(call_create(client, method_of(method), 0), read, fault, ret_reply);
    ds_buffer_deinit(&wire);
    return code;
}

enum deltastream_code deltastream_request_from_json(const struct deltastream_method *method,
                                                    const char *json, size_t json_bytes,
                                                    void **ret_wire, size_t *ret_wire_bytes,
                                                    char *ret_message, size_t message_bytes)
{
    assert(method != NULL && json != NULL);
    char fault[FAULT_BYTES_MAX];
    struct ds_buffer wire;
    ds_buffer_init(&wire, DS_FRAME_PAYLOAD_BYTES_MAX);
    const ds_code code = request_read(method_of(method), json, json_bytes, &wire, fault);
    if (code == DS_OK) {
        void *copy = malloc(wire.size + 1);
        if (copy == NULL) {
            abort();
        }
        if (wire.size > 0) {
            memcpy(copy, wire.data, wire.size);
        }
        *ret_wire = copy;
        *ret_wire_bytes = wire.size;
    } else {
        message_write(ret_message, message_bytes, "%s", fault);
    }
    ds_buffer_deinit(&wire);
    return (enum deltastream_code)code;
}

enum deltastream_code deltastream_reply_json(struct deltastream_reply *reply, unsigned int flags,
                                             const char **ret_text, size_t *ret_bytes)
{
    struct deltastream_call *call = &reply->call;
    if (call->code != DS_OK) {
        return DELTASTREAM_FAILED_PRECONDITION;
    }
    const struct ds_json_style style = {
        .proto_names = (flags & DELTASTREAM_JSON_PROTO_NAMES) != 0,
        .defaults = (flags & DELTASTREAM_JSON_DEFAULTS) != 0,
    };
    ds_buffer_clear(&call->json);
    if (ds_wire_to_json(call->call.method->response, call->call.response, &style, &call->json) !=
        DS_OK) {
        return DELTASTREAM_INTERNAL;
    }
    ds_buffer_append_byte(&call->json, '\0');
    *ret_text = (const char *)call->json.data;
    if (ret_bytes != NULL) {
        *ret_bytes = call->json.size - 1;
    }
    return DELTASTREAM_OK;
}
