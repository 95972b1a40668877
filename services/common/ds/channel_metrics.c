/* What a channel shows of itself on a registry: its state, and what it has sent. */
#include "ds/channel.h"

static const char *const state_names[] = {
    [DS_CHANNEL_IDLE] = "IDLE",         [DS_CHANNEL_CONNECTING] = "CONNECTING",
    [DS_CHANNEL_READY] = "READY",       [DS_CHANNEL_TRANSIENT_FAILURE] = "TRANSIENT_FAILURE",
    [DS_CHANNEL_SHUTDOWN] = "SHUTDOWN",
};

/* 1 for the state that the channel is in, 0 for the others. */
static void collect_states(void *context, struct ds_metrics_samples *samples)
{
    struct ds_channel *channel = context;
    const enum ds_channel_state state = ds_channel_state(channel);
    for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++) {
        const struct ds_metrics_label labels[] = {{"target", channel->target},
                                                  {"state", state_names[i]}};
        ds_metrics_sample(samples, labels, 2, i == (size_t)state);
    }
}

#define TRAFFIC_COLLECTOR(member)                                                                  \
    static void collect_##member(void *context, struct ds_metrics_samples *samples)                \
    {                                                                                              \
        struct ds_channel *channel = context;                                                      \
        const struct ds_metrics_label label = {"target", channel->target};                         \
        ds_metrics_sample(samples, &label, 1, ds_channel_traffic(channel).member);                 \
    }

TRAFFIC_COLLECTOR(messages)
TRAFFIC_COLLECTOR(calls)
TRAFFIC_COLLECTOR(compressed_calls)
TRAFFIC_COLLECTOR(repeated_calls)

void ds_channel_watch(struct ds_channel *channel, const char *target, struct ds_metrics *metrics)
{
    const struct ds_metrics_family families[] = {
        {"ds_rpc_client_channel_state", "1 for the state that the channel is in.", "gauge",
         collect_states, channel},
        {"ds_rpc_client_messages_sent_total", "Messages with calls; a direct channel sends none.",
         "counter", collect_messages, channel},
        {"ds_rpc_client_calls_sent_total", "Calls in these messages, each attempt of each.",
         "counter", collect_calls, channel},
        {"ds_rpc_client_compressed_calls_sent_total", "Of these, those with a compressed payload.",
         "counter", collect_compressed_calls, channel},
        {"ds_rpc_client_retries_total", "Attempts beyond each call's first.", "counter",
         collect_repeated_calls, channel},
    };
    channel->target = target;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        ds_metrics_watch_family(metrics, &families[i]);
    }
}
