/* What a server shows of its pools, connections and idempotency keys, as views and as metrics. */
#include "ds/compress.h"
#include "ds/introspection.h"
#include "ds/rpc_idempotency.h"
#include "ds/rpc_internal.h"

static void show_pool(struct ds_worker_pool *pool, const char *name, ds_pool_view_fn take,
                      void *context)
{
    const struct ds_worker_stats stats = ds_worker_pool_stats(pool);
    const struct ds_pool_view view = {.name = name,
                                      .threads = stats.threads,
                                      .busy_threads = stats.busy_threads,
                                      .queued = stats.queued,
                                      .queue_max = stats.queue_max,
                                      .refused_count = stats.refused_count};
    take(context, &view);
}

void ds_rpc_server_pools(struct ds_rpc_server *server, ds_pool_view_fn take, void *context)
{
    show_pool(server->read_pool, "read", take, context);
    show_pool(server->write_pool, "write", take, context);
}

struct connection_taking {
    ds_connection_view_fn take;
    void *context;
    size_t taken;
};

static void take_connection(void *context, const struct ds_connection_view *connection)
{
    struct connection_taking *taking = context;
    taking->taken++;
    taking->take(taking->context, connection);
}

void ds_rpc_server_connections(struct ds_rpc_server *server, size_t max, ds_connection_view_fn take,
                               void *context)
{
    struct connection_taking taking = {.take = take, .context = context};
    for (size_t i = 0; i < server->listener_count && taking.taken < max; i++) {
        ds_sp_listener_connections(server->listeners[i], max - taking.taken, take_connection,
                                   &taking);
    }
}

/* One figure of each pool, as a sample. */
struct pool_sampling {
    struct ds_metrics_samples *samples;
    uint64_t (*figure)(const struct ds_pool_view *pool);
};

static void sample_pool(void *context, const struct ds_pool_view *pool)
{
    const struct pool_sampling *sampling = context;
    const struct ds_metrics_label label = {"pool", pool->name};
    ds_metrics_sample(sampling->samples, &label, 1, sampling->figure(pool));
}

#define POOL_COLLECTOR(name, member)                                                               \
    static uint64_t pool_##name(const struct ds_pool_view *pool)                                   \
    {                                                                                              \
        return (uint64_t)pool->member;                                                             \
    }                                                                                              \
    static void collect_pool_##name(void *context, struct ds_metrics_samples *samples)             \
    {                                                                                              \
        struct pool_sampling sampling = {.samples = samples, .figure = pool_##name};               \
        ds_rpc_server_pools(context, sample_pool, &sampling);                                      \
    }

POOL_COLLECTOR(threads, threads)
POOL_COLLECTOR(busy, busy_threads)
POOL_COLLECTOR(queued, queued)
POOL_COLLECTOR(queue_max, queue_max)
POOL_COLLECTOR(refused, refused_count)

static void collect_connections(void *context, struct ds_metrics_samples *samples)
{
    const struct ds_rpc_server *server = context;
    for (size_t i = 0; i < server->listener_count; i++) {
        const struct ds_metrics_label label = {"listener",
                                               ds_sp_listener_url(server->listeners[i])};
        ds_metrics_sample(samples, &label, 1,
                          ds_sp_listener_connection_count(server->listeners[i]));
    }
}

static void collect_refused_connections(void *context, struct ds_metrics_samples *samples)
{
    const struct ds_rpc_server *server = context;
    for (size_t i = 0; i < server->listener_count; i++) {
        const struct ds_metrics_label label = {"listener",
                                               ds_sp_listener_url(server->listeners[i])};
        ds_metrics_sample(samples, &label, 1, ds_sp_listener_figures(server->listeners[i]).refused);
    }
}

static void sample_hang_ups(const struct ds_sp_listener *listener,
                            struct ds_metrics_samples *samples)
{
    const struct ds_sp_listener_figures figures = ds_sp_listener_figures(listener);
    const struct {
        const char *reason;
        uint64_t count;
    } rows[] = {{"malformed", figures.malformed},
                {"overdue", figures.overdue},
                {"unread", figures.unread},
                {"memory", figures.burdens}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ds_metrics_label labels[] = {{"listener", ds_sp_listener_url(listener)},
                                                  {"reason", rows[i].reason}};
        ds_metrics_sample(samples, labels, 2, rows[i].count);
    }
}

static void collect_hang_ups(void *context, struct ds_metrics_samples *samples)
{
    const struct ds_rpc_server *server = context;
    for (size_t i = 0; i < server->listener_count; i++) {
        sample_hang_ups(server->listeners[i], samples);
    }
}

static uint64_t read_keys(void *context)
{
    const struct ds_rpc_server *server = context;
    return ds_idempotency_figures(server->idempotency).key_count;
}

static uint64_t read_reply_bytes(void *context)
{
    const struct ds_rpc_server *server = context;
    return ds_idempotency_figures(server->idempotency).reply_bytes;
}

static uint64_t read_compression_bytes(void *context)
{
    (void)context;
    return ds_compress_idle_bytes();
}

void ds_rpc_introspection_watch(struct ds_rpc_server *server)
{
    const struct ds_metrics_family families[] = {
        {"ds_rpc_server_pool_threads", "Threads of a pool.", "gauge", collect_pool_threads, server},
        {"ds_rpc_server_pool_busy_threads", "Threads of a pool that have work.", "gauge",
         collect_pool_busy, server},
        {"ds_rpc_server_pool_queued", "Calls that wait for a thread of a pool.", "gauge",
         collect_pool_queued, server},
        {"ds_rpc_server_pool_queue_max", "Calls that may wait for a pool.", "gauge",
         collect_pool_queue_max, server},
        {"ds_rpc_server_pool_refused_total", "Calls refused because the queue was full.", "counter",
         collect_pool_refused, server},
        {"ds_rpc_server_connections", "Connections of a listener.", "gauge", collect_connections,
         server},
        {"ds_rpc_server_connections_refused_total", "Connections past a cap of a listener.",
         "counter", collect_refused_connections, server},
        {"ds_rpc_server_hang_ups_total", "Connections that a listener ended, by reason.", "counter",
         collect_hang_ups, server},
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        ds_metrics_watch_family(server->metrics, &families[i]);
    }
    const struct ds_metrics_watched watched[] = {
        {"ds_rpc_server_idempotency_keys", "Idempotency keys remembered.", "gauge", read_keys,
         server},
        {"ds_rpc_server_idempotency_reply_bytes", "Bytes of the replies kept for them.", "gauge",
         read_reply_bytes, server},
        {"ds_rpc_server_compression_idle_bytes",
         "Memory of the process's zstd contexts that wait for their next payload.", "gauge",
         read_compression_bytes, server},
    };
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        ds_metrics_watch(server->metrics, &watched[i]);
    }
}
