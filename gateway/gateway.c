#include "gateway/cors.h"
#include "gateway/exchange.h"
#include "gateway/gzip.h"
#include "gateway/live.h"
#include "gateway/live_client.h"

#include <assert.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define NOT_STOPPING (-1)

struct gateway_backend *gateway_backend_of(struct gateway *gateway,
                                           const struct ds_service *service)
{
    for (size_t i = 0; i < gateway->backend_count; i++) {
        if (gateway->backends[i].service == service) {
            return &gateway->backends[i];
        }
    }
    return NULL;
}

void gateway_call(struct gateway_backend *backend, struct ds_client_call *call)
{
    backend->collected = true;
    ds_channel_call(backend->channel, call);
}

/* Wakes the loop unless it is closing. `wakers` keeps the loop's end away from a thread that is in
 * the middle of this. */
static void wake_loop(struct gateway *gateway)
{
    if (!atomic_load(&gateway->closing)) {
        uv_async_send(&gateway->wake);
    }
}

/* The loop's own thread need not wake itself: every turn ends with a look at the list. */
void gateway_complete(struct gateway *gateway, struct completion *completion)
{
    atomic_fetch_add(&gateway->wakers, 1);
    struct completion *first = atomic_load(&gateway->completed);
    do {
        completion->next = first;
    } while (!atomic_compare_exchange_weak(&gateway->completed, &first, completion));
    if (first == NULL && !pthread_equal(pthread_self(), gateway->loop_thread)) {
        wake_loop(gateway);
    }
    atomic_fetch_sub(&gateway->wakers, 1);
}

/* Finishes what has been handed over, oldest first. False where there was nothing. */
static bool finish_completed(struct gateway *gateway)
{
    struct completion *newest = atomic_exchange(&gateway->completed, NULL);
    struct completion *oldest = NULL;
    while (newest != NULL) {
        struct completion *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    if (oldest == NULL) {
        return false;
    }
    while (oldest != NULL) {
        struct completion *next = oldest->next;
        oldest->finish(oldest);
        oldest = next;
    }
    return true;
}

/* Sends the calls of this turn. Those that a direct channel runs at once are finished here as well,
 * from the list and not from within the flush, so that no call nests in another. */
static void turn(void *context)
{
    struct gateway *gateway = context;
    do {
        gateway->collected_count = 0;
        for (size_t i = 0; i < gateway->backend_count; i++) {
            if (gateway->backends[i].collected) {
                gateway->backends[i].collected = false;
                ds_channel_flush(gateway->backends[i].channel);
            }
        }
    } while (finish_completed(gateway));
}

void gateway_bound_calls(struct gateway *gateway)
{
    if (++gateway->collected_count >= GATEWAY_CALLS_PER_FLUSH_MAX) {
        turn(gateway);
    }
}

void gateway_check_closed(struct gateway *gateway)
{
    if (!gateway->server_drained || gateway->health.outstanding > 0 ||
        !live_is_closed(gateway->live) || atomic_load(&gateway->closing)) {
        return;
    }
    atomic_store(&gateway->closing, true);
    http_server_close(gateway->server);
    uv_close((uv_handle_t *)&gateway->grace, NULL);
    live_clients_close(gateway->live_clients);
    while (atomic_load(&gateway->wakers) > 0) {
        sched_yield();
    }
    uv_close((uv_handle_t *)&gateway->wake, NULL);
}

static void on_server_drained(void *context)
{
    struct gateway *gateway = context;
    gateway->server_drained = true;
    gateway_check_closed(gateway);
}

static void on_grace_over(uv_timer_t *timer)
{
    struct gateway *gateway = timer->data;
    http_server_abort(gateway->server);
}

static void on_wake(uv_async_t *wake)
{
    struct gateway *gateway = wake->data;
    const int grace_ms = atomic_load(&gateway->stop_grace_ms);
    if (grace_ms == NOT_STOPPING || gateway->draining) {
        return; /* What has been completed is finished at the end of the turn. */
    }
    gateway->draining = true;
    uv_timer_start(&gateway->grace, on_grace_over, (uint64_t)grace_ms, 0);
    live_drain(gateway->live);
    http_server_drain(gateway->server);
}

static uint64_t random_number(void)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        abort();
    }
    return number;
}

static uint32_t default_of(uint32_t value, uint32_t fallback)
{
    return value != 0 ? value : fallback;
}

struct gateway *gateway_create(const struct gateway_options *options)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL || uv_loop_init(&gateway->loop) != 0) {
        abort();
    }
    gateway->tables = options->tables != NULL ? *options->tables : gateway_tables_default();
    for (size_t i = 0; i < gateway->tables.binding_count; i++) {
        assert(gateway->tables.bindings[i].profile < ROUTE_PROFILE_COUNT);
    }
    gateway->name = options->name != NULL ? options->name : "deltastream";
    gateway->clock = options->clock != NULL ? options->clock : ds_clock_system();
    gateway->anonymous = options->anonymous;
    assert(options->metrics_count <= GATEWAY_METRICS_MAX);
    for (size_t i = 0; i < options->metrics_count; i++) {
        gateway->metrics[gateway->metrics_count++] = options->metrics[i];
    }
    gateway->access_log = options->access_log;
    gateway->http_metrics = http_metrics_create(&gateway->tables);
    gateway->cors = cors_create(options->cors_origins, options->cors_origin_count);
    gateway->gzip = options->gzip ? gzip_create() : NULL;
    ds_buffer_init(&gateway->compressed, SIZE_MAX);
    gateway->kept_budget_bytes = GATEWAY_KEPT_TOTAL_BYTES_MAX;
    gateway->request_id_prefix = random_number();
    atomic_init(&gateway->stop_grace_ms, NOT_STOPPING);
    uv_async_init(&gateway->loop, &gateway->wake, on_wake);
    uv_timer_init(&gateway->loop, &gateway->grace);
    gateway->wake.data = gateway;
    gateway->grace.data = gateway;
    gateway->live = live_create(
        gateway,
        &(struct live_limits){
            .subscriptions_max =
                LIVE_KIND_COUNT * default_of(options->live_clients_max, LIVE_CLIENTS_MAX),
            .queue_events_max = default_of(options->live_queue_events_max, LIVE_QUEUE_EVENTS_MAX),
        });
    gateway->live_clients =
        live_clients_create(gateway, default_of(options->live_clients_max, LIVE_CLIENTS_MAX),
                            default_of(options->live_ping_ms, LIVE_PING_MS));
    if (options->trusted_proxy_count > 0) {
        size_t wrong = 0;
        gateway->proxies =
            http_proxies_create(options->trusted_proxies, options->trusted_proxy_count, &wrong);
        assert(gateway->proxies != NULL);
    }
    gateway->server = http_server_create(&(struct http_server_options){
        .loop = &gateway->loop,
        .clock = gateway->clock,
        .limits = options->limits,
        .proxies = gateway->proxies,
        .handler = {.context = gateway,
                    .head = exchange_head,
                    .request = exchange_request,
                    .refuse = exchange_refuse,
                    .abandon = exchange_abandon,
                    .turn = turn,
                    .drained = on_server_drained},
    });
    return gateway;
}

static const struct ds_service *service_find(const struct gateway_tables *tables,
                                             const char *full_name)
{
    for (size_t i = 0; i < tables->service_count; i++) {
        if (strcmp(tables->services[i]->full_name, full_name) == 0) {
            return tables->services[i];
        }
    }
    return NULL;
}

void gateway_add_backend(struct gateway *gateway, const char *service, struct ds_channel *channel)
{
    struct gateway_backend backend = {.service = service_find(&gateway->tables, service),
                                      .channel = channel};
    assert(backend.service != NULL && gateway->backend_count < GATEWAY_BACKENDS_MAX);
    gateway->backends[gateway->backend_count++] = backend;
}

ds_code gateway_listen(struct gateway *gateway, const char *address, char *ret_address,
                       size_t address_bytes_max)
{
    return http_server_listen(gateway->server, address, ret_address, address_bytes_max);
}

/*
 * libuv writes to sockets without MSG_NOSIGNAL, and a client that has gone must not end the
 * process: on this thread SIGPIPE waits, and what has come of it is thrown away at the end.
 */
void gateway_run(struct gateway *gateway)
{
    static const struct timespec no_time = {0};
    sigset_t broken_pipe;
    sigset_t before;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    gateway->loop_thread = pthread_self();
    uv_run(&gateway->loop, UV_RUN_DEFAULT);
    if (!sigismember(&before, SIGPIPE)) {
        while (sigtimedwait(&broken_pipe, NULL, &no_time) == SIGPIPE) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void gateway_stop(struct gateway *gateway, int grace_ms)
{
    atomic_fetch_add(&gateway->wakers, 1);
    atomic_store(&gateway->stop_grace_ms, grace_ms > 0 ? grace_ms : 0);
    wake_loop(gateway);
    atomic_fetch_sub(&gateway->wakers, 1);
}

bool gateway_is_draining(const struct gateway *gateway)
{
    return atomic_load(&gateway->stop_grace_ms) != NOT_STOPPING;
}

void gateway_write_metrics(struct gateway *gateway, struct ds_buffer *text)
{
    http_metrics_write(gateway->http_metrics, http_server_counters(gateway->server), text);
    live_write_metrics(gateway->live, text);
    live_clients_write_metrics(gateway->live_clients, text);
    for (size_t i = 0; i < gateway->metrics_count; i++) {
        ds_metrics_write(gateway->metrics[i], text);
    }
}

void gateway_destroy(struct gateway *gateway)
{
    if (gateway == NULL) {
        return;
    }
    if (!atomic_load(&gateway->closing)) {
        /* It never ran. */
        http_server_abort(gateway->server);
    }
    uv_run(&gateway->loop, UV_RUN_DEFAULT);
    const int open_handles = uv_loop_close(&gateway->loop);
    assert(open_handles == 0);
    (void)open_handles;
    http_server_destroy(gateway->server);
    live_clients_destroy(gateway->live_clients);
    live_destroy(gateway->live);
    http_proxies_destroy(gateway->proxies);
    http_metrics_destroy(gateway->http_metrics);
    cors_destroy(gateway->cors);
    gzip_destroy(gateway->gzip);
    ds_buffer_deinit(&gateway->compressed);
    while (gateway->idle_exchanges != NULL) {
        struct exchange *exchange = gateway->idle_exchanges;
        gateway->idle_exchanges = exchange->next;
        exchange_destroy(exchange);
    }
    free(gateway);
}
