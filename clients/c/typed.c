#include "clients/c/client.h"
#include "ds/wire_check.h"

#include <assert.h>

/* What a response may cost in memory once it is unpacked. */
#define RESPONSE_BYTES_BASE (64 * 1024 * 1024)
#define RESPONSE_BYTES_FACTOR 8

/* NULL where the request can't be packed. */
static struct deltastream_call *typed_create(struct deltastream_client *client,
                                             const struct typed_method *type,
                                             const ProtobufCMessage *request)
{
    assert(request != NULL);
    if (request->descriptor != type->request || !protobuf_c_message_check(request)) {
        return NULL;
    }
    const size_t size = protobuf_c_message_get_packed_size(request);
    struct deltastream_call *call = call_create(client, *type->method, size);
    protobuf_c_message_pack(request, call->request);
    call->type = type;
    return call;
}

enum deltastream_code typed_call(struct deltastream_client *client, const struct typed_method *type,
                                 const ProtobufCMessage *request,
                                 const struct deltastream_call_options *options,
                                 struct deltastream_reply **ret_reply)
{
    struct deltastream_call *call = typed_create(client, type, request);
    if (call == NULL) {
        return call_refuse(call_create(client, *type->method, 0), DS_INVALID_ARGUMENT,
                           "the request was not initialised by the …__INIT of its type, or one of "
                           "its pointers is NULL",
                           ret_reply);
    }
    return call_run(call, options, ret_reply);
}

enum deltastream_code
typed_call_async(struct deltastream_client *client, const struct typed_method *type,
                 const ProtobufCMessage *request, const struct deltastream_call_options *options,
                 deltastream_done_fn done, void *context, struct deltastream_call **ret_call)
{
    struct deltastream_call *call = typed_create(client, type, request);
    return call == NULL ? DELTASTREAM_INVALID_ARGUMENT
                        : call_begin(call, options, done, context, ret_call);
}

void typed_take_response(struct deltastream_call *call)
{
    const struct ds_bytes wire = call->call.response;
    struct ds_wire_error error;
    /* protobuf-c trusts what it reads, so nothing gets there that is not well-formed. */
    if (ds_wire_check(call->call.method->response, wire, &error) != DS_OK) {
        call->code = DS_INTERNAL;
        call->message = "the response can't be read";
        return;
    }
    struct ds_arena *arena = call_arena(call);
    ds_arena_extend(arena, RESPONSE_BYTES_BASE + RESPONSE_BYTES_FACTOR * wire.size);
    call->response = protobuf_c_message_unpack(call->type->response, ds_arena_allocator(arena),
                                               wire.size, wire.data);
    if (call->response == NULL) {
        call->code = DS_RESOURCE_EXHAUSTED;
        call->message = "the response needs more memory than a call may use";
    }
}

const ProtobufCMessage *typed_response(const struct deltastream_reply *reply,
                                       const struct typed_method *type)
{
    return reply != NULL && reply->call.type == type ? reply->call.response : NULL;
}
