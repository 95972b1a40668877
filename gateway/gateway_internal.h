/* The insides of the gateway, shared by gateway.c, exchange.c, rest.c, system.c and health.c. All
 * of it belongs to the loop's thread but for what gateway.c marks. */
#ifndef GATEWAY_GATEWAY_INTERNAL_H
#define GATEWAY_GATEWAY_INTERNAL_H

#include "gateway/completion.h"
#include "gateway/gateway.h"
#include "gateway/http_metrics.h"
#include "gateway/tables.h"
#include "http/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#define GATEWAY_BACKENDS_MAX 16
#define GATEWAY_METRICS_MAX 16
#define HEALTH_REQUEST_BYTES_MAX 160
#define GATEWAY_IDLE_EXCHANGES_MAX 256
/* Memory of large buffers that idle exchanges keep, all together. */
#define GATEWAY_KEPT_TOTAL_BYTES_MAX ((size_t)8 * 1024 * 1024)
/* Calls of one turn that are sent, and finished where they run at once, before more are made: their
 * responses are all in memory then. */
#define GATEWAY_CALLS_PER_FLUSH_MAX 64

struct exchange;
struct live;
struct live_clients;

/* A service that the gateway speaks to. */
struct gateway_backend {
    const struct ds_service *service;
    struct ds_channel *channel;
    bool collected; /* calls wait for the end of the turn */
};

/* The health of one backend, as its last check said. */
struct health_check {
    struct completion completion;
    struct ds_client_call call;
    struct gateway *gateway;
    uint8_t payload[HEALTH_REQUEST_BYTES_MAX];
    bool healthy;
};

struct health {
    struct health_check checks[GATEWAY_BACKENDS_MAX]; /* by backend */
    size_t outstanding;                               /* calls under way */
    bool known;                                       /* some check has ended */
    int64_t checked_us;                               /* monotonic */
    struct exchange *waiting;
};

struct gateway {
    const char *name;
    struct gateway_tables tables;
    const struct ds_clock *clock;
    const struct ds_principal *anonymous;
    struct ds_metrics *metrics[GATEWAY_METRICS_MAX]; /* borrowed */
    size_t metrics_count;
    bool access_log;

    struct gateway_backend backends[GATEWAY_BACKENDS_MAX];
    size_t backend_count;
    size_t collected_count; /* calls made since the last flush */
    struct http_server *server;
    struct http_proxies *proxies; /* NULL where none is trusted */
    struct http_metrics *http_metrics;
    struct live *live;
    struct live_clients *live_clients;
    struct cors *cors;           /* NULL where nothing is said of origins */
    struct gzip *gzip;           /* NULL where nothing is compressed, neither way */
    struct ds_buffer compressed; /* the last reply that was, on this thread */
    size_t gzip_work_count;      /* replies that other threads compress */
    size_t gzip_work_bytes;      /* of them, before that */
    struct health health;
    struct exchange *idle_exchanges;
    size_t idle_exchange_count;
    size_t kept_budget_bytes;   /* what idle exchanges may still keep */
    uint64_t request_id_prefix; /* drawn at the start */
    uint64_t request_count;

    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t grace;
    bool draining;
    bool server_drained;

    /* Any thread. */
    _Atomic(struct completion *) completed; /* newest first */
    atomic_int stop_grace_ms;               /* -1: nobody has asked to stop */
    atomic_uint wakers;                     /* threads that are between handing over and waking */
    atomic_bool closing;
    pthread_t loop_thread; /* of gateway_run(); set before the first call */
};

/* The backend of a method; NULL where none was added. */
struct gateway_backend *gateway_backend_of(struct gateway *gateway,
                                           const struct ds_service *service);

/* Makes a call that leaves at the end of the turn. call->context is its completion. */
void gateway_call(struct gateway_backend *backend, struct ds_client_call *call);

/* After a call: sends the calls of this turn already if they have become many. */
void gateway_bound_calls(struct gateway *gateway);

/* ds_client_call.done of the gateway's calls. `context` is their struct completion; any thread. */
void gateway_complete(struct gateway *gateway, struct completion *completion);

/* Ends gateway_run() once nothing is left to wait for. */
void gateway_check_closed(struct gateway *gateway);

/* health.c: answers the exchange now or when the backends have answered, an abandoned one too. */
void health_ask(struct exchange *exchange);

#endif
