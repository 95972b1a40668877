/*
 * The channel to several replicas of a service: each call goes to one of them by a channel of its
 * own. A connection of its own asks each replica how it is, so that the answer does not wait behind
 * calls.
 */
#include "ds/channel.h"
#include "ds/wire.h"
#include "schema.gen.h"

#include <pthread.h>
#include <stdlib.h>

#define HEALTH_INTERVAL_MS 1000
#define HEALTH_TIMEOUT_MS 1000
/* A check that ends so much later than it was to had to do with a stop of ours, and says nothing of
 * the replica. How many of them in a row are let pass. */
#define STALL_US 100000
#define STALLS_MAX 3
#define NO_ENDPOINT ((size_t)-1)
/* grpc.health.v1.HealthCheckResponse: status = 1, SERVING = 1. */
#define HEALTH_STATUS_FIELD 1
#define HEALTH_SERVING 1

struct balanced_channel;

struct endpoint {
    struct balanced_channel *channel;
    struct ds_channel *calls;  /* carries the calls */
    struct ds_channel *health; /* carries the checks */
    struct ds_client_call check;
    bool is_checking;   /* then the check is the transport's, and so is stall_count */
    bool has_collected; /* calls that its next flush sends */
    int stall_count;    /* checks in a row that say nothing */
    int64_t next_check_us;
    enum ds_channel_state state;
};

struct balanced_channel {
    struct ds_channel base;
    enum ds_balancing balancing;
    int64_t health_interval_us;
    uint32_t health_timeout_ms;

    /* Guards all that follows, the endpoints, and the endpoint of each call. Taken before the
     * mutexes of the endpoints' channels, after the retrier's. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct ds_client_call_list collected;
    struct ds_client_call_list held; /* until it is known whether any replica is well */
    size_t cursor;                   /* of round robin */
    bool is_closing;
    pthread_t keeper;
    size_t endpoint_count;
    struct endpoint endpoints[];
};

static bool has_state_locked(const struct balanced_channel *channel, enum ds_channel_state state)
{
    for (size_t i = 0; i < channel->endpoint_count; i++) {
        if (channel->endpoints[i].state == state) {
            return true;
        }
    }
    return false;
}

static enum ds_channel_state state_locked(const struct balanced_channel *channel)
{
    static const enum ds_channel_state order[] = {DS_CHANNEL_READY, DS_CHANNEL_CONNECTING,
                                                  DS_CHANNEL_IDLE};
    if (channel->is_closing) {
        return DS_CHANNEL_SHUTDOWN;
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (has_state_locked(channel, order[i])) {
            return order[i];
        }
    }
    return DS_CHANNEL_TRANSIENT_FAILURE;
}

static enum ds_channel_state balanced_state(struct ds_channel *base)
{
    struct balanced_channel *channel = (struct balanced_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    const enum ds_channel_state state = state_locked(channel);
    pthread_mutex_unlock(&channel->mutex);
    return state;
}

enum ds_channel_state ds_channel_balanced_endpoint_state(struct ds_channel *base, size_t place)
{
    struct balanced_channel *channel = (struct balanced_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    const enum ds_channel_state state = channel->endpoints[place].state;
    pthread_mutex_unlock(&channel->mutex);
    return state;
}

/* ---- the calls ---- */

/* The next replica that is well, other than `avoided` unless that is the only one; NO_ENDPOINT
 * where none is. */
static size_t pick_locked(struct balanced_channel *channel, size_t avoided)
{
    const size_t count = channel->endpoint_count;
    const size_t first = channel->balancing == DS_ROUND_ROBIN ? channel->cursor : 0;
    size_t picked = NO_ENDPOINT;
    for (size_t i = 0; i < count; i++) {
        const size_t place = (first + i) % count;
        if (channel->endpoints[place].state != DS_CHANNEL_READY) {
            continue;
        }
        if (picked == NO_ENDPOINT || picked == avoided) {
            picked = place;
        }
    }
    if (picked != NO_ENDPOINT) {
        channel->cursor = (picked + 1) % count;
    }
    return picked;
}

/* Sends a call on its way, or holds it. False where it is to be ended with call->code. */
static bool route_locked(struct balanced_channel *channel, struct ds_client_call *call)
{
    if (call->cancelled || channel->is_closing) {
        call->code = DS_CANCELLED;
        return false;
    }
    const size_t place = pick_locked(channel, call->endpoint);
    if (place != NO_ENDPOINT) {
        struct endpoint *endpoint = &channel->endpoints[place];
        call->endpoint = place;
        call->is_routed = true;
        endpoint->has_collected = true;
        endpoint->calls->ops->call(endpoint->calls, call);
        return true;
    }
    if (has_state_locked(channel, DS_CHANNEL_IDLE) ||
        has_state_locked(channel, DS_CHANNEL_CONNECTING)) {
        ds_client_call_push(&channel->held, call);
        return true;
    }
    call->code = DS_UNAVAILABLE;
    call->is_unexecuted = true;
    return false;
}

static struct ds_channel *take_collected_endpoint(struct balanced_channel *channel)
{
    struct ds_channel *calls = NULL;
    pthread_mutex_lock(&channel->mutex);
    for (size_t i = 0; i < channel->endpoint_count && calls == NULL; i++) {
        if (channel->endpoints[i].has_collected) {
            channel->endpoints[i].has_collected = false;
            calls = channel->endpoints[i].calls;
        }
    }
    pthread_mutex_unlock(&channel->mutex);
    return calls;
}

static void balanced_flush(struct ds_channel *base)
{
    struct balanced_channel *channel = (struct balanced_channel *)base;
    struct ds_client_call_list ended = {.first = NULL, .last = NULL};
    pthread_mutex_lock(&channel->mutex);
    for (struct ds_client_call *call = ds_client_call_pop(&channel->collected); call != NULL;
         call = ds_client_call_pop(&channel->collected)) {
        if (!route_locked(channel, call)) {
            ds_client_call_push(&ended, call);
        }
    }
    pthread_mutex_unlock(&channel->mutex);
    for (struct ds_channel *calls = take_collected_endpoint(channel); calls != NULL;
         calls = take_collected_endpoint(channel)) {
        calls->ops->flush(calls);
    }
    for (struct ds_client_call *call = ds_client_call_pop(&ended); call != NULL;
         call = ds_client_call_pop(&ended)) {
        ds_client_call_fail(base, call, call->code, ds_client_failure_text(call->code));
    }
}

static void balanced_call(struct ds_channel *base, struct ds_client_call *call)
{
    struct balanced_channel *channel = (struct balanced_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    if (call->attempt == 0) {
        call->endpoint = NO_ENDPOINT;
    }
    call->is_routed = false;
    ds_client_call_push(&channel->collected, call);
    pthread_mutex_unlock(&channel->mutex);
}

/* Takes the call out of the list, keeping the order of the others. */
static bool remove_from(struct ds_client_call_list *list, const struct ds_client_call *wanted)
{
    struct ds_client_call_list kept = {.first = NULL, .last = NULL};
    bool is_found = false;
    for (struct ds_client_call *call = ds_client_call_pop(list); call != NULL;
         call = ds_client_call_pop(list)) {
        if (call == wanted) {
            is_found = true;
        } else {
            ds_client_call_push(&kept, call);
        }
    }
    *list = kept;
    return is_found;
}

/* A call that waits for its flush is ended by that. */
static void balanced_cancel(struct ds_channel *base, struct ds_client_call *call)
{
    struct balanced_channel *channel = (struct balanced_channel *)base;
    struct ds_channel *calls = NULL;
    bool was_held = false;
    pthread_mutex_lock(&channel->mutex);
    if (call->is_routed) {
        calls = channel->endpoints[call->endpoint].calls;
    } else {
        call->cancelled = true;
        was_held = remove_from(&channel->held, call);
    }
    pthread_mutex_unlock(&channel->mutex);
    if (calls != NULL) {
        /* Without the mutex, since the call may end in there, and its caller may make another. It
         * goes to no other replica meanwhile: the retrier has given it up. */
        calls->ops->cancel(calls, call);
    } else if (was_held) {
        ds_client_call_fail(base, call, DS_CANCELLED, ds_client_failure_text(DS_CANCELLED));
    }
}

/* ---- how the replicas are ---- */

static int64_t now_us(const struct balanced_channel *channel)
{
    return ds_clock_monotonic_us(channel->base.clock);
}

/* True where calls that were held may go on, whatever becomes of them. */
static bool unhold_locked(struct balanced_channel *channel)
{
    const enum ds_channel_state state = state_locked(channel);
    if (channel->held.first == NULL || state == DS_CHANNEL_CONNECTING || state == DS_CHANNEL_IDLE) {
        return false;
    }
    for (struct ds_client_call *call = ds_client_call_pop(&channel->held); call != NULL;
         call = ds_client_call_pop(&channel->held)) {
        ds_client_call_push(&channel->collected, call);
    }
    return true;
}

static bool is_serving(const struct ds_client_call *check)
{
    uint32_t field = 0;
    enum ds_wire_type type;
    uint64_t status = 0;
    if (check->code != DS_OK || check->response.size == 0) {
        return false;
    }
    struct ds_wire_reader reader = ds_wire_reader_of(check->response);
    return ds_wire_read_tag(&reader, &field, &type) && field == HEALTH_STATUS_FIELD &&
           type == DS_WIRE_VARINT && ds_wire_read_varint(&reader, &status) &&
           status == HEALTH_SERVING;
}

/* Whether this process was stopped while it waited for the check's answer. */
static bool has_stalled(const struct balanced_channel *channel, const struct ds_client_call *check)
{
    return check->code == DS_DEADLINE_EXCEEDED &&
           now_us(channel) > ds_client_call_deadline_us(check) + STALL_US;
}

/* Has the replica checked again at once; what is known of it stays. */
static void check_again(struct endpoint *endpoint)
{
    struct balanced_channel *channel = endpoint->channel;
    pthread_mutex_lock(&channel->mutex);
    endpoint->stall_count++;
    endpoint->next_check_us = now_us(channel);
    endpoint->is_checking = false;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->mutex);
}

static void check_done(struct ds_client_call *check)
{
    struct endpoint *endpoint = check->context;
    struct balanced_channel *channel = endpoint->channel;
    const bool serves = is_serving(check);
    const bool has_answered = check->code == DS_OK;
    const bool says_nothing = has_stalled(channel, check) && endpoint->stall_count < STALLS_MAX;
    ds_client_call_release(check);
    if (says_nothing) {
        check_again(endpoint);
        return;
    }
    if (!has_answered) {
        /* First of all nothing new goes there, and then what is there ends. */
        pthread_mutex_lock(&channel->mutex);
        endpoint->state = DS_CHANNEL_TRANSIENT_FAILURE;
        pthread_mutex_unlock(&channel->mutex);
        endpoint->calls->ops->abort(endpoint->calls);
    }
    pthread_mutex_lock(&channel->mutex);
    endpoint->state = serves ? DS_CHANNEL_READY : DS_CHANNEL_TRANSIENT_FAILURE;
    endpoint->next_check_us = now_us(channel) + channel->health_interval_us;
    endpoint->stall_count = 0;
    endpoint->is_checking = false;
    const bool unholds = unhold_locked(channel);
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->mutex);
    if (unholds) {
        balanced_flush(&channel->base);
    }
}

static void check_start(struct endpoint *endpoint)
{
    endpoint->check = (struct ds_client_call){
        .method = ds_method_health_check,
        .timeout_ms = endpoint->channel->health_timeout_ms,
        .done = check_done,
        .context = endpoint,
    };
    ds_channel_call(endpoint->health, &endpoint->check);
    ds_channel_flush(endpoint->health);
}

/* The replica whose check is due first; NULL where all are being checked. */
static struct endpoint *next_to_check_locked(struct balanced_channel *channel)
{
    struct endpoint *next = NULL;
    for (size_t i = 0; i < channel->endpoint_count; i++) {
        struct endpoint *endpoint = &channel->endpoints[i];
        if (!endpoint->is_checking &&
            (next == NULL || endpoint->next_check_us < next->next_check_us)) {
            next = endpoint;
        }
    }
    return next;
}

static void *keeper_main(void *argument)
{
    struct balanced_channel *channel = argument;
    pthread_mutex_lock(&channel->mutex);
    while (!channel->is_closing) {
        struct endpoint *endpoint = next_to_check_locked(channel);
        const int64_t left_us =
            endpoint != NULL ? endpoint->next_check_us - now_us(channel) : INT64_MAX;
        if (endpoint == NULL) {
            pthread_cond_wait(&channel->changed, &channel->mutex);
        } else if (left_us > 0) {
            /* The channel's clock may be a test's; a wait goes by the machine's. */
            const int64_t machine_us = ds_clock_monotonic_us(ds_clock_system());
            (void)ds_clock_wait_until(&channel->changed, &channel->mutex, machine_us + left_us);
        } else {
            endpoint->is_checking = true;
            if (endpoint->state == DS_CHANNEL_IDLE) {
                endpoint->state = DS_CHANNEL_CONNECTING;
            }
            pthread_mutex_unlock(&channel->mutex);
            check_start(endpoint);
            pthread_mutex_lock(&channel->mutex);
        }
    }
    pthread_mutex_unlock(&channel->mutex);
    return NULL;
}

static bool tells_of_an_end(const struct ds_client_call *call)
{
    return call->code == DS_UNAVAILABLE &&
           (call->reply == NULL ||
            ds_status_reason(call->status_details) == DS_REASON(SERVER_STOPPING));
}

void ds_channel_balanced_note(struct ds_channel *base, const struct ds_client_call *call)
{
    struct balanced_channel *channel = (struct balanced_channel *)base;
    if (!tells_of_an_end(call)) {
        return;
    }
    pthread_mutex_lock(&channel->mutex);
    struct endpoint *endpoint = &channel->endpoints[call->endpoint];
    if (endpoint->state == DS_CHANNEL_READY) {
        endpoint->state = DS_CHANNEL_TRANSIENT_FAILURE;
        endpoint->next_check_us = now_us(channel);
        pthread_cond_broadcast(&channel->changed);
    }
    pthread_mutex_unlock(&channel->mutex);
}

/* ---- the channel ---- */

static void balanced_free(struct balanced_channel *channel)
{
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->mutex);
    free(channel);
}

/* The checks end first: the end of one may reach for the channel of the calls. */
static void endpoints_close(struct balanced_channel *channel)
{
    for (size_t i = 0; i < channel->endpoint_count; i++) {
        ds_channel_close(channel->endpoints[i].health);
    }
    for (size_t i = 0; i < channel->endpoint_count; i++) {
        ds_channel_close(channel->endpoints[i].calls);
    }
}

static void balanced_close(struct ds_channel *base)
{
    struct balanced_channel *channel = (struct balanced_channel *)base;
    pthread_mutex_lock(&channel->mutex);
    channel->is_closing = true;
    pthread_cond_broadcast(&channel->changed);
    const bool unholds = unhold_locked(channel);
    pthread_mutex_unlock(&channel->mutex);
    (void)unholds;
    pthread_join(channel->keeper, NULL);
    balanced_flush(base);
    endpoints_close(channel);
    balanced_free(channel);
}

static ds_code endpoint_open(struct balanced_channel *channel, const char *url,
                             const struct ds_tls_options *tls, struct endpoint *endpoint)
{
    const struct ds_channel_options options = {
        .url = url, .tls = tls, .clock = channel->base.clock};
    endpoint->channel = channel;
    endpoint->state = DS_CHANNEL_IDLE;
    endpoint->next_check_us = now_us(channel);
    DS_TRY(ds_channel_open(&options, &endpoint->calls));
    endpoint->calls->balanced = &channel->base;
    const ds_code code = ds_channel_open(&options, &endpoint->health);
    if (code != DS_OK) {
        ds_channel_close(endpoint->calls);
    }
    return code;
}

static struct balanced_channel *balanced_create(const struct ds_channel_options *options)
{
    struct balanced_channel *channel =
        calloc(1, sizeof *channel + options->url_count * sizeof *channel->endpoints);
    if (channel == NULL) {
        abort();
    }
    const uint32_t interval_ms =
        options->health_interval_ms > 0 ? options->health_interval_ms : HEALTH_INTERVAL_MS;
    channel->base.clock = options->clock != NULL ? options->clock : ds_clock_system();
    channel->balancing = options->balancing;
    channel->health_interval_us = (int64_t)interval_ms * 1000;
    channel->health_timeout_ms =
        options->health_timeout_ms > 0 ? options->health_timeout_ms : HEALTH_TIMEOUT_MS;
    pthread_mutex_init(&channel->mutex, NULL);
    pthread_cond_init(&channel->changed, NULL);
    return channel;
}

ds_code ds_channel_balanced_open(const struct ds_channel_options *options,
                                 struct ds_channel **ret_channel)
{
    static const struct ds_channel_ops ops = {
        .call = balanced_call,
        .flush = balanced_flush,
        .cancel = balanced_cancel,
        .close = balanced_close,
        .state = balanced_state,
    };
    if (options->url_count > DS_CHANNEL_URLS_MAX) {
        return DS_INVALID_ARGUMENT;
    }
    struct balanced_channel *channel = balanced_create(options);
    for (size_t i = 0; i < options->url_count; i++) {
        const ds_code code =
            endpoint_open(channel, options->urls[i], options->tls, &channel->endpoints[i]);
        if (code != DS_OK) {
            endpoints_close(channel);
            balanced_free(channel);
            return code;
        }
        channel->endpoint_count++;
    }
    ds_channel_init(&channel->base, &ops, options);
    if (pthread_create(&channel->keeper, NULL, keeper_main, channel) != 0) {
        abort();
    }
    *ret_channel = &channel->base;
    return DS_OK;
}
