#include "gateway/live_event.h"
#include "gateway/live_internal.h"
#include "schema.gen.h"

#include <assert.h>
#include <stdlib.h>

const struct live_kind_row live_kinds[LIVE_KIND_COUNT] = {
    [LIVE_TICKS] = {"ticks", &ds_message_storage_tick, &ds_method_storage_list_events},
    [LIVE_QUOTES] = {"quotes", &ds_message_storage_quote, &ds_method_storage_list_events},
    [LIVE_CHAINS] = {"chains", &ds_message_storage_option_chain, &ds_method_storage_list_events},
};

/* Of what is written of a row. */
#define JSON_BYTES_MAX ((size_t)4 * 16 * 1024 * 1024)

struct live *live_open(const struct live_ops *ops, void *context, const struct ds_clock *clock,
                       const live_render_fn *renders, const struct live_limits *limits)
{
    struct live *live = calloc(1, sizeof(*live));
    if (live == NULL) {
        abort();
    }
    live->ops = ops;
    live->context = context;
    live->clock = clock;
    live->renders = renders;
    live->limits = *limits;
    for (size_t kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        live_node_init(&live->feeds[kind].subscriptions);
        live_node_init(&live->feeds[kind].everything);
    }
    live_node_init(&live->ready);
    live_node_init(&live->slow);
    live_node_init(&live->resumes);
    live_node_init(&live->paused);
    live_index_init(&live->index);
    live_inbox_init(&live->inbox);
    ds_buffer_init(&live->json, JSON_BYTES_MAX);
    ds_buffer_init(&live->rendered, SIZE_MAX);
    return live;
}

void live_destroy(struct live *live)
{
    if (live == NULL) {
        return;
    }
    assert(atomic_load(&live->counts.clients) == 0 && live->listing_count == 0);
    live->ops->destroy(live->context);
    live_batch_deinit(&live->batch);
    live_inbox_deinit(&live->inbox);
    live_index_deinit(&live->index);
    ds_buffer_deinit(&live->json);
    ds_buffer_deinit(&live->rendered);
    free(live);
}

void live_mark_ready(struct live_subscription *subscription)
{
    struct live *live = subscription->live;
    if (!subscription->is_ready_told && live_node_is_alone(&subscription->in_ready)) {
        live_list_append(&live->ready, &subscription->in_ready);
        if (!live->is_turning) {
            live->ops->wake(live->context);
        }
    }
}

/* Each may take, subscribe and unsubscribe, itself and others. */
static void tell_ready(struct live *live)
{
    while (!live_node_is_alone(&live->ready)) {
        struct live_subscription *subscription =
            LIVE_OWNER(live->ready.next, struct live_subscription, in_ready);
        live_node_remove(&subscription->in_ready);
        subscription->is_ready_told = true;
        subscription->ready(subscription->context);
    }
}

static void take_items(struct live *live)
{
    struct live_batch *batch = &live->batch;
    const int64_t now_us = ds_clock_wall_us(live->clock);
    live->delivery_count = 0;
    for (size_t i = 0; i < LIVE_ITEMS_PER_TURN && batch->next < batch->count &&
                       live->delivery_count < LIVE_DELIVERIES_PER_TURN;
         i++) {
        const struct live_item *item = &batch->items[batch->next++];
        if (item->event != NULL) {
            ds_histogram_add(&live->counts.lag, now_us - item->event->published_at_us);
        }
        live_feed_take(live, item);
        live_bound_bytes(live);
    }
}

/* What the sources have told, a part of it in each turn. What has been worked on makes room for
 * more only when the next is taken, so that is done at once. */
static void take_batch(struct live *live)
{
    struct live_batch *batch = &live->batch;
    if (batch->next == batch->count) {
        live_inbox_take(&live->inbox, batch);
    }
    take_items(live);
    if (batch->next == batch->count) {
        live_inbox_take(&live->inbox, batch);
    }
    if (batch->next < batch->count) {
        live->ops->wake(live->context);
        return;
    }
    for (size_t kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        live_feed_set_stale(live, (enum live_kind)kind, batch->is_stale[kind]);
    }
}

void live_turn(struct live *live)
{
    live->is_turning = true;
    if (!live->is_stopping) {
        take_batch(live);
        live_resume_list(live);
    }
    live->is_turning = false;
    tell_ready(live);
}

void live_retry(struct live *live)
{
    while (!live_node_is_alone(&live->paused)) {
        live_list_append(&live->resumes, live->paused.next);
    }
    live->ops->wake(live->context);
}

static struct live_subscription *subscription_create(struct live *live,
                                                     const struct live_subscribe_options *options)
{
    struct live_subscription *subscription = calloc(1, sizeof(*subscription));
    if (subscription == NULL) {
        abort();
    }
    subscription->live = live;
    subscription->kind = options->kind;
    subscription->wants_all = options->key_count == 0;
    subscription->ready = options->ready;
    subscription->context = options->context;
    subscription->resume.epoch = options->epoch;
    subscription->resume.through = options->after_sequence;
    live_node_init(&subscription->in_feed);
    live_node_init(&subscription->in_everything);
    live_node_init(&subscription->in_ready);
    live_node_init(&subscription->in_slow);
    live_node_init(&subscription->in_resumes);
    return subscription;
}

static void enter(struct live_subscription *subscription)
{
    struct live *live = subscription->live;
    struct live_feed *feed = &live->feeds[subscription->kind];
    live_list_append(&feed->subscriptions, &subscription->in_feed);
    if (subscription->wants_all) {
        live_list_append(&feed->everything, &subscription->in_everything);
    }
    atomic_fetch_add_explicit(&live->counts.clients, 1, memory_order_relaxed);
    if (feed->has_started) {
        live_feed_begin(subscription);
    }
    if (feed->is_stale) {
        live_mark_ready(subscription);
    }
}

static ds_code refuse(struct live *live)
{
    atomic_fetch_add_explicit(&live->counts.refused, 1, memory_order_relaxed);
    return DS_RESOURCE_EXHAUSTED;
}

ds_code live_subscribe(struct live *live, const struct live_subscribe_options *options,
                       struct live_subscription **ret_subscription)
{
    assert(options->kind < LIVE_KIND_COUNT);
    if (live->is_stopping) {
        return DS_UNAVAILABLE;
    }
    if (atomic_load_explicit(&live->counts.clients, memory_order_relaxed) >=
        live->limits.subscriptions_max) {
        return refuse(live);
    }
    struct live_subscription *subscription = subscription_create(live, options);
    ds_code code = live_wants_add(subscription, options->keys, options->key_count);
    if (code == DS_OK && !live->ops->open(live->context, options->kind)) {
        code = DS_UNAVAILABLE;
    }
    if (code != DS_OK) {
        live_wants_clear(subscription);
        free(subscription);
        return code == DS_RESOURCE_EXHAUSTED ? refuse(live) : code;
    }
    enter(subscription);
    *ret_subscription = subscription;
    return DS_OK;
}

static void drop_current(struct live_subscription *subscription)
{
    if (subscription->current != NULL) {
        live_event_unref(subscription->current);
        subscription->current = NULL;
    }
}

void live_unsubscribe(struct live_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    live_resume_abandon(subscription);
    drop_current(subscription);
    live_queue_deinit(subscription);
    live_wants_clear(subscription);
    live_node_remove(&subscription->in_feed);
    live_node_remove(&subscription->in_everything);
    live_node_remove(&subscription->in_ready);
    atomic_fetch_sub_explicit(&subscription->live->counts.clients, 1, memory_order_relaxed);
    free(subscription);
}

static void take_event(struct live_subscription *subscription, struct live_event *event,
                       struct live_notice *notice)
{
    subscription->current = event;
    subscription->epoch = event->epoch;
    subscription->taken = event->sequence;
    notice->type = LIVE_EVENT;
    notice->epoch = event->epoch;
    notice->sequence = event->sequence;
    notice->event = event;
    atomic_fetch_add_explicit(&subscription->live->counts.delivered, 1, memory_order_relaxed);
}

static void take_gap(struct live_subscription *subscription, const struct live_gap *gap,
                     struct live_notice *notice)
{
    subscription->epoch = gap->epoch;
    subscription->taken = gap->to;
    notice->type = LIVE_GAP;
    notice->epoch = gap->epoch;
    notice->sequence = gap->to;
    notice->from = gap->from;
    notice->to = gap->to;
    notice->is_new_epoch = gap->is_new_epoch;
}

static void take_start(struct live_subscription *subscription, struct live_notice *notice)
{
    subscription->owes_start = false;
    subscription->is_stale_told = false;
    notice->type = LIVE_STARTED;
    notice->epoch = subscription->epoch;
    notice->sequence = subscription->taken;
}

/* What waits, in its order. */
static bool take_waiting(struct live_subscription *subscription, struct live_notice *notice)
{
    struct live_event *event = NULL;
    struct live_entry entry;
    if (live_resume_take(subscription, &event)) {
        take_event(subscription, event, notice);
        return true;
    }
    if (subscription->resume.state != LIVE_RESUME_OVER || !live_queue_take(subscription, &entry)) {
        return false;
    }
    if (entry.gap != NULL) {
        take_gap(subscription, entry.gap, notice);
        free(entry.gap);
    } else {
        take_event(subscription, entry.event, notice);
    }
    return true;
}

/* How the subscription stands, where nothing waits. */
static bool take_state(struct live_subscription *subscription, struct live_notice *notice)
{
    const bool is_stale = subscription->live->feeds[subscription->kind].is_stale;
    if (subscription->failure != NULL) {
        const bool is_news = !subscription->is_failure_told;
        subscription->is_failure_told = true;
        notice->type = LIVE_FAILED;
        notice->reason = subscription->failure;
        return is_news;
    }
    if (is_stale && !subscription->is_stale_told) {
        subscription->is_stale_told = true;
        notice->type = LIVE_STALE;
        return true;
    }
    if (!is_stale && subscription->is_stale_told && subscription->has_begun) {
        take_start(subscription, notice);
        return true;
    }
    return false;
}

bool live_take(struct live_subscription *subscription, struct live_notice *ret_notice)
{
    struct live_notice notice = {.kind = subscription->kind};
    drop_current(subscription);
    bool has_some = true;
    if (subscription->owes_start) {
        take_start(subscription, &notice);
    } else {
        has_some = take_waiting(subscription, &notice) || take_state(subscription, &notice);
    }
    if (!has_some) {
        subscription->is_ready_told = false;
        live_node_remove(&subscription->in_ready);
        return false;
    }
    *ret_notice = notice;
    return true;
}

bool live_position(const struct live_subscription *subscription, uint64_t *ret_epoch,
                   uint64_t *ret_sequence)
{
    const struct live_feed *feed = &subscription->live->feeds[subscription->kind];
    if (!subscription->has_begun || subscription->owes_start) {
        return false;
    }
    const bool has_all = subscription->is_joined && subscription->queue.count == 0 &&
                         subscription->resume.state == LIVE_RESUME_OVER &&
                         subscription->epoch == feed->epoch && feed->newest > subscription->taken;
    *ret_epoch = subscription->epoch;
    *ret_sequence = has_all ? feed->newest : subscription->taken;
    return true;
}

static void fail(struct live_subscription *subscription, const char *reason)
{
    live_resume_abandon(subscription);
    subscription->failure = reason;
    live_mark_ready(subscription);
}

void live_drain(struct live *live)
{
    if (live->is_stopping) {
        return;
    }
    live->is_stopping = true;
    for (size_t kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        struct live_node *head = &live->feeds[kind].subscriptions;
        for (struct live_node *node = head->next; node != head; node = node->next) {
            fail(LIVE_OWNER(node, struct live_subscription, in_feed), "stopping");
        }
    }
    live->ops->stop(live->context);
}

bool live_is_closed(const struct live *live)
{
    return live->listing_count == 0 && live->ops->is_closed(live->context);
}
