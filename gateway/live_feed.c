/* What a source tells of a kind, and who is to hear of it. */
#include "gateway/live_event.h"
#include "gateway/live_internal.h"

static void offer(struct live_subscription *subscription, struct live_event *event)
{
    /* What came with a resume, or by two of its keys, comes once. */
    if (subscription->is_joined && event->sequence > subscription->seen) {
        subscription->seen = event->sequence;
        subscription->live->delivery_count++;
        live_queue_put_event(subscription, event);
    }
}

static void offer_key(struct live *live, struct live_event *event, struct ds_bytes text)
{
    struct live_key *key = live_index_find(&live->index, event->kind, text);
    if (key == NULL) {
        return;
    }
    for (struct live_node *node = key->links.next; node != &key->links; node = node->next) {
        offer(LIVE_OWNER(node, struct live_link, in_key)->subscription, event);
    }
}

static void offer_all(struct live *live, struct live_event *event)
{
    const struct live_node *head = &live->feeds[event->kind].everything;
    struct ds_bytes product;
    for (struct live_node *node = head->next; node != head; node = node->next) {
        offer(LIVE_OWNER(node, struct live_subscription, in_everything), event);
    }
    offer_key(live, event, event->key);
    if (event->kind == LIVE_CHAINS && live_product_of(event->key, &product)) {
        offer_key(live, event, product);
    }
}

static void put_gap(struct live_subscription *subscription, const struct live_gap *gap)
{
    if (gap->is_new_epoch) {
        live_resume_abandon(subscription);
        subscription->is_joined = true;
        live_queue_put_gap(subscription, gap);
    } else if (subscription->is_joined && gap->to > subscription->seen) {
        struct live_gap unseen = *gap;
        unseen.from = gap->from > subscription->seen ? gap->from : subscription->seen + 1;
        live_queue_put_gap(subscription, &unseen);
    } else {
        return; /* Its resume is not there yet: the service tells it then. */
    }
    subscription->seen = gap->to;
}

static void tell_gap(struct live *live, enum live_kind kind, const struct live_gap *gap)
{
    struct live_feed *feed = &live->feeds[kind];
    struct live_node *head = &feed->subscriptions;
    feed->epoch = gap->epoch;
    feed->newest = gap->to;
    atomic_fetch_add_explicit(&live->counts.source_gaps, 1, memory_order_relaxed);
    for (struct live_node *node = head->next; node != head; node = node->next) {
        put_gap(LIVE_OWNER(node, struct live_subscription, in_feed), gap);
    }
}

/* The source may tell again what is known already, never what is of another epoch than the one in
 * force without saying so. */
static void take_gap(struct live *live, enum live_kind kind, const struct live_gap *gap)
{
    const struct live_feed *feed = &live->feeds[kind];
    struct live_gap news = *gap;
    if (gap->epoch != feed->epoch) {
        news.from = 1;
        news.is_new_epoch = true;
    } else {
        news.from = feed->newest + 1; /* What lies between was never told. */
        news.is_new_epoch = false;
        if (news.from > news.to) {
            return;
        }
    }
    tell_gap(live, kind, &news);
}

void live_feed_begin(struct live_subscription *subscription)
{
    const struct live_feed *feed = &subscription->live->feeds[subscription->kind];
    const struct live_resume wish = subscription->resume;
    subscription->has_begun = true;
    subscription->owes_start = true;
    subscription->epoch = feed->epoch;
    subscription->taken = feed->newest;
    live_mark_ready(subscription);
    if (wish.epoch == feed->epoch) {
        subscription->taken = wish.through;
        live_resume_begin(subscription, wish.epoch, wish.through);
        return;
    }
    subscription->is_joined = true;
    subscription->seen = feed->newest;
    if (wish.epoch != 0) {
        const struct live_gap gap = {
            .epoch = feed->epoch, .from = 1, .to = feed->newest, .is_new_epoch = true};
        subscription->taken = 0;
        live_queue_put_gap(subscription, &gap);
        atomic_fetch_add_explicit(&subscription->live->counts.resume_gaps, 1, memory_order_relaxed);
    }
}

static void start(struct live *live, enum live_kind kind, uint64_t epoch, uint64_t newest)
{
    struct live_feed *feed = &live->feeds[kind];
    struct live_node *head = &feed->subscriptions;
    feed->has_started = true;
    feed->epoch = epoch;
    feed->newest = newest;
    for (struct live_node *node = head->next; node != head; node = node->next) {
        live_feed_begin(LIVE_OWNER(node, struct live_subscription, in_feed));
    }
}

/* Takes the reference. */
static void take_event(struct live *live, struct live_event *event)
{
    const enum live_kind kind = (enum live_kind)event->kind;
    struct live_feed *feed = &live->feeds[kind];
    live_event_adopt(live, event);
    if (event->epoch != feed->epoch || event->sequence > feed->newest + 1) {
        take_gap(live, kind,
                 &(struct live_gap){
                     .epoch = event->epoch, .from = feed->newest + 1, .to = event->sequence - 1});
    }
    if (event->sequence > feed->newest) {
        feed->newest = event->sequence;
        atomic_fetch_add_explicit(&live->counts.events[kind], 1, memory_order_relaxed);
        offer_all(live, event);
    }
    live_event_unref(event);
}

void live_feed_take(struct live *live, const struct live_item *item)
{
    const enum live_kind kind = (enum live_kind)item->kind;
    if (!live->feeds[kind].has_started) {
        const struct live_event *event = item->event;
        start(live, kind, event != NULL ? event->epoch : item->gap.epoch,
              event != NULL ? event->sequence - 1 : item->gap.to);
    }
    if (item->event != NULL) {
        take_event(live, item->event);
    } else {
        take_gap(live, kind, &item->gap);
    }
}

void live_feed_set_stale(struct live *live, enum live_kind kind, bool is_stale)
{
    struct live_feed *feed = &live->feeds[kind];
    struct live_node *head = &feed->subscriptions;
    if (feed->is_stale == is_stale) {
        return;
    }
    feed->is_stale = is_stale;
    atomic_store_explicit(&live->counts.is_stale[kind], is_stale, memory_order_relaxed);
    for (struct live_node *node = head->next; node != head; node = node->next) {
        live_mark_ready(LIVE_OWNER(node, struct live_subscription, in_feed));
    }
}
