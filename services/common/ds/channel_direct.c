/*
 * The channel into a server of the same process: no frames, no copies of replies. Inline methods
 * run on the thread that flushes; the others in the server's pools, watched by one thread that ends
 * those whose deadline passes.
 */
#include "ds/channel.h"
#include "ds/rpc_internal.h"

#include <stdlib.h>

struct direct_channel {
    struct ds_channel base;
    struct ds_rpc_server *server;

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t changed;
    struct ds_client_call_list collected;
    struct direct_call *in_flight; /* calls in the pools that somebody waits for */
    size_t unfinished_count;       /* calls in the pools, waited for or not */
    bool closing;
    bool has_watcher;
    pthread_t watcher;
};

/* A call under way, and then its reply; in the arena of the server's call. */
struct direct_call {
    struct ds_client_reply reply;
    struct direct_channel *channel;
    struct ds_call *server_call;
    struct ds_client_call *client; /* NULL once nobody waits for it */
    int64_t deadline_us;
    bool is_linked; /* in channel->in_flight */
    struct direct_call *previous;
    struct direct_call *next;
};

static void reply_release(struct ds_client_reply *reply)
{
    ds_call_destroy(((struct direct_call *)reply)->server_call);
}

/* Makes a call known to cancel and to the watcher. */
static void link_locked(struct direct_channel *channel, struct direct_call *direct)
{
    direct->next = channel->in_flight;
    if (direct->next != NULL) {
        direct->next->previous = direct;
    }
    channel->in_flight = direct;
    direct->is_linked = true;
    channel->unfinished_count++;
    direct->client->in_flight = direct;
    pthread_cond_broadcast(&channel->changed);
}

static void unlink_locked(struct direct_channel *channel, struct direct_call *direct)
{
    if (direct->previous != NULL) {
        direct->previous->next = direct->next;
    } else {
        channel->in_flight = direct->next;
    }
    if (direct->next != NULL) {
        direct->next->previous = direct->previous;
    }
    direct->client->in_flight = NULL;
}

/* Takes the waiting caller off a call, which goes on alone. */
static struct ds_client_call *detach_locked(struct direct_channel *channel,
                                            struct direct_call *direct)
{
    struct ds_client_call *client = direct->client;
    unlink_locked(channel, direct);
    direct->client = NULL;
    atomic_store(&direct->server_call->cancelled, true);
    return client;
}

static struct ds_client_call *take_client(struct direct_channel *channel,
                                          struct direct_call *direct)
{
    if (!direct->is_linked) {
        return direct->client; /* Ran inline: nobody else knows of it. */
    }
    pthread_mutex_lock(&channel->mutex);
    struct ds_client_call *client = direct->client;
    if (client != NULL) {
        unlink_locked(channel, direct);
    }
    pthread_mutex_unlock(&channel->mutex);
    return client;
}

/* The last touch of the channel by a call that ran in a pool: close() may free it afterwards. */
static void leave(struct direct_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    channel->unfinished_count--;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->mutex);
}

static void direct_finished(struct ds_call *call)
{
    struct direct_call *direct = call->transport;
    struct direct_channel *channel = direct->channel;
    const bool was_linked = direct->is_linked;
    struct ds_client_call *client = take_client(channel, direct);
    if (client == NULL) {
        ds_call_destroy(call);
    } else {
        client->code = call->code;
        client->message = call->code == DS_OK ? "" : call->failure;
        client->status_details = call->code == DS_OK ? (struct ds_bytes){.data = NULL, .size = 0}
                                                     : ds_call_pack_status(call);
        client->response =
            call->code == DS_OK ? call->response : (struct ds_bytes){.data = NULL, .size = 0};
        client->has_retry_pushback = call->has_retry_after;
        client->retry_pushback_ms = call->has_retry_after ? call->retry_after_ms : 0;
        client->response_metadata = call->answer_metadata;
        client->response_metadata_count = call->answer_metadata_count;
        client->queue_us = call->queue_us;
        client->execution_us = call->execution_us;
        client->reply = &direct->reply;
        ds_client_call_finish(&channel->base, client);
    }
    if (was_linked) {
        leave(channel);
    }
}

static const char *copy_or_empty(struct ds_arena *arena, const char *text)
{
    const char *copy = text != NULL ? ds_arena_copy_text(arena, text, strlen(text)) : NULL;
    return copy != NULL ? copy : "";
}

static struct ds_principal *principal_copy(struct ds_arena *arena, const struct ds_principal *from)
{
    struct ds_principal *copy = ds_arena_zalloc(arena, sizeof *copy);
    const char **permissions = ds_arena_alloc(arena, from->permission_count * sizeof *permissions);
    if (copy == NULL || permissions == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < from->permission_count; i++) {
        permissions[i] = copy_or_empty(arena, from->permissions[i]);
    }
    *copy = (struct ds_principal){
        .subject = copy_or_empty(arena, from->subject),
        .authentication_method = copy_or_empty(arena, from->authentication_method),
        .permissions = permissions,
        .permission_count = from->permission_count,
    };
    return copy;
}

static struct ds_bytes bytes_copy(struct ds_arena *arena, struct ds_bytes from)
{
    uint8_t *copy = ds_arena_alloc(arena, from.size);
    if (copy == NULL || from.size == 0) {
        return (struct ds_bytes){.data = NULL, .size = 0};
    }
    memcpy(copy, from.data, from.size);
    return ds_bytes_of(copy, from.size);
}

static const struct ds_metadata_entry *metadata_copy(struct ds_arena *arena,
                                                     const struct ds_client_call *client)
{
    struct ds_metadata_entry *copy =
        ds_arena_zalloc(arena, client->metadata_count * sizeof *copy + 1);
    for (size_t i = 0; copy != NULL && i < client->metadata_count; i++) {
        copy[i].key = copy_or_empty(arena, client->metadata[i].key);
        copy[i].value = bytes_copy(arena, client->metadata[i].value);
    }
    return copy;
}

/* An attempt that is not the first has what the others have left of the call's time. */
static uint32_t left_ms(const struct ds_call *call, const struct ds_client_call *client)
{
    if (client->attempt == 0) {
        return ds_client_call_timeout_ms(client);
    }
    const struct direct_call *direct = call->transport;
    const int64_t now_us = ds_clock_monotonic_us(direct->channel->base.clock);
    const int64_t left_us = ds_client_call_deadline_us(client) - now_us;
    return left_us > 1000 ? (uint32_t)(left_us / 1000) : 1;
}

/* A call in a pool may outlive its caller's patience, so it gets copies; an inline one reads the
 * caller's memory. */
static void fill_request(struct ds_call *call, const struct ds_client_call *client, bool is_inline)
{
    struct ds_call_request *request = &call->request;
    request->method = client->method->full_name;
    request->timeout_ms = left_ms(call, client);
    request->attempt = client->attempt;
    request->received_bytes = client->payload.size;
    if (is_inline) {
        request->authorization = client->authorization != NULL ? client->authorization : "";
        request->traceparent = client->traceparent != NULL ? client->traceparent : "";
        request->tracestate = client->tracestate != NULL ? client->tracestate : "";
        request->peer = client->peer != NULL ? client->peer : "";
        request->principal = client->principal;
        request->payload = client->payload;
        request->idempotency_key = client->idempotency_key;
        request->metadata = client->metadata;
        request->metadata_count = client->metadata_count;
        return;
    }
    struct ds_arena *arena = call->arena;
    request->authorization = copy_or_empty(arena, client->authorization);
    request->traceparent = copy_or_empty(arena, client->traceparent);
    request->tracestate = copy_or_empty(arena, client->tracestate);
    request->peer = copy_or_empty(arena, client->peer);
    request->principal =
        client->principal != NULL ? principal_copy(arena, client->principal) : NULL;
    request->payload = bytes_copy(arena, client->payload);
    request->idempotency_key = bytes_copy(arena, client->idempotency_key);
    request->metadata = metadata_copy(arena, client);
    request->metadata_count = request->metadata != NULL ? client->metadata_count : 0;
}

static void start(struct direct_channel *channel, struct ds_client_call *client)
{
    struct ds_call *call = ds_call_create(channel->server);
    struct direct_call *direct = ds_arena_zalloc(call->arena, sizeof *direct);
    const bool is_inline = ds_rpc_runs_inline(channel->server, client->method);
    *direct = (struct direct_call){
        .reply = {.release = reply_release},
        .channel = channel,
        .server_call = call,
        .client = client,
    };
    call->trusted = true;
    call->transport = direct;
    call->finished = direct_finished;
    fill_request(call, client, is_inline);
    direct->deadline_us = call->received_us + (int64_t)call->request.timeout_ms * 1000;
    pthread_mutex_lock(&channel->mutex);
    const bool is_wanted = !client->cancelled;
    if (is_wanted && !is_inline) {
        link_locked(channel, direct);
    }
    pthread_mutex_unlock(&channel->mutex);
    if (is_wanted) {
        ds_rpc_dispatch(call);
        return;
    }
    ds_call_destroy(call);
    ds_client_call_fail(&channel->base, client, DS_CANCELLED, ds_client_failure_text(DS_CANCELLED));
}

/* The call whose deadline comes first; NULL where none is in flight. */
static struct direct_call *most_urgent_locked(struct direct_channel *channel)
{
    struct direct_call *urgent = channel->in_flight;
    for (struct direct_call *direct = urgent; direct != NULL; direct = direct->next) {
        if (direct->deadline_us < urgent->deadline_us) {
            urgent = direct;
        }
    }
    return urgent;
}

static void *watch(void *argument)
{
    struct direct_channel *channel = argument;
    pthread_mutex_lock(&channel->mutex);
    while (!channel->closing) {
        struct direct_call *urgent = most_urgent_locked(channel);
        if (urgent == NULL) {
            pthread_cond_wait(&channel->changed, &channel->mutex);
            continue;
        }
        const int64_t left_us = urgent->deadline_us - ds_clock_monotonic_us(channel->base.clock);
        if (left_us > 0) {
            /* The channel's clock may be a test's; a wait goes by the machine's. */
            const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
            (void)ds_clock_wait_until(&channel->changed, &channel->mutex, now_us + left_us);
            continue;
        }
        struct ds_client_call *client = detach_locked(channel, urgent);
        pthread_mutex_unlock(&channel->mutex);
        ds_client_call_fail(&channel->base, client, DS_DEADLINE_EXCEEDED,
                            ds_client_failure_text(DS_DEADLINE_EXCEEDED));
        pthread_mutex_lock(&channel->mutex);
    }
    pthread_mutex_unlock(&channel->mutex);
    return NULL;
}

static void direct_call(struct ds_channel *base, struct ds_client_call *call)
{
    struct direct_channel *channel = (struct direct_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    ds_client_call_push(&channel->collected, call);
    pthread_mutex_unlock(&channel->mutex);
}

static struct ds_client_call *take_collected(struct direct_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    struct ds_client_call *call = ds_client_call_pop(&channel->collected);
    const bool needs_watcher =
        call != NULL && !channel->has_watcher && !ds_rpc_runs_inline(channel->server, call->method);
    if (needs_watcher) {
        channel->has_watcher = true;
        if (pthread_create(&channel->watcher, NULL, watch, channel) != 0) {
            abort();
        }
    }
    pthread_mutex_unlock(&channel->mutex);
    return call;
}

static void direct_flush(struct ds_channel *base)
{
    struct direct_channel *channel = (struct direct_channel *)base;
    for (struct ds_client_call *call = take_collected(channel); call != NULL;
         call = take_collected(channel)) {
        start(channel, call);
    }
}

static void direct_cancel(struct ds_channel *base, struct ds_client_call *call)
{
    struct direct_channel *channel = (struct direct_channel *)base;
    struct ds_client_call *client = NULL;
    pthread_mutex_lock(&channel->mutex);
    call->cancelled = true;
    if (call->in_flight != NULL) {
        client = detach_locked(channel, call->in_flight);
    }
    pthread_mutex_unlock(&channel->mutex);
    if (client != NULL) {
        ds_client_call_fail(base, client, DS_CANCELLED, ds_client_failure_text(DS_CANCELLED));
    }
}

static struct ds_client_call *take_any_locked(struct direct_channel *channel)
{
    struct ds_client_call *call = ds_client_call_pop(&channel->collected);
    if (call == NULL && channel->in_flight != NULL) {
        call = detach_locked(channel, channel->in_flight);
    }
    return call;
}

static void direct_close(struct ds_channel *base)
{
    struct direct_channel *channel = (struct direct_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    channel->closing = true;
    pthread_cond_broadcast(&channel->changed);
    for (struct ds_client_call *call = take_any_locked(channel); call != NULL;
         call = take_any_locked(channel)) {
        pthread_mutex_unlock(&channel->mutex);
        ds_client_call_fail(base, call, DS_CANCELLED, ds_client_failure_text(DS_CANCELLED));
        pthread_mutex_lock(&channel->mutex);
    }
    while (channel->unfinished_count > 0) {
        pthread_cond_wait(&channel->changed, &channel->mutex);
    }
    const bool has_watcher = channel->has_watcher;
    pthread_mutex_unlock(&channel->mutex);
    if (has_watcher) {
        pthread_join(channel->watcher, NULL);
    }
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->mutex);
    free(channel);
}

static enum ds_channel_state direct_state(struct ds_channel *base)
{
    struct direct_channel *channel = (struct direct_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    const bool closing = channel->closing;
    pthread_mutex_unlock(&channel->mutex);
    return closing ? DS_CHANNEL_SHUTDOWN : DS_CHANNEL_READY;
}

struct ds_channel *ds_channel_direct_open(const struct ds_channel_options *options)
{
    static const struct ds_channel_ops ops = {
        .call = direct_call,
        .flush = direct_flush,
        .cancel = direct_cancel,
        .close = direct_close,
        .state = direct_state,
    };
    struct direct_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        abort();
    }
    ds_channel_init(&channel->base, &ops, options);
    channel->server = options->server;
    pthread_mutex_init(&channel->mutex, NULL);
    pthread_cond_init(&channel->changed, NULL);
    return &channel->base;
}
