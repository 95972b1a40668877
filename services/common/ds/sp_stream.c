#include "ds/sp_stream.h"

#define SIZE_BYTES 8
#define IPC_MESSAGE 1

void ds_sp_greeting_write(uint16_t protocol, uint8_t ret_greeting[DS_SP_GREETING_BYTES])
{
    const uint8_t greeting[DS_SP_GREETING_BYTES] = {
        0, 'S', 'P', 0, (uint8_t)(protocol >> 8), (uint8_t)protocol, 0, 0};
    memcpy(ret_greeting, greeting, sizeof greeting);
}

size_t ds_sp_head_write(bool is_ipc, uint64_t size, uint8_t ret_head[DS_SP_HEAD_BYTES_MAX])
{
    size_t at = 0;
    if (is_ipc) {
        ret_head[at++] = IPC_MESSAGE;
    }
    for (int shift = 56; shift >= 0; shift -= 8) {
        ret_head[at++] = (uint8_t)(size >> shift);
    }
    return at;
}

static size_t head_bytes(const struct ds_sp_stream *stream)
{
    return SIZE_BYTES + (stream->options.is_ipc ? 1 : 0);
}

void ds_sp_stream_init(struct ds_sp_stream *stream, const struct ds_sp_stream_options *options)
{
    *stream = (struct ds_sp_stream){.options = *options};
    ds_buffer_init(&stream->partial, head_bytes(stream) + options->message_bytes_max);
}

void ds_sp_stream_deinit(struct ds_sp_stream *stream)
{
    ds_buffer_deinit(&stream->partial);
}

void ds_sp_stream_restart(struct ds_sp_stream *stream)
{
    ds_buffer_deinit(&stream->partial);
    stream->partial_is_seen = false;
    stream->is_greeted = false;
    stream->failure = DS_SP_MORE;
}

struct ds_buffer ds_sp_stream_take(struct ds_sp_stream *stream)
{
    struct ds_buffer taken = {.data = NULL};
    if (stream->partial_is_seen) {
        taken = stream->partial;
        ds_buffer_init(&stream->partial, taken.limit);
        stream->partial_is_seen = false;
    }
    return taken;
}

bool ds_sp_stream_is_midway(const struct ds_sp_stream *stream)
{
    return !stream->is_greeted || (stream->partial.size > 0 && !stream->partial_is_seen);
}

/* Moves bytes to the part until that has `size` of them; false where they do not reach. */
static bool gather(struct ds_sp_stream *stream, struct ds_bytes *bytes, size_t size)
{
    const size_t wanted = size > stream->partial.size ? size - stream->partial.size : 0;
    const size_t taken = wanted < bytes->size ? wanted : bytes->size;
    /* Within the limit: `size` is that of a greeting or of a message that is allowed. */
    ds_buffer_append(&stream->partial, bytes->data, taken);
    ds_bytes_skip(bytes, taken);
    return taken == wanted;
}

static enum ds_sp_outcome fail(struct ds_sp_stream *stream, enum ds_sp_outcome failure)
{
    stream->failure = failure;
    return failure;
}

static enum ds_sp_outcome take_greeting(struct ds_sp_stream *stream, struct ds_bytes *bytes)
{
    uint8_t wanted[DS_SP_GREETING_BYTES];
    ds_sp_greeting_write(stream->options.peer_protocol, wanted);
    const bool is_whole = gather(stream, bytes, sizeof wanted);
    if (stream->partial.size > 0 &&
        memcmp(stream->partial.data, wanted, stream->partial.size) != 0) {
        return fail(stream, DS_SP_NO_PEER);
    }
    if (is_whole) {
        ds_buffer_deinit(&stream->partial);
        stream->is_greeted = true;
    }
    return DS_SP_MORE;
}

static uint64_t size_of(const uint8_t *head)
{
    uint64_t size = 0;
    for (int i = 0; i < SIZE_BYTES; i++) {
        size = size << 8 | head[i];
    }
    return size;
}

/* DS_SP_MESSAGE where such a message may come; `head` has as many bytes as there are yet. */
static enum ds_sp_outcome check_head(const struct ds_sp_stream *stream, struct ds_bytes head,
                                     size_t *ret_message_bytes)
{
    if (stream->options.is_ipc && head.size > 0 && head.data[0] != IPC_MESSAGE) {
        return DS_SP_NO_FRAME;
    }
    if (head.size < head_bytes(stream)) {
        return DS_SP_MORE;
    }
    const uint64_t size = size_of(head.data + head_bytes(stream) - SIZE_BYTES);
    if (size > stream->options.message_bytes_max) {
        return DS_SP_TOO_LARGE;
    }
    *ret_message_bytes = (size_t)size;
    return DS_SP_MESSAGE;
}

/* A message of which a part is here already. */
static enum ds_sp_outcome take_rest(struct ds_sp_stream *stream, struct ds_bytes *bytes,
                                    struct ds_bytes *ret_message)
{
    size_t size = 0;
    gather(stream, bytes, head_bytes(stream));
    const enum ds_sp_outcome outcome = check_head(stream, ds_buffer_bytes(&stream->partial), &size);
    if (outcome == DS_SP_MORE) {
        return DS_SP_MORE;
    }
    if (outcome != DS_SP_MESSAGE) {
        return fail(stream, outcome);
    }
    if (!gather(stream, bytes, head_bytes(stream) + size)) {
        return DS_SP_MORE;
    }
    *ret_message = ds_bytes_of(stream->partial.data + head_bytes(stream), size);
    stream->partial_is_seen = true;
    return DS_SP_MESSAGE;
}

static enum ds_sp_outcome take_message(struct ds_sp_stream *stream, struct ds_bytes *bytes,
                                       struct ds_bytes *ret_message)
{
    size_t size = 0;
    if (stream->partial.size > 0) {
        return take_rest(stream, bytes, ret_message);
    }
    const enum ds_sp_outcome outcome = check_head(stream, *bytes, &size);
    if (outcome != DS_SP_MESSAGE && outcome != DS_SP_MORE) {
        return fail(stream, outcome);
    }
    if (outcome == DS_SP_MORE || bytes->size - head_bytes(stream) < size) {
        gather(stream, bytes, bytes->size);
        return DS_SP_MORE;
    }
    *ret_message = ds_bytes_of(bytes->data + head_bytes(stream), size);
    ds_bytes_skip(bytes, head_bytes(stream) + size);
    return DS_SP_MESSAGE;
}

enum ds_sp_outcome ds_sp_stream_next(struct ds_sp_stream *stream, struct ds_bytes *bytes,
                                     struct ds_bytes *ret_message)
{
    if (stream->partial_is_seen) {
        ds_buffer_deinit(&stream->partial);
        stream->partial_is_seen = false;
    }
    if (stream->failure != DS_SP_MORE) {
        return stream->failure;
    }
    if (!stream->is_greeted) {
        const enum ds_sp_outcome outcome = take_greeting(stream, bytes);
        if (!stream->is_greeted) {
            return outcome;
        }
    }
    return take_message(stream, bytes, ret_message);
}
