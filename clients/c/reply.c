#include "clients/c/client.h"

#define REPLY_INFO_BYTES_MIN sizeof(struct deltastream_reply_info)

void deltastream_reply_free(struct deltastream_reply *reply)
{
    if (reply != NULL) {
        call_unref(&reply->call);
    }
}

enum deltastream_code deltastream_reply_code(const struct deltastream_reply *reply)
{
    return (enum deltastream_code)reply->call.code;
}

const char *deltastream_reply_message(const struct deltastream_reply *reply)
{
    return reply->call.message;
}

const char *deltastream_reply_reason(const struct deltastream_reply *reply)
{
    const ds_reason reason = ds_status_reason(reply->call.call.status_details);
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&rpc__reason__descriptor, (int)reason);
    return value != NULL ? value->name : "REASON_UNSPECIFIED";
}

const void *deltastream_reply_details(const struct deltastream_reply *reply, size_t *ret_bytes)
{
    *ret_bytes = reply->call.call.status_details.size;
    return reply->call.call.status_details.data;
}

const void *deltastream_reply_wire(const struct deltastream_reply *reply, size_t *ret_bytes)
{
    *ret_bytes = reply->call.call.response.size;
    return reply->call.call.response.data;
}

static struct deltastream_metadata metadata_of(const struct ds_metadata_entry *entry)
{
    return (struct deltastream_metadata){
        .key = entry->key, .value = entry->value.data, .value_bytes = entry->value.size};
}

bool deltastream_reply_metadata(const struct deltastream_reply *reply, const char *key,
                                struct deltastream_metadata *ret_entry)
{
    for (size_t i = 0; i < reply->call.call.response_metadata_count; i++) {
        if (strcmp(reply->call.call.response_metadata[i].key, key) == 0) {
            *ret_entry = metadata_of(&reply->call.call.response_metadata[i]);
            return true;
        }
    }
    return false;
}

bool deltastream_reply_metadata_at(const struct deltastream_reply *reply, size_t place,
                                   struct deltastream_metadata *ret_entry)
{
    if (place >= reply->call.call.response_metadata_count) {
        return false;
    }
    *ret_entry = metadata_of(&reply->call.call.response_metadata[place]);
    return true;
}

/* What has a text of its own tells why. */
static bool is_unreached(const struct ds_client_call *call)
{
    return call->code == DS_UNAVAILABLE && call->reply == NULL &&
           strcmp(call->message, ds_client_failure_text(DS_UNAVAILABLE)) == 0;
}

enum deltastream_code deltastream_reply_describe(const struct deltastream_reply *reply,
                                                 struct deltastream_reply_info *ret_info)
{
    const struct ds_client_call *call = &reply->call.call;
    const struct deltastream_reply_info known = {
        .method = (const struct deltastream_method *)call->method,
        .attempt = call->attempt,
        .queue_us = call->queue_us,
        .execution_us = call->execution_us,
        .has_retry_after = call->has_retry_pushback,
        .retry_after_ms = call->retry_pushback_ms,
        .is_unreached = is_unreached(call),
    };
    return struct_give(ret_info, &known, sizeof known, REPLY_INFO_BYTES_MIN)
               ? DELTASTREAM_OK
               : DELTASTREAM_INVALID_ARGUMENT;
}
