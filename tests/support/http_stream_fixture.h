/* The HTTP server for tests of streams: the test runs the loop itself and is the client beside it.
 */
#ifndef TESTS_SUPPORT_HTTP_STREAM_FIXTURE_H
#define TESTS_SUPPORT_HTTP_STREAM_FIXTURE_H

#include "http/server.h"
#include "http/stream.h"
#include "support/http_client.h"

#include <signal.h>
#include <uv.h>

/* Only a property that does not hold waits that long. */
#define PATIENCE_MS 120000
#define LARGE_BYTES ((size_t)64 * 1024)
#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct stream_fixture {
    uv_loop_t loop;
    struct http_server *server;
    char address[64];
    int client;
    struct ds_buffer got; /* by the client */
    bool saw_end;
    bool saw_reset;
    struct http_request *held; /* of GET /held */
    struct http_stream *stream;
    struct ds_buffer taken; /* by an upgraded stream */
    int writable_count;
    int drain_count;
    int closed_count;
    int abandoned_count;
    bool echo;
    bool stops_reading; /* as soon as it is upgraded */
    bool drained;
};

static inline void on_writable(void *context)
{
    ((struct stream_fixture *)context)->writable_count++;
}

static inline void on_drain(void *context)
{
    ((struct stream_fixture *)context)->drain_count++;
}

static inline void on_closed(void *context)
{
    struct stream_fixture *fixture = context;
    fixture->closed_count++;
    fixture->stream = NULL;
}

static inline bool send_text(struct http_stream *stream, const char *text)
{
    struct http_piece *piece = http_piece_create(ds_bytes_of_text(text));
    const bool sent = http_stream_send(stream, piece);
    http_piece_unref(piece);
    return sent;
}

static inline void on_bytes(void *context, struct ds_bytes bytes)
{
    struct stream_fixture *fixture = context;
    ds_buffer_append(&fixture->taken, bytes.data, bytes.size);
    if (fixture->echo) {
        struct http_piece *piece = http_piece_create(bytes);
        assert_true(http_stream_send(fixture->stream, piece));
        http_piece_unref(piece);
    }
}

static const struct http_stream_events stream_events = {
    .writable = on_writable, .bytes = on_bytes, .drain = on_drain, .closed = on_closed};

static inline void take_head(void *context, struct http_request *request)
{
    (void)context;
    (void)request;
}

static inline void reply_text(struct http_request *request, unsigned int status, const char *text)
{
    http_reply_begin(request, status);
    ds_buffer_append_text(&request->reply_body, text);
    http_reply_send(request);
}

static inline void take_request(void *context, struct http_request *request)
{
    struct stream_fixture *fixture = context;
    if (ds_bytes_equal_text(request->path, "/stream")) {
        http_reply_begin(request, 200);
        http_reply_field_text(request, "Content-Type", "text/plain");
        fixture->stream = http_stream_begin(request, &stream_events, fixture);
        assert_non_null(fixture->stream);
    } else if (ds_bytes_equal_text(request->path, "/upgrade")) {
        http_reply_begin(request, 101);
        fixture->stream = http_stream_upgrade(request, &stream_events, fixture);
        assert_non_null(fixture->stream);
        if (fixture->stops_reading) {
            http_stream_stop_reading(fixture->stream);
        }
    } else if (ds_bytes_equal_text(request->path, "/held")) {
        fixture->held = request;
    } else {
        reply_text(request, 200, "whole");
    }
}

static inline void take_refusal(void *context, struct http_request *request,
                                const struct http_refusal *refusal)
{
    (void)context;
    reply_text(request, 400, refusal->detail);
}

static inline void take_abandoned(void *context, struct http_request *request)
{
    struct stream_fixture *fixture = context;
    fixture->abandoned_count++;
    assert_null(http_stream_begin(request, &stream_events, fixture));
    reply_text(request, 500, "");
    fixture->held = NULL;
}

static inline void take_turn(void *context)
{
    (void)context;
}

static inline void take_drained(void *context)
{
    ((struct stream_fixture *)context)->drained = true;
}

static inline void start_with(void **state, struct http_limits limits, int receive_bytes)
{
    struct stream_fixture *fixture = calloc(1, sizeof *fixture);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    fixture->server =
        http_server_create(&(struct http_server_options){.loop = &fixture->loop,
                                                         .clock = ds_clock_system(),
                                                         .limits = limits,
                                                         .handler = {.context = fixture,
                                                                     .head = take_head,
                                                                     .request = take_request,
                                                                     .refuse = take_refusal,
                                                                     .abandon = take_abandoned,
                                                                     .turn = take_turn,
                                                                     .drained = take_drained}});
    assert_int_equal(http_server_listen(fixture->server, "127.0.0.1:0", fixture->address,
                                        sizeof fixture->address),
                     DS_OK);
    ds_buffer_init(&fixture->got, TEXT_BYTES_MAX);
    ds_buffer_init(&fixture->taken, TEXT_BYTES_MAX);
    fixture->client = http_connect_with(fixture->address, receive_bytes);
    *state = fixture;
}

static inline struct http_limits patient(void)
{
    return (struct http_limits){.headers_timeout_ms = 600000,
                                .body_timeout_ms = 600000,
                                .write_timeout_ms = 600000,
                                .idle_timeout_ms = 600000};
}

static inline int setup(void **state)
{
    start_with(state, patient(), 0);
    return 0;
}

static inline int setup_slow_client(void **state)
{
    start_with(state, patient(), 4096);
    return 0;
}

static inline int setup_short_write(void **state)
{
    struct http_limits limits = patient();
    limits.write_timeout_ms = 150;
    start_with(state, limits, 4096);
    return 0;
}

/* The client's part of a round, and the server's. */
static inline void step(struct stream_fixture *fixture, bool client_reads)
{
    uint8_t bytes[16384];
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    while (client_reads && !fixture->saw_end) {
        const ssize_t size = recv(fixture->client, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size > 0) {
            ds_buffer_append(&fixture->got, bytes, (size_t)size);
        } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
            fixture->saw_end = true;
            fixture->saw_reset = size < 0;
        } else {
            break;
        }
    }
}

#define AWAIT(fixture, client_reads, condition)                                                    \
    do {                                                                                           \
        const uint64_t until_ms = uv_hrtime() / 1000000 + PATIENCE_MS;                             \
        while (!(condition)) {                                                                     \
            assert_true(uv_hrtime() / 1000000 < until_ms);                                         \
            step(fixture, client_reads);                                                           \
        }                                                                                          \
    } while (0)

static inline bool got_ends_with(const struct stream_fixture *fixture, const char *text)
{
    const size_t size = strlen(text);
    return fixture->got.size >= size &&
           memcmp(fixture->got.data + fixture->got.size - size, text, size) == 0;
}

static inline bool got_has(const struct stream_fixture *fixture, const char *text)
{
    return fixture->got.size > 0 &&
           memmem(fixture->got.data, fixture->got.size, text, strlen(text)) != NULL;
}

static inline int teardown(void **state)
{
    struct stream_fixture *fixture = *state;
    http_server_abort(fixture->server);
    AWAIT(fixture, false, fixture->drained);
    assert_int_equal(http_server_counters(fixture->server)->streams_open, 0);
    http_server_close(fixture->server);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    http_server_destroy(fixture->server);
    if (fixture->client >= 0) {
        close(fixture->client);
    }
    ds_buffer_deinit(&fixture->got);
    ds_buffer_deinit(&fixture->taken);
    free(fixture);
    return 0;
}

#define GET_STREAM "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_WHOLE "GET /whole HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_UPGRADE "GET /upgrade HTTP/1.1\r\nHost: a\r\n\r\n"

#endif
