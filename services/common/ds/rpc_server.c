#include "ds/rpc_server.h"

#include "ds/compress.h"
#include "ds/epoch.h"
#include "ds/frame.h"
#include "ds/introspection.h"
#include "ds/log.h"
#include "ds/loopback.h"
#include "ds/rate_limit.h"
#include "ds/rpc_calls.h"
#include "ds/rpc_control.h"
#include "ds/rpc_idempotency.h"
#include "ds/rpc_internal.h"
#include "ds/rpc_slow_calls.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define QUEUE_DEFAULT 256
#define WRITE_THREADS_DEFAULT 2
/* Of the calls that a drain did not wait for, how many the log tells. */
#define UNDRAINED_TOLD_MAX 16

static unsigned int core_count(void)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned int)cores : 1;
}

static int64_t or_default(int64_t value, int64_t standard)
{
    return value > 0 ? value : standard;
}

static struct ds_sp_limits limits_of(const struct ds_rpc_limits *limits)
{
    return (struct ds_sp_limits){
        .connections_max = (size_t)or_default(limits->connections_max, DS_RPC_CONNECTIONS_DEFAULT),
        .connections_per_address_max = (size_t)or_default(limits->connections_per_address_max,
                                                          DS_RPC_CONNECTIONS_PER_ADDRESS_DEFAULT),
        .requests_per_connection_max = (size_t)or_default(limits->calls_per_connection_max,
                                                          DS_RPC_CALLS_PER_CONNECTION_DEFAULT),
        .first_request_ms =
            (int)or_default(limits->first_request_ms, DS_RPC_FIRST_REQUEST_MS_DEFAULT),
    };
}

static struct ds_rate_limiter *rate_limiter_of(const struct ds_rpc_rate_limit *limit)
{
    if (limit->calls_per_second == 0) {
        return NULL;
    }
    return ds_rate_limiter_create((uint32_t)limit->calls_per_second,
                                  (uint32_t)or_default(limit->burst, limit->calls_per_second),
                                  DS_RATE_BUCKETS_DEFAULT);
}

struct ds_rpc_server *ds_rpc_server_create(const struct ds_rpc_server_options *options)
{
    struct ds_rpc_server *server = calloc(1, sizeof *server);
    char *name = strdup(options->name);
    if (server == NULL || name == NULL) {
        abort();
    }
    const size_t queue_max = options->queue_max > 0 ? options->queue_max : QUEUE_DEFAULT;
    const unsigned int readers = options->read_threads > 0 ? options->read_threads : core_count();
    const unsigned int writers =
        options->write_threads > 0 ? options->write_threads : WRITE_THREADS_DEFAULT;
    server->name = name;
    server->clock = options->clock != NULL ? options->clock : ds_clock_system();
    server->authenticator = options->authenticator;
    server->inline_may_block = options->inline_may_block;
    server->encodings = options->without_compression ? 0 : DS_ENCODING_ZSTD;
    server->epoch = ds_epoch_draw();
    server->metrics = ds_metrics_create("ds_rpc_server");
    server->idempotency = ds_idempotency_create(server->clock, options->idempotency_keys_max > 0
                                                                   ? options->idempotency_keys_max
                                                                   : DS_IDEMPOTENCY_KEYS_DEFAULT);
    server->call_log = options->call_log;
    server->slow_call_us =
        or_default(options->call_log.slow_call_ms, DS_SLOW_CALL_MS_DEFAULT) * 1000;
    server->slow_calls = ds_slow_calls_create();
    server->rate_limiter = rate_limiter_of(&options->rate_limit);
    server->in_flight_max = (int)(2 * queue_max + readers + writers);
    atomic_init(&server->serving, true);
    server->limits = limits_of(&options->limits);
    pthread_mutex_init(&server->calls_mutex, NULL);
    pthread_mutex_init(&server->drain_mutex, NULL);
    pthread_cond_init(&server->drained, NULL);
    server->read_pool = ds_worker_pool_create("ds-read", readers, queue_max);
    server->write_pool = ds_worker_pool_create("ds-write", writers, queue_max);
    ds_rpc_introspection_watch(server);
    ds_rpc_control_serve(server);
    return server;
}

void ds_rpc_server_add_service(struct ds_rpc_server *server,
                               const struct ds_service_handlers *handlers, void *context)
{
    assert(server->listener_count == 0);
    assert(server->service_count < DS_RPC_SERVICES_MAX);
    for (size_t i = 0; i < handlers->service->method_count; i++) {
        if (handlers->handlers[i] == NULL) {
            ds_log(DS_LOG_ERROR, "method_without_handler",
                   DS_LOG_TEXT("method", handlers->service->methods[i].full_name));
            (void)ds_log_flush(1000);
            abort();
        }
    }
    struct ds_service_entry *entry = &server->services[server->service_count++];
    entry->handlers = handlers;
    entry->context = context;
    atomic_init(&entry->serving, true);
}

void ds_rpc_server_add_interceptor(struct ds_rpc_server *server,
                                   const struct ds_interceptor *interceptor)
{
    assert(server->listener_count == 0);
    assert(server->interceptor_count < DS_RPC_INTERCEPTORS_MAX);
    server->interceptors[server->interceptor_count++] = *interceptor;
}

void ds_rpc_server_watch_health(struct ds_rpc_server *server, const struct ds_service *service,
                                const struct ds_health_probe *probe)
{
    assert(server->listener_count == 0);
    for (size_t i = 0; i < server->service_count; i++) {
        if (server->services[i].handlers->service == service) {
            server->services[i].health_probe = *probe;
            return;
        }
    }
    abort(); /* It has not been added. */
}

void ds_rpc_server_set_serving(struct ds_rpc_server *server, const char *service, bool serving)
{
    if (service[0] == '\0') {
        atomic_store(&server->serving, serving);
    }
    for (size_t i = 0; i < server->service_count; i++) {
        if (strcmp(server->services[i].handlers->service->full_name, service) == 0) {
            atomic_store(&server->services[i].serving, serving);
        }
    }
}

void ds_rpc_server_add_event_url(struct ds_rpc_server *server, const char *url)
{
    assert(server->event_url_count < DS_RPC_EVENT_URLS_MAX);
    server->event_urls[server->event_url_count++] = url;
}

struct ds_metrics *ds_rpc_server_metrics(struct ds_rpc_server *server)
{
    return server->metrics;
}

size_t ds_rpc_server_connection_count(const struct ds_rpc_server *server)
{
    size_t count = 0;
    for (size_t i = 0; i < server->listener_count; i++) {
        count += ds_sp_listener_connection_count(server->listeners[i]);
    }
    return count;
}

uint64_t ds_rpc_server_epoch(const struct ds_rpc_server *server)
{
    return server->epoch;
}

static void log_refused(const char *url, const char *why)
{
    ds_log(DS_LOG_ERROR, "listen_refused", DS_LOG_TEXT("url", url), DS_LOG_TEXT("reason", why));
}

/* The socket's folder is what keeps strangers out: whoever may enter it is believed. */
static ds_code prepare_folder(const char *url, const char *socket_path)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *slash = strrchr(socket_path, '/');
    if (strlen(socket_path) >= sizeof folder || slash == NULL || slash == socket_path) {
        log_refused(url, "the path of an ipc socket is absolute and has at most 107 bytes");
        return DS_INVALID_ARGUMENT;
    }
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - socket_path), socket_path);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        log_refused(url, "the folder of the socket can't be made");
        return DS_PERMISSION_DENIED;
    }
    struct stat status;
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
        (status.st_mode & 077) != 0) {
        log_refused(url, "the folder of the socket must belong to this user with mode 0700");
        return DS_PERMISSION_DENIED;
    }
    return DS_OK;
}

static ds_code check_loopback(const char *url, const char *address)
{
    if (!ds_address_is_loopback(address)) {
        log_refused(url, "tcp without TLS is for loopback only: use tcp://127.0.0.1:PORT");
        return DS_INVALID_ARGUMENT;
    }
    return DS_OK;
}

ds_code ds_rpc_listen_check(const char *url)
{
    if (strncmp(url, "ipc://", strlen("ipc://")) == 0) {
        return prepare_folder(url, url + strlen("ipc://"));
    }
    if (strncmp(url, "tcp://", strlen("tcp://")) == 0) {
        return check_loopback(url, url + strlen("tcp://"));
    }
    if (ds_url_is_tls(url)) {
        return DS_OK;
    }
    log_refused(url, "an address is ipc:///path, tcp://127.0.0.1:PORT or tls+tcp://HOST:PORT");
    return DS_INVALID_ARGUMENT;
}

static void receive(void *context, struct ds_sp_exchange *exchange, struct ds_bytes message)
{
    ds_rpc_message_receive(context, exchange, message);
}

static void peer_left(void *context, uint64_t peer_id)
{
    ds_rpc_calls_cancel_peer(context, peer_id);
}

void ds_rpc_server_set_tls_identity(struct ds_rpc_server *server, struct ds_tls_identity *identity)
{
    struct ds_tls_identity *old = server->tls_identity;
    server->tls_identity = ds_tls_identity_hold(identity);
    ds_tls_identity_release(old);
    for (size_t i = 0; i < server->listener_count; i++) {
        ds_sp_listener_set_identity(server->listeners[i], identity);
    }
}

static const char *refusal_of(ds_code code)
{
    switch (code) {
    case DS_ALREADY_EXISTS:
        return "the address is in use";
    case DS_RESOURCE_EXHAUSTED:
        return "no descriptor or no thread is left";
    default:
        return "the address can't be listened on";
    }
}

ds_code ds_rpc_server_listen(struct ds_rpc_server *server, const char *url, char *ret_url,
                             size_t ret_url_bytes_max)
{
    if (server->listener_count == DS_RPC_LISTENERS_MAX) {
        log_refused(url, "a server has at most 16 listeners");
        return DS_RESOURCE_EXHAUSTED;
    }
    DS_TRY(ds_rpc_listen_check(url));
    struct ds_sp_listener *listener = NULL;
    const ds_code code = ds_sp_listen(
        &(struct ds_sp_listener_options){
            .url = url,
            .message_bytes_max = DS_MESSAGE_BYTES_MAX,
            .limits = server->limits,
            .identity = server->tls_identity,
            .receive = receive,
            .peer_left = peer_left,
            .context = server,
        },
        &listener);
    if (code != DS_OK) {
        log_refused(url, refusal_of(code));
        return code;
    }
    server->listeners[server->listener_count++] = listener;
    if (ret_url != NULL) {
        snprintf(ret_url, ret_url_bytes_max, "%s", ds_sp_listener_url(listener));
    }
    return DS_OK;
}

void ds_rpc_server_call_left(struct ds_rpc_server *server)
{
    /* Under the mutex, so that a drained server is not destroyed under our hands. */
    pthread_mutex_lock(&server->drain_mutex);
    if (atomic_fetch_sub(&server->in_flight, 1) == 1 && atomic_load(&server->draining)) {
        pthread_cond_broadcast(&server->drained);
    }
    pthread_mutex_unlock(&server->drain_mutex);
}

static void tell_undrained(void *context, const struct ds_call_view *call)
{
    (void)context;
    ds_log(DS_LOG_WARNING, "call_outlasts_drain", DS_LOG_TEXT("method", call->method),
           DS_LOG_TEXT("subject", call->subject), DS_LOG_TEXT("peer", call->peer),
           DS_LOG_INT("queue_us", call->queue_us), DS_LOG_INT("execution_us", call->execution_us));
}

void ds_rpc_server_drain(struct ds_rpc_server *server, int grace_ms)
{
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + (int64_t)grace_ms * 1000;
    atomic_store(&server->serving, false);
    atomic_store(&server->draining, true);
    pthread_mutex_lock(&server->drain_mutex);
    bool has_time = true;
    while (atomic_load(&server->in_flight) > 0 && has_time) {
        has_time = ds_clock_wait_until(&server->drained, &server->drain_mutex, until_us);
    }
    pthread_mutex_unlock(&server->drain_mutex);
    if (!has_time) {
        ds_rpc_server_calls_in_flight(server, UNDRAINED_TOLD_MAX, tell_undrained, NULL);
    }
}

/* A deferred call that is completed later would touch what is freed then. */
static void await_calls(struct ds_rpc_server *server)
{
    pthread_mutex_lock(&server->drain_mutex);
    while (atomic_load(&server->in_flight) > 0) {
        pthread_cond_wait(&server->drained, &server->drain_mutex);
    }
    pthread_mutex_unlock(&server->drain_mutex);
}

void ds_rpc_server_destroy(struct ds_rpc_server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->draining, true);
    /* As long as there are any, the listeners notice callers that vanish, which ends theirs. */
    await_calls(server);
    for (size_t i = 0; i < server->listener_count; i++) {
        ds_sp_listener_stop(server->listeners[i]);
    }
    await_calls(server);
    ds_worker_pool_destroy(server->read_pool);
    ds_worker_pool_destroy(server->write_pool);
    for (size_t i = 0; i < server->listener_count; i++) {
        ds_sp_listener_close(server->listeners[i]);
    }
    ds_tls_identity_release(server->tls_identity);
    ds_idempotency_destroy(server->idempotency);
    ds_rate_limiter_destroy(server->rate_limiter);
    ds_slow_calls_destroy(server->slow_calls);
    ds_metrics_destroy(server->metrics);
    pthread_cond_destroy(&server->drained);
    pthread_mutex_destroy(&server->drain_mutex);
    pthread_mutex_destroy(&server->calls_mutex);
    free(server->name);
    free(server);
}
