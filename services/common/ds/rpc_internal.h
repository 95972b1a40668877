/* The server as dispatch, the control service and the transports see it. Private to ds_common. */
#ifndef DS_RPC_INTERNAL_H
#define DS_RPC_INTERNAL_H

#include "ds/call_log.h"
#include "ds/interceptor.h"
#include "ds/rpc_call.h"
#include "ds/sp_listener.h"
#include "ds/worker.h"

#include <pthread.h>

#define DS_RPC_SERVICES_MAX 16
#define DS_RPC_LISTENERS_MAX 16
#define DS_RPC_INTERCEPTORS_MAX 8

struct ds_service_entry {
    const struct ds_service_handlers *handlers;
    void *context;
    atomic_bool serving; /* what grpc.health.v1 answers, unless the probe says no */
    struct ds_health_probe health_probe;
};

struct ds_idempotency_keys;
struct ds_rate_limiter;
struct ds_slow_calls;

/* Constant after the first listener but for the atomics. */
struct ds_rpc_server {
    char *name;
    const struct ds_clock *clock;
    struct ds_authenticator authenticator;
    bool inline_may_block;
    uint32_t encodings; /* that it reads and writes */
    uint64_t epoch;
    struct ds_metrics *metrics;

    struct ds_service_entry services[DS_RPC_SERVICES_MAX];
    size_t service_count;
    atomic_bool serving;

    struct ds_interceptor interceptors[DS_RPC_INTERCEPTORS_MAX];
    size_t interceptor_count;
    struct ds_call_log call_log;
    int64_t slow_call_us;
    struct ds_slow_calls *slow_calls;
    struct ds_rate_limiter *rate_limiter; /* NULL: there is no limit */
    struct ds_idempotency_keys *idempotency;
    struct ds_worker_pool *read_pool;
    struct ds_worker_pool *write_pool;

    struct ds_sp_listener *listeners[DS_RPC_LISTENERS_MAX];
    size_t listener_count;
    struct ds_tls_identity *tls_identity; /* NULL: no listener may speak TLS */

    const char *event_urls[DS_RPC_EVENT_URLS_MAX];
    size_t event_url_count;

    struct ds_sp_limits limits;  /* of each listener */
    pthread_mutex_t calls_mutex; /* guards calls and their links */
    struct ds_call *calls;       /* those of rpc_calls.h */

    int in_flight_max;
    atomic_int in_flight;
    atomic_bool draining;
    pthread_mutex_t drain_mutex; /* guards the way down of in_flight */
    pthread_cond_t drained;
};

/* Whether a listener may be opened at that URL, whose folder it makes for ipc; see
 * ds_rpc_server_listen(). Writes a refusal's reason to the log. */
DS_MUST_USE ds_code ds_rpc_listen_check(const char *url);

/* Adds what the server shows of itself to its metrics, once its parts are there. */
void ds_rpc_introspection_watch(struct ds_rpc_server *server);

/* Tells the server that a call has been answered. */
void ds_rpc_server_call_left(struct ds_rpc_server *server);

/* A message from a listener: one frame or more. Ends in one ds_sp_exchange_reply(). */
void ds_rpc_message_receive(struct ds_rpc_server *server, struct ds_sp_exchange *exchange,
                            struct ds_bytes message);

#endif
