/* The hub in a gateway: its loop, its backends, and the sources' threads. */
#include "gateway/gateway_internal.h"
#include "gateway/live_source.h"

#include <assert.h>
#include <stdlib.h>

struct live_host {
    struct live *live;
    struct gateway *gateway;
    struct live_source *sources[GATEWAY_BACKENDS_MAX]; /* by backend */
    uv_async_t woken;
    uv_timer_t retry;
    size_t handles_open; /* 0 before the first subscription, and at the end */
    bool is_stopping;
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct live_host *host = handle->data;
    if (--host->handles_open == 0) {
        gateway_check_closed(host->gateway);
    }
}

/* Once all sources have ended and no call is under way nobody wakes the loop any more. */
static void close_if_done(struct live_host *host)
{
    bool is_done = host->is_stopping && host->live->listing_count == 0 && host->handles_open > 0 &&
                   !uv_is_closing((uv_handle_t *)&host->woken);
    for (size_t i = 0; i < GATEWAY_BACKENDS_MAX; i++) {
        is_done = is_done && (host->sources[i] == NULL || live_source_has_ended(host->sources[i]));
    }
    if (!is_done) {
        return;
    }
    for (size_t i = 0; i < GATEWAY_BACKENDS_MAX; i++) {
        live_source_close(host->sources[i]);
        host->sources[i] = NULL;
    }
    uv_close((uv_handle_t *)&host->woken, on_handle_closed);
    uv_close((uv_handle_t *)&host->retry, on_handle_closed);
}

static void on_woken(uv_async_t *woken)
{
    struct live_host *host = woken->data;
    live_turn(host->live);
    close_if_done(host);
}

static void on_retry(uv_timer_t *retry)
{
    struct live_host *host = retry->data;
    live_retry(host->live);
}

static void wake(void *context)
{
    struct live_host *host = context;
    uv_async_send(&host->woken);
}

static struct gateway_backend *backend_of(const struct live_host *host, enum live_kind kind)
{
    return gateway_backend_of(host->gateway, (*live_kinds[kind].list_events)->service);
}

static void open_handles(struct live_host *host)
{
    if (host->handles_open == 0) {
        uv_async_init(&host->gateway->loop, &host->woken, on_woken);
        uv_timer_init(&host->gateway->loop, &host->retry);
        host->woken.data = host;
        host->retry.data = host;
        host->handles_open = 2;
    }
}

static bool open_source(void *context, enum live_kind kind)
{
    struct live_host *host = context;
    const struct gateway_backend *backend = backend_of(host, kind);
    if (backend == NULL) {
        return false;
    }
    struct live_source **source = &host->sources[backend - host->gateway->backends];
    open_handles(host);
    if (*source == NULL) {
        *source = live_source_open(&(struct live_source_options){
            .inbox = &host->live->inbox,
            .channel = backend->channel,
            .list_events = *live_kinds[kind].list_events,
            .wake = wake,
            .context = host,
        });
    }
    return true;
}

static void listing_finished(struct completion *completion)
{
    live_listing_finish((struct live_listing *)(void *)completion);
}

static void listing_done(struct ds_client_call *call)
{
    struct live_listing *listing = call->context;
    const struct live_host *host = listing->live->context;
    gateway_complete(host->gateway, &listing->completion);
}

static void list_events(void *context, struct live_listing *listing, enum live_kind kind)
{
    const struct live_host *host = context;
    listing->completion.finish = listing_finished;
    listing->call.principal = &live_principal;
    listing->call.done = listing_done;
    listing->call.context = listing;
    gateway_call(backend_of(host, kind), &listing->call);
}

static void cancel_listing(void *context, struct live_listing *listing)
{
    const struct live_host *host = context;
    ds_channel_cancel(gateway_backend_of(host->gateway, listing->call.method->service)->channel,
                      &listing->call);
}

static void pause_listings(void *context)
{
    struct live_host *host = context;
    uv_timer_start(&host->retry, on_retry, LIVE_RETRY_MS, 0);
}

static void stop(void *context)
{
    struct live_host *host = context;
    host->is_stopping = true;
    for (size_t i = 0; i < GATEWAY_BACKENDS_MAX; i++) {
        if (host->sources[i] != NULL) {
            live_source_stop(host->sources[i]);
        }
    }
    if (host->handles_open > 0) {
        wake(host);
    }
}

static bool is_closed(const void *context)
{
    const struct live_host *host = context;
    return host->handles_open == 0;
}

static void destroy(void *context)
{
    struct live_host *host = context;
    assert(host->handles_open == 0);
    free(host);
}

static const struct live_ops ops = {
    .wake = wake,
    .open = open_source,
    .list = list_events,
    .cancel = cancel_listing,
    .pause = pause_listings,
    .stop = stop,
    .is_closed = is_closed,
    .destroy = destroy,
};

struct live *live_create(struct gateway *gateway, const struct live_limits *limits)
{
    struct live_host *host = calloc(1, sizeof(*host));
    if (host == NULL) {
        abort();
    }
    host->gateway = gateway;
    host->live = live_open(&ops, host, gateway->clock, live_renders, limits);
    return host->live;
}
