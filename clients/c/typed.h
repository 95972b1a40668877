/* What the generated calls are made of. Private to clients/c; knows no protobuf-c header of ours,
 * since the generated code has the public ones. */
#ifndef CLIENTS_C_TYPED_H
#define CLIENTS_C_TYPED_H

#include <protobuf-c/protobuf-c.h>

struct deltastream_call_options;
struct deltastream_client;
struct deltastream_reply;
struct deltastream_call;
struct ds_method;

struct typed_method {
    const struct ds_method *const *method;
    const ProtobufCMessageDescriptor *request; /* of the public structs */
    const ProtobufCMessageDescriptor *response;
};

enum deltastream_code typed_call(struct deltastream_client *client, const struct typed_method *type,
                                 const ProtobufCMessage *request,
                                 const struct deltastream_call_options *options,
                                 struct deltastream_reply **ret_reply);

enum deltastream_code
typed_call_async(struct deltastream_client *client, const struct typed_method *type,
                 const ProtobufCMessage *request, const struct deltastream_call_options *options,
                 deltastream_done_fn done, void *context, struct deltastream_call **ret_call);

/* NULL where the reply is of another method, or a failure. */
const ProtobufCMessage *typed_response(const struct deltastream_reply *reply,
                                       const struct typed_method *type);

#endif
