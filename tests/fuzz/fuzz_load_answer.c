/*
 * The bytes of one connection into the answer that the load client takes of them, given whole and
 * in pieces. The first byte says whether the answer has a body.
 */
#include "clients/load/rest_reader.h"
#include "fuzz/fuzz.h"

#define INPUT_BYTES_MAX 4096
/* Up to this size an input is cut at each of its places, above at this many. */
#define CUTS_MAX 128

/* What became of the bytes. */
struct outcome {
    enum load_rest_event event;
    enum load_rest_event closed; /* had the connection ended behind them */
    uint16_t status;
    bool keeps_connection;
    size_t used;
    struct ds_buffer body;
};

static void give(struct load_rest_reader *reader, struct ds_bytes bytes, struct outcome *outcome)
{
    size_t used = 0;
    if (outcome->event != LOAD_REST_MORE || bytes.size == 0) {
        return;
    }
    outcome->event = load_rest_reader_take(reader, bytes, &used);
    fuzz_require(used <= bytes.size, "no more bytes are taken than there are");
    fuzz_require(outcome->event != LOAD_REST_MORE || used == bytes.size,
                 "an answer that goes on takes all bytes");
    outcome->used += used;
}

static void run(struct load_rest_reader *reader, bool has_no_body, struct ds_bytes bytes,
                size_t cut, size_t piece, struct outcome *ret_outcome)
{
    load_rest_reader_begin(reader, has_no_body, true);
    ret_outcome->event = LOAD_REST_MORE;
    ret_outcome->used = 0;
    give(reader, ds_bytes_of(bytes.data, cut), ret_outcome);
    for (size_t at = cut; at < bytes.size; at += piece) {
        const size_t left = bytes.size - at;
        give(reader, ds_bytes_of(bytes.data + at, left < piece ? left : piece), ret_outcome);
    }
    ret_outcome->closed = load_rest_reader_close(reader);
    ret_outcome->status = reader->status;
    ret_outcome->keeps_connection = reader->keeps_connection;
    ds_buffer_clear(&ret_outcome->body);
    ds_buffer_append(&ret_outcome->body, reader->body.data, reader->body.size);
    fuzz_require(ret_outcome->event != LOAD_REST_END ||
                     (reader->status >= 200 && reader->status <= 999),
                 "an answer has a status");
    fuzz_require(!has_no_body || reader->body.size == 0, "an answer without a body has none");
}

static void require_same(const struct outcome *whole, const struct outcome *pieces)
{
    fuzz_require(whole->event == pieces->event, "bytes in pieces come to the same end");
    if (whole->event == LOAD_REST_WRONG) {
        return;
    }
    fuzz_require(whole->used == pieces->used && whole->status == pieces->status &&
                     whole->keeps_connection == pieces->keeps_connection &&
                     whole->closed == pieces->closed &&
                     ds_bytes_equal(ds_buffer_bytes(&whole->body), ds_buffer_bytes(&pieces->body)),
                 "bytes in pieces are read as they are whole");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    struct load_rest_reader reader;
    struct outcome whole;
    struct outcome pieces;
    const bool has_no_body = (data[0] & 1) != 0;
    const struct ds_bytes bytes = ds_bytes_of(data + 1, size - 1);
    load_rest_reader_init(&reader);
    ds_buffer_init(&whole.body, FUZZ_BYTES_MAX);
    ds_buffer_init(&pieces.body, FUZZ_BYTES_MAX);
    run(&reader, has_no_body, bytes, bytes.size, 1, &whole);
    run(&reader, has_no_body, bytes, 0, 1, &pieces);
    require_same(&whole, &pieces);
    const size_t step = bytes.size / CUTS_MAX + 1;
    for (size_t cut = 1; cut < bytes.size; cut += step) {
        run(&reader, has_no_body, bytes, cut, bytes.size, &pieces);
        require_same(&whole, &pieces);
    }
    ds_buffer_deinit(&whole.body);
    ds_buffer_deinit(&pieces.body);
    load_rest_reader_deinit(&reader);
    return 0;
}
