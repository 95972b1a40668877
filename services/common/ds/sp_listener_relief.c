/*
 * What waits for the peers of a listener that read slowly is bounded for all of them together: each
 * by itself may have the replies to its requests in work, and a thousand of them more than the
 * machine. The worst one goes first.
 */
#include "ds/log.h"
#include "ds/sp_listener_internal.h"

/* How often the log is told. */
#define TOLD_US 60000000

struct worst {
    struct ds_sp_peer *peer; /* held; NULL: none has anything to take */
    uint64_t burden;
};

static void look_at(struct ds_sp_lane *lane, int64_t now_us, struct worst *worst)
{
    pthread_mutex_lock(&lane->mutex);
    for (struct ds_sp_peer *peer = lane->oldest; peer != NULL; peer = peer->newer) {
        const uint64_t burden = ds_sp_connection_burden(&peer->wire, now_us);
        if (burden > worst->burden) {
            ds_sp_peer_hold(peer);
            if (worst->peer != NULL) {
                ds_sp_peer_release(worst->peer);
            }
            *worst = (struct worst){peer, burden};
        }
    }
    pthread_mutex_unlock(&lane->mutex);
}

static void tell(struct ds_sp_listener *listener, const struct ds_sp_peer *peer, int64_t now_us)
{
    if (listener->relief_told_us == 0 || now_us - listener->relief_told_us >= TOLD_US) {
        listener->relief_told_us = now_us;
        ds_log(DS_LOG_WARNING, "slow_reader_ended", DS_LOG_TEXT("url", listener->binding.url),
               DS_LOG_TEXT("peer", peer->name),
               DS_LOG_INT("so_far", (int64_t)atomic_load(&listener->burdens)));
    }
}

/* False where nobody has anything to take. */
static bool end_worst(struct ds_sp_listener *listener)
{
    const int64_t now_us = ds_sp_now_us();
    struct worst worst = {.peer = NULL};
    for (size_t i = 0; i < listener->lane_count; i++) {
        look_at(&listener->lanes[i], now_us, &worst);
    }
    if (worst.peer == NULL) {
        return false;
    }
    atomic_fetch_add(&listener->burdens, 1);
    tell(listener, worst.peer, now_us);
    /* What waits for it is freed by this; its lane sees to the rest. */
    ds_sp_connection_hang_up(&worst.peer->wire);
    ds_sp_peer_release(worst.peer);
    return true;
}

static bool is_over(const struct ds_sp_listener *listener)
{
    return atomic_load(&listener->unsent_bytes) > listener->options.limits.unsent_bytes_max;
}

void ds_sp_listener_relieve(struct ds_sp_listener *listener)
{
    if (!is_over(listener)) {
        return;
    }
    pthread_mutex_lock(&listener->relief_mutex);
    while (is_over(listener) && end_worst(listener)) {
    }
    pthread_mutex_unlock(&listener->relief_mutex);
}
