/* The HTTP server with a small handler on a thread of its own, for tests of the connection layer.
 */
#ifndef TESTS_SUPPORT_HTTP_SERVER_FIXTURE_H
#define TESTS_SUPPORT_HTTP_SERVER_FIXTURE_H

#include "ds/number.h"
#include "http/server.h"
#include "support/http_client.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <uv.h>

#define BIG_BYTES ((size_t)8 * 1024 * 1024)
#define HELD_MAX 32
#define HTTP_FIXTURE_PATIENCE_MS 600000

struct http_fixture {
    uv_loop_t loop;
    uv_async_t stop;
    struct http_server *server;
    char address[64];
    pthread_t thread;
    struct http_request *held[HELD_MAX]; /* GET /hold waits for GET /release */
    size_t held_count;
    atomic_int abandoned_count;
    atomic_int begun_count;
    uv_prepare_t iteration;
    int begun_before;                  /* of begun_count, when the iteration began */
    atomic_int begun_an_iteration_max; /* requests that one iteration of the loop began */
};

static inline void http_fixture_reply(struct http_request *request, unsigned int status,
                                      struct ds_bytes body)
{
    http_reply_begin(request, status);
    ds_buffer_append(&request->reply_body, body.data, body.size);
    http_reply_send(request);
}

static inline void http_fixture_head(void *context, struct http_request *request)
{
    struct http_fixture *fixture = context;
    atomic_fetch_add(&fixture->begun_count, 1);
    if (!ds_bytes_equal_text(request->path, "/large")) {
        request->body_bytes_max = 100000;
    }
    if (ds_bytes_equal_text(request->path, "/refused")) {
        http_fixture_reply(request, 404, ds_bytes_of_text("refused"));
    }
}

static inline void http_fixture_reply_big(struct http_request *request)
{
    http_reply_begin(request, 200);
    uint8_t *room = ds_buffer_reserve(&request->reply_body, BIG_BYTES);
    memset(room, 'x', BIG_BYTES);
    ds_buffer_commit(&request->reply_body, BIG_BYTES);
    http_reply_send(request);
}

/* Answers what is held, the newest first. */
static inline void http_fixture_release(struct http_fixture *fixture)
{
    while (fixture->held_count > 0) {
        struct http_request *request = fixture->held[--fixture->held_count];
        http_fixture_reply(request, 200, request->query);
    }
}

static inline void http_fixture_request(void *context, struct http_request *request)
{
    struct http_fixture *fixture = context;
    if (ds_bytes_equal_text(request->path, "/hold")) {
        fixture->held[fixture->held_count++] = request;
    } else if (ds_bytes_equal_text(request->path, "/release")) {
        http_fixture_release(fixture);
        http_fixture_reply(request, 200, ds_bytes_of_text("released"));
    } else if (ds_bytes_equal_text(request->path, "/timeouts")) {
        char number[DS_INT_TEXT_MAX];
        const uint64_t timeouts = http_server_counters(fixture->server)->timeouts;
        http_fixture_reply(request, 200, ds_bytes_of(number, ds_uint64_format(timeouts, number)));
    } else if (ds_bytes_equal_text(request->path, "/unchanged")) {
        http_fixture_reply(request, 304, request->path);
    } else if (ds_bytes_equal_text(request->path, "/big")) {
        http_fixture_reply_big(request);
    } else if (request->has_body) {
        http_fixture_reply(request, 200, ds_buffer_bytes(&request->body));
    } else {
        http_fixture_reply(request, 200, request->path);
    }
}

static inline void http_fixture_refuse(void *context, struct http_request *request,
                                       const struct http_refusal *refusal)
{
    (void)context;
    unsigned int status = 400;
    status = refusal->reason == DS_REASON(REQUEST_TIMEOUT) ? 408 : status;
    status = refusal->reason == DS_REASON(REQUEST_TOO_LARGE) ? 413 : status;
    status = refusal->reason == DS_REASON(RATE_LIMITED) ? 429 : status;
    status = refusal->reason == DS_REASON(SERVER_BUSY) ? 503 : status;
    http_fixture_reply(request, status, ds_bytes_of_text(refusal->detail));
}

static inline void http_fixture_abandon(void *context, struct http_request *request)
{
    struct http_fixture *fixture = context;
    atomic_fetch_add(&fixture->abandoned_count, 1);
    for (size_t i = 0; i < fixture->held_count; i++) {
        if (fixture->held[i] == request) {
            fixture->held[i] = fixture->held[--fixture->held_count];
            break;
        }
    }
    http_fixture_reply(request, 500, ds_bytes_of_text("nobody reads this"));
}

static inline void http_fixture_turn(void *context)
{
    (void)context;
}

static inline void http_fixture_drained(void *context)
{
    struct http_fixture *fixture = context;
    http_server_close(fixture->server);
    uv_close((uv_handle_t *)&fixture->stop, NULL);
    uv_close((uv_handle_t *)&fixture->iteration, NULL);
}

static inline void http_fixture_iterating(uv_prepare_t *iteration)
{
    struct http_fixture *fixture = iteration->data;
    const int begun = atomic_load(&fixture->begun_count);
    if (begun - fixture->begun_before > atomic_load(&fixture->begun_an_iteration_max)) {
        atomic_store(&fixture->begun_an_iteration_max, begun - fixture->begun_before);
    }
    fixture->begun_before = begun;
}

static inline void http_fixture_stopping(uv_async_t *stop)
{
    struct http_fixture *fixture = stop->data;
    http_server_abort(fixture->server);
}

static inline void *http_fixture_run(void *context)
{
    struct http_fixture *fixture = context;
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* A test that awaits the firing of a time limit makes that one short and leaves the others, so that
 * it does not fail where the machine stalls. */
static inline struct http_limits http_fixture_patient_limits(void)
{
    return (struct http_limits){.headers_timeout_ms = HTTP_FIXTURE_PATIENCE_MS,
                                .body_timeout_ms = HTTP_FIXTURE_PATIENCE_MS,
                                .write_timeout_ms = HTTP_FIXTURE_PATIENCE_MS,
                                .idle_timeout_ms = HTTP_FIXTURE_PATIENCE_MS};
}

static inline struct http_fixture *http_fixture_start(struct http_limits limits)
{
    struct http_fixture *fixture = calloc(1, sizeof *fixture);
    uv_loop_init(&fixture->loop);
    uv_async_init(&fixture->loop, &fixture->stop, http_fixture_stopping);
    fixture->stop.data = fixture;
    uv_prepare_init(&fixture->loop, &fixture->iteration);
    fixture->iteration.data = fixture;
    uv_prepare_start(&fixture->iteration, http_fixture_iterating);
    fixture->server = http_server_create(&(struct http_server_options){
        .loop = &fixture->loop,
        .clock = ds_clock_system(),
        .limits = limits,
        .handler = {.context = fixture,
                    .head = http_fixture_head,
                    .request = http_fixture_request,
                    .refuse = http_fixture_refuse,
                    .abandon = http_fixture_abandon,
                    .turn = http_fixture_turn,
                    .drained = http_fixture_drained},
    });
    assert_int_equal(http_server_listen(fixture->server, "127.0.0.1:0", fixture->address,
                                        sizeof fixture->address),
                     DS_OK);
    pthread_create(&fixture->thread, NULL, http_fixture_run, fixture);
    return fixture;
}

static inline void http_fixture_stop(struct http_fixture *fixture)
{
    uv_async_send(&fixture->stop);
    pthread_join(fixture->thread, NULL);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    http_server_destroy(fixture->server);
    free(fixture);
}

#define HOST " HTTP/1.1\r\nHost: a\r\n"

#endif
