#include "storage/host_metrics.h"

#include <pthread.h>
#include <stdlib.h>

/*
 * All gauges of one scrape show one snapshot, and the store, which counts its free pages one by
 * one, is asked once: what is younger than this is shown again.
 */
#define SNAPSHOT_US_MAX 10000

struct host_metrics {
    struct market_store *store;

    pthread_mutex_t lock; /* guards the snapshot */
    bool has_snapshot;
    int64_t taken_us; /* monotonic */
    struct market_stats snapshot;
};

/* The store's figures; zeros where it can't say. */
static struct market_stats stats_of(struct host_metrics *metrics)
{
    pthread_mutex_lock(&metrics->lock);
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    if (!metrics->has_snapshot || now_us - metrics->taken_us > SNAPSHOT_US_MAX) {
        struct market_stats stats = {0};
        if (metrics->store->ops->stats(metrics->store, &stats) != DS_OK) {
            stats = (struct market_stats){0};
        }
        metrics->snapshot = stats;
        metrics->taken_us = ds_clock_monotonic_us(ds_clock_system());
        metrics->has_snapshot = true;
    }
    const struct market_stats stats = metrics->snapshot;
    pthread_mutex_unlock(&metrics->lock);
    return stats;
}

#define STATS_READER(name, member)                                                                 \
    static uint64_t read_##name(void *context)                                                     \
    {                                                                                              \
        return (uint64_t)stats_of(context).member;                                                 \
    }

STATS_READER(commits, commit_count)
STATS_READER(rows, row_count)
STATS_READER(ticks, kinds[MARKET_TICKS].row_count)
STATS_READER(quotes, kinds[MARKET_QUOTES].row_count)
STATS_READER(chains, kinds[MARKET_CHAINS].row_count)
STATS_READER(file_bytes, file_bytes)
STATS_READER(file_bytes_max, file_bytes_max)
STATS_READER(reusable_bytes, reusable_bytes)
STATS_READER(disk_free_bytes, disk_free_bytes)
STATS_READER(queued_rows, queued_row_count)
STATS_READER(writes, writes)

static uint64_t read_events(void *context)
{
    return ds_event_journal_total(context);
}

static uint64_t read_subscribers(void *context)
{
    return ds_event_publisher_figures(context).subscriber_count;
}

static uint64_t read_left_out(void *context)
{
    return ds_event_publisher_figures(context).left_out_count;
}

static uint64_t read_retention_runs(void *context)
{
    return retention_sweeper_totals(context).run_count;
}

static uint64_t read_retention_failures(void *context)
{
    return retention_sweeper_totals(context).failed_count;
}

static uint64_t read_retention_deleted(void *context)
{
    return retention_sweeper_totals(context).deleted_count;
}

static void watch_store(struct ds_metrics *registry, struct host_metrics *metrics)
{
    const struct ds_metrics_watched watched[] = {
        {"ds_storage_commits_total", "Durable commits since the start.", "counter", read_commits,
         metrics},
        {"ds_storage_rows", "Rows in the store.", "gauge", read_rows, metrics},
        {"ds_storage_tick_rows", "Ticks in the store.", "gauge", read_ticks, metrics},
        {"ds_storage_quote_rows", "Quotes in the store.", "gauge", read_quotes, metrics},
        {"ds_storage_chain_rows", "Option chains in the store.", "gauge", read_chains, metrics},
        {"ds_storage_file_bytes", "Size of the store on disk.", "gauge", read_file_bytes, metrics},
        {"ds_storage_file_bytes_max", "How far the store's file may grow.", "gauge",
         read_file_bytes_max, metrics},
        {"ds_storage_reusable_bytes", "Of the store's file, free for new rows.", "gauge",
         read_reusable_bytes, metrics},
        {"ds_storage_disk_free_bytes", "What the store's disk has left.", "gauge",
         read_disk_free_bytes, metrics},
        {"ds_storage_queued_rows", "Rows that wait for their commit.", "gauge", read_queued_rows,
         metrics},
        {"ds_storage_writes_state", "0: writes work, 1: no room for now, 2: stopped for good.",
         "gauge", read_writes, metrics},
    };
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        ds_metrics_watch(registry, &watched[i]);
    }
}

static uint64_t read_figure(void *context)
{
    return atomic_load((atomic_uint_fast64_t *)context);
}

static void watch_figures(struct ds_metrics *registry, struct market_figures *figures)
{
    const struct ds_metrics_watched watched[] = {
        {"ds_storage_written_rows_total", "Rows committed since the start, known ones included.",
         "counter", read_figure, &figures->rows_written},
        {"ds_storage_deleted_rows_total", "Rows deleted since the start.", "counter", read_figure,
         &figures->rows_deleted},
    };
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        ds_metrics_watch(registry, &watched[i]);
    }
    ds_metrics_watch_histogram(registry, "ds_storage_transaction_seconds",
                               "Transactions, from their first row to the end of their sync.",
                               &figures->transactions);
    ds_metrics_watch_histogram(registry, "ds_storage_commit_seconds",
                               "Their commits: the writing of the pages and the sync.",
                               &figures->commits);
}

static void watch_service(struct ds_metrics *registry, const struct storage_host *host)
{
    struct retention_sweeper *sweeper = storage_sweeper(host->storage);
    const struct ds_metrics_watched watched[] = {
        {"ds_storage_events_total", "Accepted rows told to subscribers since the start.", "counter",
         read_events, host->events},
        {"ds_storage_event_subscribers", "Connections of the event sockets.", "gauge",
         read_subscribers, host->publisher},
        {"ds_storage_events_left_out_total",
         "Events since the start that subscribers had to ask for, since too many came at once.",
         "counter", read_left_out, host->publisher},
        {"ds_storage_retention_runs_total", "Passes that deleted old rows since the start.",
         "counter", read_retention_runs, sweeper},
        {"ds_storage_retention_failures_total", "Such passes that failed.", "counter",
         read_retention_failures, sweeper},
        {"ds_storage_retention_deleted_rows_total", "Old rows deleted since the start.", "counter",
         read_retention_deleted, sweeper},
    };
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        ds_metrics_watch(registry, &watched[i]);
    }
}

struct host_metrics *host_metrics_create(const struct storage_host *host)
{
    struct host_metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics == NULL) {
        abort();
    }
    metrics->store = host->store;
    pthread_mutex_init(&metrics->lock, NULL);
    watch_store(ds_rpc_server_metrics(host->server), metrics);
    watch_figures(ds_rpc_server_metrics(host->server), host->figures);
    watch_service(ds_rpc_server_metrics(host->server), host);
    return metrics;
}

void host_metrics_destroy(struct host_metrics *metrics)
{
    if (metrics != NULL) {
        pthread_mutex_destroy(&metrics->lock);
        free(metrics);
    }
}
