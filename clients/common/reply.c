#include "clients/common/reply.h"

#include "ds/wire_check.h"

ds_code reply_unpack(struct answer *answer, struct ds_arena *arena,
                     const ProtobufCMessage **ret_reply)
{
    const struct ds_message *type = answer->method->response;
    const struct ds_bytes wire = answer->response;
    struct ds_wire_error error;
    const ProtobufCMessage *reply = NULL;
    if (ds_wire_check(type, wire, &error) == DS_OK) {
        reply = protobuf_c_message_unpack(type->descriptor, ds_arena_allocator(arena), wire.size,
                                          wire.data);
    }
    if (reply == NULL) {
        answer->code = DS_DATA_LOSS;
        answer->message = "the reply is damaged";
        return DS_DATA_LOSS;
    }
    *ret_reply = reply;
    return DS_OK;
}
