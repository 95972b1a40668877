#include "ds/sp_stream.h"

#include <assert.h>

/* Room for many small messages, so that one receive takes them all. */
#define FIRST_BYTES 16384
#define SIZE_BYTES 8
#define IPC_MESSAGE 1

void ds_sp_greeting_write(uint16_t protocol, uint8_t ret_greeting[DS_SP_GREETING_BYTES])
{
    const uint8_t greeting[DS_SP_GREETING_BYTES] = {
        0, 'S', 'P', 0, (uint8_t)(protocol >> 8), (uint8_t)protocol, 0, 0};
    memcpy(ret_greeting, greeting, sizeof greeting);
}

static size_t head_bytes(const struct ds_sp_stream *stream)
{
    return SIZE_BYTES + (stream->options.is_ipc ? 1 : 0);
}

void ds_sp_stream_init(struct ds_sp_stream *stream, const struct ds_sp_stream_options *options)
{
    *stream = (struct ds_sp_stream){.options = *options};
    const size_t limit = head_bytes(stream) + options->message_bytes_max;
    ds_buffer_init(&stream->bytes, limit > FIRST_BYTES ? limit : FIRST_BYTES);
}

void ds_sp_stream_deinit(struct ds_sp_stream *stream)
{
    ds_buffer_deinit(&stream->bytes);
}

void ds_sp_stream_restart(struct ds_sp_stream *stream)
{
    ds_buffer_clear(&stream->bytes);
    stream->taken = 0;
    stream->is_greeted = false;
}

uint8_t *ds_sp_stream_room(struct ds_sp_stream *stream, size_t *ret_size)
{
    struct ds_buffer *bytes = &stream->bytes;
    if (stream->taken > 0) {
        bytes->size -= stream->taken;
        memmove(bytes->data, bytes->data + stream->taken, bytes->size);
        stream->taken = 0;
    }
    uint8_t *room = ds_buffer_reserve(bytes, bytes->capacity == 0 ? FIRST_BYTES : 1);
    /* What is left is less than a whole message, and the limit has room for the largest. */
    assert(room != NULL);
    *ret_size = bytes->capacity - bytes->size;
    return room;
}

void ds_sp_stream_commit(struct ds_sp_stream *stream, size_t size)
{
    ds_buffer_commit(&stream->bytes, size);
}

static enum ds_sp_outcome take_greeting(struct ds_sp_stream *stream)
{
    uint8_t wanted[DS_SP_GREETING_BYTES];
    ds_sp_greeting_write(stream->options.peer_protocol, wanted);
    const bool is_whole = stream->bytes.size >= sizeof wanted;
    const size_t size = is_whole ? sizeof wanted : stream->bytes.size;
    if (size > 0 && memcmp(stream->bytes.data, wanted, size) != 0) {
        return DS_SP_NO_PEER;
    }
    if (is_whole) {
        stream->taken = sizeof wanted;
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

static enum ds_sp_outcome take_message(struct ds_sp_stream *stream, struct ds_bytes *ret_message)
{
    const uint8_t *head = stream->bytes.data + stream->taken;
    const size_t here = stream->bytes.size - stream->taken;
    const size_t before = head_bytes(stream);
    if (stream->options.is_ipc && here > 0 && head[0] != IPC_MESSAGE) {
        return DS_SP_NO_FRAME;
    }
    if (here < before) {
        return DS_SP_MORE;
    }
    const uint64_t size = size_of(head + before - SIZE_BYTES);
    if (size > stream->options.message_bytes_max) {
        return DS_SP_TOO_LARGE;
    }
    if (here - before < size) {
        return DS_SP_MORE;
    }
    *ret_message = ds_bytes_of(head + before, (size_t)size);
    stream->taken += before + (size_t)size;
    return DS_SP_MESSAGE;
}

enum ds_sp_outcome ds_sp_stream_next(struct ds_sp_stream *stream, struct ds_bytes *ret_message)
{
    if (!stream->is_greeted) {
        const enum ds_sp_outcome outcome = take_greeting(stream);
        if (!stream->is_greeted) {
            return outcome;
        }
    }
    return take_message(stream, ret_message);
}
