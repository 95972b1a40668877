#include "clients/load/memory.h"
#include "clients/load/selftest_stubs.h"
#include "ds/clock.h"
#include "http/endpoint.h"
#include "http/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define BODY_BYTES 200
#define WITHHELD_MAX 65536
#define PATIENCE_MS 600000
#define CONNECTIONS_MAX 65536

struct selftest_rest {
    uv_loop_t loop;
    uv_async_t stop;
    struct http_server *server;
    pthread_t thread;
    struct selftest_stall stall;
    int64_t begun_us;
    struct selftest_counts *counts;
    struct http_request *withheld[WITHHELD_MAX]; /* until their clients go */
    size_t withheld_count;
    char body[BODY_BYTES];
};

static void reply(struct http_request *request, unsigned int status, const char *body, size_t bytes)
{
    http_reply_begin(request, status);
    http_reply_field_text(request, "content-type", "application/json");
    ds_buffer_append(&request->reply_body, body, bytes);
    http_reply_send(request);
}

/* Stands still where the present period's stall has begun. */
static void stall(const struct selftest_rest *stub)
{
    if (stub->stall.length_us == 0) {
        return;
    }
    const int64_t place_us =
        (ds_clock_monotonic_us(ds_clock_system()) - stub->begun_us) % stub->stall.period_us;
    const int64_t left_us = stub->stall.period_us - place_us;
    if (left_us > stub->stall.length_us) {
        return;
    }
    struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static void take_head(void *context, struct http_request *request)
{
    (void)context;
    (void)request;
}

static void take_request(void *context, struct http_request *request)
{
    struct selftest_rest *stub = context;
    stall(stub);
    if (ds_bytes_equal_text(request->path, "/ok")) {
        atomic_fetch_add(&stub->counts->answered, 1);
        reply(request, 200, stub->body, sizeof(stub->body));
    } else if (ds_bytes_equal_text(request->path, "/withheld") &&
               stub->withheld_count < WITHHELD_MAX) {
        atomic_fetch_add(&stub->counts->withheld, 1);
        stub->withheld[stub->withheld_count++] = request;
    } else {
        atomic_fetch_add(&stub->counts->refused, 1);
        reply(request, 503, "{}", 2);
    }
}

static void take_refusal(void *context, struct http_request *request,
                         const struct http_refusal *refusal)
{
    (void)context;
    (void)refusal;
    reply(request, 503, "{}", 2);
}

static void take_abandoned(void *context, struct http_request *request)
{
    struct selftest_rest *stub = context;
    for (size_t i = 0; i < stub->withheld_count; i++) {
        if (stub->withheld[i] == request) {
            stub->withheld[i] = stub->withheld[--stub->withheld_count];
            break;
        }
    }
    reply(request, 503, "{}", 2);
}

static void take_turn(void *context)
{
    (void)context;
}

static void take_drained(void *context)
{
    struct selftest_rest *stub = context;
    http_server_close(stub->server);
    uv_close((uv_handle_t *)&stub->stop, NULL);
}

static void take_stop(uv_async_t *stop)
{
    struct selftest_rest *stub = stop->data;
    http_server_abort(stub->server);
}

static void *run(void *argument)
{
    struct selftest_rest *stub = argument;
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL);
    uv_run(&stub->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void create_server(struct selftest_rest *stub)
{
    /* Nothing may end a connection but the client. */
    const struct http_limits limits = {.connections_max = CONNECTIONS_MAX,
                                       .connections_address_max = CONNECTIONS_MAX,
                                       .headers_timeout_ms = PATIENCE_MS,
                                       .body_timeout_ms = PATIENCE_MS,
                                       .write_timeout_ms = PATIENCE_MS,
                                       .idle_timeout_ms = PATIENCE_MS};
    stub->server = http_server_create(&(struct http_server_options){
        .loop = &stub->loop,
        .clock = ds_clock_system(),
        .limits = limits,
        .handler = {.context = stub,
                    .head = take_head,
                    .request = take_request,
                    .refuse = take_refusal,
                    .abandon = take_abandoned,
                    .turn = take_turn,
                    .drained = take_drained},
    });
}

/* Frees a stub whose loop has nothing left to do but to end. */
static void destroy(struct selftest_rest *stub)
{
    uv_run(&stub->loop, UV_RUN_DEFAULT);
    uv_loop_close(&stub->loop);
    http_server_destroy(stub->server);
    free(stub);
}

static bool listen_and_run(struct selftest_rest *stub, char ret_url[SELFTEST_URL_BYTES_MAX])
{
    char address[SELFTEST_URL_BYTES_MAX / 2];
    const ds_code code = http_server_listen(stub->server, "127.0.0.1:0", address, sizeof(address));
    if (code != DS_OK) {
        fprintf(stderr, "deltastream-load: 127.0.0.1:0 %s\n", http_endpoint_failure(code));
        return false;
    }
    snprintf(ret_url, SELFTEST_URL_BYTES_MAX, "http://%s", address);
    stub->begun_us = ds_clock_monotonic_us(ds_clock_system());
    if (pthread_create(&stub->thread, NULL, run, stub) != 0) {
        abort();
    }
    return true;
}

struct selftest_rest *selftest_rest_start(const struct selftest_stall *stall,
                                          struct selftest_counts *counts,
                                          char ret_url[SELFTEST_URL_BYTES_MAX])
{
    struct selftest_rest *stub = load_allocate(1, sizeof(*stub));
    stub->stall = stall == NULL ? (struct selftest_stall){0} : *stall;
    stub->counts = counts;
    memset(stub->body, ' ', sizeof(stub->body));
    stub->body[0] = '{';
    stub->body[BODY_BYTES - 1] = '}';
    uv_loop_init(&stub->loop);
    uv_async_init(&stub->loop, &stub->stop, take_stop);
    stub->stop.data = stub;
    create_server(stub);
    if (!listen_and_run(stub, ret_url)) {
        take_drained(stub);
        destroy(stub);
        return NULL;
    }
    return stub;
}

void selftest_rest_stop(struct selftest_rest *stub)
{
    if (stub == NULL) {
        return;
    }
    uv_async_send(&stub->stop);
    pthread_join(stub->thread, NULL);
    destroy(stub);
}
