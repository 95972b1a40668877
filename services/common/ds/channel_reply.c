#include "ds/channel_reply.h"

#include "ds/channel.h"
#include "ds/compress.h"

#include <stdatomic.h>
#include <stdlib.h>

/* What the payloads of one message expand to together: a server does not send more than one payload
 * of the largest size either. */
#define PLAIN_BYTES_MAX (DS_FRAME_PAYLOAD_BYTES_MAX + 16 * DS_FRAMES_PER_MESSAGE_MAX)

/* The last one to release it frees it. */
struct ds_shared_reply {
    struct ds_client_reply base;
    atomic_size_t reference_count;
    struct ds_sp_reply *reply;
    struct ds_arena *arena; /* of texts and metadata; NULL: there are none */
    struct ds_arena *plain; /* of payloads that came compressed; NULL: there are none */
};

static void release(struct ds_client_reply *base)
{
    struct ds_shared_reply *shared = (struct ds_shared_reply *)base;
    if (atomic_fetch_sub(&shared->reference_count, 1) == 1) {
        ds_sp_reply_free(shared->reply);
        ds_arena_destroy(shared->arena);
        ds_arena_destroy(shared->plain);
        free(shared);
    }
}

struct ds_shared_reply *ds_shared_reply_create(struct ds_sp_reply *reply)
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
    return ds_sp_reply_bytes(shared->reply);
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

static bool expand(struct ds_shared_reply *shared, struct ds_bytes packed,
                   struct ds_bytes *ret_plain)
{
    size_t plain_bytes = 0;
    if (ds_compress_plain_bytes(packed, &plain_bytes) != DS_OK) {
        return false;
    }
    if (shared->plain == NULL) {
        shared->plain = ds_arena_create(PLAIN_BYTES_MAX);
    }
    uint8_t *plain = ds_arena_alloc(shared->plain, plain_bytes);
    if (plain == NULL || ds_decompress(packed, plain, plain_bytes) != DS_OK) {
        return false;
    }
    *ret_plain = ds_bytes_of(plain, plain_bytes);
    return true;
}

/* False where the payload is compressed in a way that we can't read, or expands to too much. */
static bool take_payload(struct ds_shared_reply *shared, const struct ds_frame *frame,
                         struct ds_bytes *ret_payload)
{
    if (frame->flags == DS_FRAME_ZSTD) {
        return expand(shared, frame->payload, ret_payload);
    }
    if (frame->flags != 0) {
        return false;
    }
    *ret_payload = frame->payload;
    return true;
}

bool ds_shared_reply_take(struct ds_shared_reply *shared, const struct ds_response_header *header,
                          const struct ds_frame *frame, struct ds_client_call *call)
{
    if (!take_payload(shared, frame, &call->response)) {
        return false;
    }
    call->code = header->code;
    call->message = keep_text(shared, header->message);
    call->status_details = header->status_details;
    call->has_retry_pushback = header->has_retry_pushback;
    call->retry_pushback_ms = header->retry_pushback_ms;
    call->queue_us = header->queue_us;
    call->execution_us = header->execution_us;
    call->is_unexecuted = is_refused(call);
    if (header->metadata_count > 0) {
        take_metadata(shared, frame, header->metadata_count, call);
    }
    call->reply = &shared->base;
    atomic_fetch_add(&shared->reference_count, 1);
    return true;
}
