#include "gateway/live_internal.h"

#include <inttypes.h>

static void begin(struct ds_buffer *text, const char *name, const char *type, const char *help)
{
    ds_buffer_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_number(struct ds_buffer *text, const char *name, const char *type,
                         const char *help, uint64_t value)
{
    begin(text, name, type, help);
    ds_buffer_printf(text, "%s %" PRIu64 "\n", name, value);
}

static void write_gaps(const struct live_counts *counts, uint64_t inbox_gaps,
                       struct ds_buffer *text)
{
    static const char name[] = "ds_live_gaps_total";
    begin(text, name, "counter",
          "Gaps by what lost the events; of one source once, of clients each.");
    ds_buffer_printf(text, "%s{cause=\"source\"} %" PRIu64 "\n", name,
                     (uint64_t)atomic_load(&counts->source_gaps));
    ds_buffer_printf(text, "%s{cause=\"inbox\"} %" PRIu64 "\n", name, inbox_gaps);
    ds_buffer_printf(text, "%s{cause=\"client\"} %" PRIu64 "\n", name,
                     (uint64_t)atomic_load(&counts->client_gaps));
    ds_buffer_printf(text, "%s{cause=\"resume\"} %" PRIu64 "\n", name,
                     (uint64_t)atomic_load(&counts->resume_gaps));
}

static void write_kinds(const struct live_counts *counts, struct ds_buffer *text)
{
    begin(text, "ds_live_events_total", "counter", "Events that services have told of.");
    for (size_t kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        ds_buffer_printf(text, "ds_live_events_total{kind=\"%s\"} %" PRIu64 "\n",
                         live_kinds[kind].name, (uint64_t)atomic_load(&counts->events[kind]));
    }
    begin(text, "ds_live_source_stale", "gauge", "1 where nothing is heard of who publishes it.");
    for (size_t kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        ds_buffer_printf(text, "ds_live_source_stale{kind=\"%s\"} %d\n", live_kinds[kind].name,
                         atomic_load(&counts->is_stale[kind]) ? 1 : 0);
    }
}

void live_write_metrics(struct live *live, struct ds_buffer *text)
{
    const struct live_counts *counts = &live->counts;
    write_number(text, "ds_live_subscriptions", "gauge", "Subscriptions to live data now.",
                 atomic_load(&counts->clients));
    write_number(text, "ds_live_subscriptions_refused_total", "counter",
                 "Subscriptions refused by a cap.", atomic_load(&counts->refused));
    write_kinds(counts, text);
    write_number(text, "ds_live_deliveries_total", "counter",
                 "Events that subscriptions have taken.", atomic_load(&counts->delivered));
    write_gaps(counts, live_inbox_lost_gap_count(&live->inbox), text);
    write_number(text, "ds_live_queue_events", "gauge", "Events that wait for clients, for each.",
                 atomic_load(&counts->waiting_events));
    write_number(text, "ds_live_bytes", "gauge", "Memory of what waits for clients.",
                 atomic_load(&counts->bytes));
    begin(text, "ds_live_lag_seconds", "histogram",
          "Time from an event's publishing to the loop of the gateway.");
    ds_histogram_write(&counts->lag, "ds_live_lag_seconds", "", text);
}
