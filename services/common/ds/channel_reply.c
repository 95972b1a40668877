#include "ds/channel_reply.h"

#include "ds/channel.h"

#include <stdatomic.h>
#include <stdlib.h>

/* The last one to release it frees it. */
struct ds_shared_reply {
    struct ds_client_reply base;
    atomic_size_t reference_count;
    struct ds_nng_reply *reply;
    struct ds_arena *arena; /* of texts and metadata; NULL: there are none */
};

static void release(struct ds_client_reply *base)
{
    struct ds_shared_reply *shared = (struct ds_shared_reply *)base;
    if (atomic_fetch_sub(&shared->reference_count, 1) == 1) {
        ds_nng_reply_free(shared->reply);
        ds_arena_destroy(shared->arena);
        free(shared);
    }
}

struct ds_shared_reply *ds_shared_reply_create(struct ds_nng_reply *reply)
{
    struct ds_shared_reply *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        abort();
    }
    shared->base.release = release;
    shared->reply = reply;
    atomic_init(&shared->reference_count, 1);
    return shared;
}

void ds_shared_reply_unref(struct ds_shared_reply *shared)
{
    release(&shared->base);
}

struct ds_bytes ds_shared_reply_bytes(const struct ds_shared_reply *shared)
{
    return ds_nng_reply_bytes(shared->reply);
}

static struct ds_arena *reply_arena(struct ds_shared_reply *shared)
{
    if (shared->arena == NULL) {
        shared->arena = ds_arena_create(DS_FRAME_PAYLOAD_BYTES_MAX);
    }
    return shared->arena;
}

static const char *keep_text(struct ds_shared_reply *shared, struct ds_bytes text)
{
    if (text.size == 0) {
        return "";
    }
    const char *copy = ds_arena_copy_text(reply_arena(shared), (const char *)text.data, text.size);
    return copy != NULL ? copy : "";
}

/* Metadata that is against the rules is left out, all of it. */
static void take_metadata(struct ds_shared_reply *shared, const struct ds_frame *frame,
                          size_t count, struct ds_client_call *call)
{
    struct ds_arena *arena = reply_arena(shared);
    struct ds_metadata_entry *entries = ds_arena_alloc(arena, count * sizeof *entries);
    if (entries != NULL && ds_response_header_metadata(frame->header, arena, entries, count)) {
        call->response_metadata = entries;
        call->response_metadata_count = count;
    }
}

static bool is_refusal(ds_reason reason)
{
    return reason == DS_REASON(SERVER_STOPPING) || reason == DS_REASON(SERVER_BUSY) ||
           reason == DS_REASON(SHARE_OVERFLOW);
}

/* Whether the server says that it has not executed the call. */
static bool is_refused(const struct ds_client_call *call)
{
    return (call->code == DS_UNAVAILABLE || call->code == DS_RESOURCE_EXHAUSTED) &&
           is_refusal(ds_status_reason(call->status_details));
}

void ds_shared_reply_take(struct ds_shared_reply *shared, const struct ds_response_header *header,
                          const struct ds_frame *frame, struct ds_client_call *call)
{
    call->code = header->code;
    call->message = keep_text(shared, header->message);
    call->status_details = header->status_details;
    call->retry_pushback_ms = header->retry_pushback_ms;
    call->queue_us = header->queue_us;
    call->execution_us = header->execution_us;
    call->is_unexecuted = is_refused(call);
    call->response = frame->payload;
    if (header->metadata_count > 0) {
        take_metadata(shared, frame, header->metadata_count, call);
    }
    call->reply = &shared->base;
    atomic_fetch_add(&shared->reference_count, 1);
}
