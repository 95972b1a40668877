/*
 * The bytes of a publisher's connection into its messages, given whole and in pieces, with what is
 * left of a connection before. Of the first byte bit 0 says ipc, the rest is the limit of a
 * message in units of 8 bytes; the second byte is the size of the pieces.
 */
#include "ds/sp_stream.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>

/* What a buffer reserves at first. */
#define FIRST_BYTES 256

struct result {
    struct ds_buffer messages; /* each with its size before it */
    enum ds_sp_outcome outcome;
    bool is_greeted;
};

static void require_bounded(const struct ds_sp_stream *stream)
{
    const struct ds_buffer *partial = &stream->partial;
    fuzz_require(partial->capacity <= partial->limit, "memory is bounded");
    fuzz_require(partial->capacity <= FIRST_BYTES || partial->capacity <= 2 * partial->size,
                 "memory grows with what has come");
}

/* All of the messages in `bytes`, which all are taken where more may come. */
static void take_messages(struct ds_sp_stream *stream, struct ds_bytes bytes, struct result *result)
{
    struct ds_bytes message;
    result->outcome = ds_sp_stream_next(stream, &bytes, &message);
    while (result->outcome == DS_SP_MESSAGE) {
        fuzz_require(stream->is_greeted, "messages come after the greeting");
        fuzz_require(message.size <= stream->options.message_bytes_max, "no message is too large");
        ds_buffer_printf(&result->messages, "%zu ", message.size);
        ds_buffer_append(&result->messages, message.data, message.size);
        result->outcome = ds_sp_stream_next(stream, &bytes, &message);
    }
    fuzz_require(result->outcome != DS_SP_MORE || bytes.size == 0, "all is taken");
    require_bounded(stream);
}

static void read_all(struct ds_sp_stream *stream, struct ds_bytes bytes, size_t piece,
                     struct result *result)
{
    ds_buffer_clear(&result->messages);
    take_messages(stream, (struct ds_bytes){0}, result);
    while (bytes.size > 0 && result->outcome == DS_SP_MORE) {
        const size_t size = piece < bytes.size ? piece : bytes.size;
        /* Of its own, so that a read past its end is seen. */
        uint8_t *copy = malloc(size);
        fuzz_require(copy != NULL, "there is memory");
        memcpy(copy, bytes.data, size);
        take_messages(stream, ds_bytes_of(copy, size), result);
        free(copy);
        ds_bytes_skip(&bytes, size);
    }
    result->is_greeted = stream->is_greeted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    const struct ds_bytes bytes = ds_bytes_of(data + 2, size - 2);
    struct ds_sp_stream stream;
    struct result whole;
    struct result pieces;
    ds_buffer_init(&whole.messages, FUZZ_BYTES_MAX);
    ds_buffer_init(&pieces.messages, FUZZ_BYTES_MAX);
    ds_sp_stream_init(&stream, &(struct ds_sp_stream_options){
                                   .is_ipc = (data[0] & 1) != 0,
                                   .peer_protocol = DS_SP_PUB,
                                   .message_bytes_max = (size_t)(data[0] >> 1) * 8,
                               });
    read_all(&stream, bytes, SIZE_MAX, &whole);
    ds_sp_stream_restart(&stream);
    read_all(&stream, bytes, (size_t)data[1] + 1, &pieces);
    fuzz_require(
        whole.outcome == pieces.outcome && whole.is_greeted == pieces.is_greeted &&
            ds_bytes_equal(ds_buffer_bytes(&whole.messages), ds_buffer_bytes(&pieces.messages)),
        "pieces change nothing");
    ds_buffer_deinit(&whole.messages);
    ds_buffer_deinit(&pieces.messages);
    ds_sp_stream_deinit(&stream);
    return 0;
}
