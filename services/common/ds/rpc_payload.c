#include "ds/rpc_payload.h"

#include "ds/compress.h"
#include "ds/frame.h"
#include "ds/rpc_internal.h"

static ds_code check_size(struct ds_call *call, size_t size)
{
    if (size > call->method->request_bytes_max) {
        return ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(REQUEST_TOO_LARGE),
                              "the request has %zu bytes; %s takes at most %u", size,
                              call->method->name, call->method->request_bytes_max);
    }
    return DS_OK;
}

static ds_code fail_damaged(struct ds_call *call)
{
    return ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(INVALID_REQUEST),
                          "the request's payload is not one whole zstd frame that tells the size "
                          "of its content");
}

ds_code ds_rpc_payload_check(struct ds_call *call)
{
    const struct ds_call_request *request = &call->request;
    DS_TRY(check_size(call, request->payload.size));
    if (!request->is_packed) {
        return DS_OK;
    }
    if (!call->method->may_compress) {
        return ds_fail_reason(call, DS_INVALID_ARGUMENT, DS_REASON(INVALID_REQUEST),
                              "%s takes no compressed request", call->method->name);
    }
    size_t plain_bytes = 0;
    if (ds_compress_plain_bytes(request->payload, &plain_bytes) != DS_OK) {
        return fail_damaged(call);
    }
    return check_size(call, plain_bytes);
}

ds_code ds_rpc_payload_expand(struct ds_call *call)
{
    struct ds_call_request *request = &call->request;
    size_t plain_bytes = 0;
    if (!request->is_packed) {
        return DS_OK;
    }
    if (ds_compress_plain_bytes(request->payload, &plain_bytes) != DS_OK) {
        return fail_damaged(call);
    }
    uint8_t *plain = ds_arena_alloc(call->arena, plain_bytes);
    if (plain == NULL) {
        return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(REQUEST_TOO_LARGE),
                              "the request needs more memory than a call may use");
    }
    if (ds_decompress(request->payload, plain, plain_bytes) != DS_OK) {
        return fail_damaged(call);
    }
    request->payload = ds_bytes_of(plain, plain_bytes);
    request->is_packed = false;
    return DS_OK;
}

bool ds_rpc_payload_may_pack_response(const struct ds_call *call)
{
    return call->code == DS_OK && call->response.size >= DS_COMPRESS_BYTES_MIN &&
           call->request.accepts_zstd && call->method->may_compress;
}

void ds_rpc_payload_pack_response(struct ds_call *call)
{
    if (!ds_compress(call->response, &call->packed_response)) {
        return;
    }
    call->response = ds_buffer_bytes(&call->packed_response);
    call->response_flags = DS_FRAME_ZSTD;
    ds_buffer_deinit(&call->raw_response); /* Nobody reads it any more. */
}
