#include "fuzz/http_actor.h"

#include "fuzz/fuzz.h"

#define SMALL_BYTES 5
#define LARGE_BYTES ((size_t)32 * 1024)
#define LARGE_PIECES_MAX 32 /* of one conversation */

static void on_writable(void *context)
{
    const struct http_actor *actor = context;
    fuzz_require(!actor->stage->is_calling && actor->stream != NULL,
                 "only open streams are writable");
}

static void on_bytes(void *context, struct ds_bytes bytes)
{
    const struct http_actor *actor = context;
    fuzz_require(!actor->stage->is_calling && actor->is_upgraded && !actor->is_over &&
                     !actor->reads_nothing && bytes.size > 0,
                 "bytes come to who wants them");
    ds_buffer_append(&actor->stage->upgraded_bytes, bytes.data, bytes.size);
}

static void on_drain(void *context)
{
    struct http_actor *actor = context;
    fuzz_require(!actor->stage->is_calling && actor->stream != NULL && !actor->saw_drain,
                 "a stream is asked once to end");
    actor->saw_drain = true;
}

static void on_closed(void *context)
{
    struct http_actor *actor = context;
    fuzz_require(!actor->stage->is_calling && actor->stream != NULL, "a stream is closed once");
    actor->stream = NULL;
    actor->stage->open_count--;
}

static bool send_bytes(struct http_actor *actor, size_t size)
{
    static uint8_t bytes[LARGE_BYTES];
    struct http_expected *expected = actor->expected;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = http_stream_byte(actor->number, expected->stream_bytes + i);
    }
    struct http_piece *piece = http_piece_create(ds_bytes_of(bytes, size));
    const bool is_sent = http_stream_send(actor->stream, piece);
    http_piece_unref(piece);
    if (is_sent && !expected->is_head) {
        expected->stream_bytes += size;
    }
    fuzz_require(http_stream_unsent_bytes(actor->stream) <= expected->stream_bytes,
                 "no more is unsent than was sent");
    return is_sent;
}

static bool send_large(struct http_actor *actor)
{
    if (actor->stage->large_count == LARGE_PIECES_MAX) {
        return send_bytes(actor, SMALL_BYTES);
    }
    const bool is_sent = send_bytes(actor, LARGE_BYTES);
    actor->stage->large_count += is_sent ? 1 : 0;
    return is_sent;
}

/* The next letter of the script; behind it the stream ends. */
static void act(struct http_actor *actor)
{
    const char letter = actor->at < actor->script_bytes ? actor->script[actor->at] : 'e';
    bool is_done = true;
    switch (letter) {
    case 's':
        is_done = send_bytes(actor, SMALL_BYTES);
        break;
    case 'l':
        is_done = send_large(actor);
        break;
    case 'z':
        is_done = send_bytes(actor, 0);
        break;
    case 'p':
        actor->reads_nothing = actor->is_upgraded;
        if (actor->is_upgraded) {
            http_stream_stop_reading(actor->stream);
        }
        break;
    case 'g':
        actor->reads_nothing = false;
        if (actor->is_upgraded) {
            http_stream_start_reading(actor->stream);
        }
        break;
    case 'e':
        actor->is_over = true;
        http_stream_end(actor->stream);
        break;
    case 'a':
        actor->is_over = true;
        actor->stage->may_be_cut = true;
        http_stream_abort(actor->stream);
        break;
    case 'd':
        actor->stage->drain_asked = true;
        actor->stage->may_be_cut = true;
        break;
    default:
        break; /* A turn in which nothing happens. */
    }
    actor->at += is_done ? 1 : 0;
}

void http_actor_act(struct http_actor *actor)
{
    if (actor->stream != NULL && !actor->is_over) {
        actor->stage->is_calling = true;
        act(actor);
        actor->stage->is_calling = false;
    }
}

bool http_actor_begin(struct http_actor *actor, struct http_request *request)
{
    static const struct http_stream_events events = {
        .writable = on_writable, .bytes = on_bytes, .drain = on_drain, .closed = on_closed};
    struct http_stage *stage = actor->stage;
    fuzz_require(request->query.size <= sizeof actor->script, "a query fits the request line");
    if (request->query.size > 0) {
        memcpy(actor->script, request->query.data, request->query.size);
    }
    actor->script_bytes = request->query.size;
    stage->is_calling = true;
    actor->stream = actor->is_upgraded ? http_stream_upgrade(request, &events, actor)
                                       : http_stream_begin(request, &events, actor);
    stage->is_calling = false;
    if (actor->stream == NULL) {
        return false;
    }
    actor->expected->is_stream = true;
    stage->open_count++;
    if (actor->script_bytes > 0 && actor->script[0] == 'p') {
        http_actor_act(actor); /* Before what came with the head is handed over. */
    }
    return true;
}
