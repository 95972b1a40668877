/*
 * Frames of a WebSocket's client: the bytes whole and in pieces make the same messages and the same
 * answers, messages are UTF-8 and within their limit, and what is answered are whole frames of
 * control with a close at the end, and only there, where nothing more is read.
 */
#include "ds/utf8.h"
#include "fuzz/fuzz.h"
#include "gateway/websocket_frames.h"

#define MESSAGE_BYTES_MAX 1024
/* Each input is read once for each of its cuts. */
#define INPUT_BYTES_MAX 2048
#define CUTS_MAX 128

struct reading {
    struct ds_buffer texts; /* with their lengths */
    struct ds_buffer out;
    uint32_t pong_count;
    bool goes_on;
};

static bool on_text(void *context, struct ds_bytes utf8)
{
    struct reading *reading = context;
    fuzz_require(utf8.size <= MESSAGE_BYTES_MAX, "a message is within its limit");
    fuzz_require(ds_utf8_valid(utf8), "a message is UTF-8");
    ds_buffer_append(&reading->texts, &utf8.size, sizeof utf8.size);
    ds_buffer_append(&reading->texts, utf8.data, utf8.size);
    return true;
}

static void on_pong(void *context)
{
    struct reading *reading = context;
    reading->pong_count++;
}

/* Whole to `cut`, and from there in pieces. */
static void read_frames(struct reading *reading, struct ds_bytes bytes, size_t cut, size_t piece)
{
    static const struct websocket_frames_events events = {.text = on_text, .pong = on_pong};
    struct websocket_frames *frames = websocket_frames_create(&events, reading, MESSAGE_BYTES_MAX);
    ds_buffer_clear(&reading->texts);
    ds_buffer_clear(&reading->out);
    reading->pong_count = 0;
    reading->goes_on = true;
    for (size_t at = 0; at < bytes.size && reading->goes_on;) {
        const size_t wanted = at < cut ? cut - at : piece;
        const size_t size = bytes.size - at < wanted ? bytes.size - at : wanted;
        reading->goes_on =
            websocket_frames_take(frames, ds_bytes_of(bytes.data + at, size), &reading->out);
        at += size;
    }
    if (!reading->goes_on) {
        const size_t out_bytes = reading->out.size;
        fuzz_require(!websocket_frames_take(frames, bytes, &reading->out) &&
                         reading->out.size == out_bytes,
                     "nothing is read once it is over");
    }
    websocket_frames_destroy(frames);
}

static void check_out(const struct reading *reading)
{
    struct ds_bytes out = ds_buffer_bytes(&reading->out);
    bool has_closed = false;
    while (out.size > 0) {
        fuzz_require(!has_closed, "a close is the last answer");
        fuzz_require(out.size >= 2, "answers are whole frames");
        has_closed = out.data[0] == (0x80 | WEBSOCKET_CLOSE);
        fuzz_require(has_closed || out.data[0] == (0x80 | WEBSOCKET_PONG),
                     "answers are pongs and closes");
        const size_t size = out.data[1];
        fuzz_require(size <= WEBSOCKET_CONTROL_BYTES_MAX && out.size >= 2 + size,
                     "answers are whole and unmasked");
        ds_bytes_skip(&out, 2 + size);
    }
    fuzz_require(has_closed == !reading->goes_on, "a close is sent where nothing more is read");
}

static void require_equal(const struct reading *one, const struct reading *other)
{
    fuzz_require(ds_bytes_equal(ds_buffer_bytes(&one->texts), ds_buffer_bytes(&other->texts)),
                 "messages do not depend on the pieces");
    fuzz_require(ds_bytes_equal(ds_buffer_bytes(&one->out), ds_buffer_bytes(&other->out)),
                 "answers do not depend on the pieces");
    fuzz_require(one->pong_count == other->pong_count && one->goes_on == other->goes_on,
                 "nothing depends on the pieces");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ds_bytes bytes = ds_bytes_of(data, size);
    if (size > INPUT_BYTES_MAX) {
        return 0;
    }
    struct reading whole = {0};
    struct reading cut = {0};
    ds_buffer_init(&whole.texts, SIZE_MAX);
    ds_buffer_init(&whole.out, SIZE_MAX);
    ds_buffer_init(&cut.texts, SIZE_MAX);
    ds_buffer_init(&cut.out, SIZE_MAX);
    read_frames(&whole, bytes, size, size);
    check_out(&whole);
    read_frames(&cut, bytes, 0, 1);
    require_equal(&whole, &cut);
    const size_t step = size / CUTS_MAX + 1;
    for (size_t at = 1; at < size; at += step) {
        read_frames(&cut, bytes, at, size);
        require_equal(&whole, &cut);
    }
    ds_buffer_deinit(&whole.texts);
    ds_buffer_deinit(&whole.out);
    ds_buffer_deinit(&cut.texts);
    ds_buffer_deinit(&cut.out);
    return 0;
}
