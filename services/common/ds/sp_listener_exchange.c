#include "ds/sp_backtrace.h"
#include "ds/sp_listener_internal.h"

#include <assert.h>
#include <stdlib.h>

struct ds_sp_exchange {
    struct ds_sp_peer *peer;
    bool is_over_limit;
    struct ds_bytes backtrace; /* goes before the reply */
    struct ds_buffer taken;    /* of a request that came in parts; else it is in `bytes` */
    uint8_t bytes[];
};

/* The request as a whole: its backtrace and, right behind that, its message. */
static struct ds_sp_exchange *exchange_create(struct ds_sp_peer *peer, struct ds_bytes request)
{
    const struct ds_buffer taken = ds_sp_stream_take(&peer->wire.stream);
    const size_t copied = taken.data == NULL ? request.size : 0;
    struct ds_sp_exchange *exchange = malloc(sizeof *exchange + copied);
    if (exchange == NULL) {
        abort();
    }
    exchange->peer = peer;
    exchange->taken = taken;
    memcpy(exchange->bytes, request.data, copied);
    return exchange;
}

bool ds_sp_exchange_begin(struct ds_sp_peer *peer, struct ds_bytes message)
{
    struct ds_sp_listener *listener = peer->lane->listener;
    const struct ds_bytes request = message;
    struct ds_bytes backtrace;
    const enum ds_sp_route route = ds_sp_backtrace_take(&message, &backtrace);
    if (route == DS_SP_TOO_FAR) {
        atomic_fetch_add(&listener->strayed, 1);
        return true;
    }
    if (route != DS_SP_ROUTED) {
        return false;
    }
    struct ds_sp_exchange *exchange = exchange_create(peer, request);
    if (exchange->taken.data == NULL) {
        backtrace.data = exchange->bytes;
        message.data = exchange->bytes + backtrace.size;
    }
    exchange->backtrace = backtrace;
    ds_sp_peer_hold(peer);
    peer->has_asked = true;
    atomic_fetch_add(&peer->request_count, 1);
    exchange->is_over_limit = atomic_fetch_add(&peer->requests_in_work, 1) >=
                              listener->options.limits.requests_per_connection_max;
    listener->options.receive(listener->options.context, exchange, message);
    return true;
}

bool ds_sp_exchange_is_trusted(const struct ds_sp_exchange *exchange)
{
    return exchange->peer->lane->listener->binding.is_ipc;
}

const char *ds_sp_exchange_peer(const struct ds_sp_exchange *exchange)
{
    return exchange->peer->name;
}

uint64_t ds_sp_exchange_peer_id(const struct ds_sp_exchange *exchange)
{
    return exchange->peer->id;
}

bool ds_sp_exchange_has_peer(const struct ds_sp_exchange *exchange)
{
    return !atomic_load(&exchange->peer->is_gone);
}

bool ds_sp_exchange_is_over_limit(const struct ds_sp_exchange *exchange)
{
    return exchange->is_over_limit;
}

void ds_sp_exchange_reply(struct ds_sp_exchange *exchange, const struct ds_bytes *parts,
                          size_t part_count)
{
    struct ds_sp_peer *peer = exchange->peer;
    struct ds_bytes pieces[DS_SP_REPLY_PARTS_MAX + 1];
    assert(part_count <= DS_SP_REPLY_PARTS_MAX);
    pieces[0] = exchange->backtrace;
    for (size_t i = 0; i < part_count; i++) {
        pieces[i + 1] = parts[i];
    }
    /* Before the peer can know of the reply and ask for more. */
    atomic_fetch_sub(&peer->requests_in_work, 1);
    if (ds_sp_connection_send(&peer->wire, pieces, part_count + 1, NULL)) {
        ds_sp_peer_sent(peer);
    }
    ds_buffer_deinit(&exchange->taken);
    free(exchange);
    ds_sp_peer_release(peer);
}
