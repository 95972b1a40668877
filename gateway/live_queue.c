/* What waits for a subscription. Where it becomes too much, all of it turns into one gap: the
 * newest is worth more to a client that lags than the oldest. */
#include "gateway/live_event.h"
#include "gateway/live_internal.h"

#include <stdlib.h>

#define ENTRIES_MIN 8
/* Of a queue that has become empty. */
#define ENTRIES_KEPT_MAX 64

void live_count_bytes(struct live *live, size_t bytes)
{
    atomic_fetch_add_explicit(&live->counts.bytes, bytes, memory_order_relaxed);
}

void live_discount_bytes(struct live *live, size_t bytes)
{
    atomic_fetch_sub_explicit(&live->counts.bytes, bytes, memory_order_relaxed);
}

static struct live_entry *entry_at(const struct live_queue *queue, size_t place)
{
    return &queue->entries[(queue->first + place) % queue->capacity];
}

static struct live_gap *gap_create(const struct live_gap *from)
{
    struct live_gap *gap = malloc(sizeof(*gap));
    if (gap == NULL) {
        abort();
    }
    *gap = *from;
    return gap;
}

static void set_capacity(struct live_subscription *subscription, size_t capacity)
{
    struct live_queue *queue = &subscription->queue;
    struct live_entry *entries = NULL;
    if (capacity > 0) {
        entries = malloc(capacity * sizeof(*entries));
        if (entries == NULL) {
            abort();
        }
    }
    for (size_t i = 0; i < queue->count; i++) {
        entries[i] = *entry_at(queue, i);
    }
    free(queue->entries);
    live_count_bytes(subscription->live, capacity * sizeof(*entries));
    live_discount_bytes(subscription->live, queue->capacity * sizeof(*entries));
    queue->entries = entries;
    queue->capacity = capacity;
    queue->first = 0;
}

static void append(struct live_subscription *subscription, struct live_entry entry)
{
    struct live_queue *queue = &subscription->queue;
    if (queue->count == queue->capacity) {
        set_capacity(subscription, queue->capacity == 0 ? ENTRIES_MIN : 2 * queue->capacity);
    }
    queue->count++;
    *entry_at(queue, queue->count - 1) = entry;
    if (entry.event != NULL) {
        queue->event_count++;
        queue->event_bytes += entry.event->bytes;
        atomic_fetch_add_explicit(&subscription->live->counts.waiting_events, 1,
                                  memory_order_relaxed);
    }
}

/* Out of the counts, not out of the ring. */
static void discount(struct live_subscription *subscription, const struct live_entry *entry)
{
    if (entry->event != NULL) {
        subscription->queue.event_count--;
        subscription->queue.event_bytes -= entry->event->bytes;
        atomic_fetch_sub_explicit(&subscription->live->counts.waiting_events, 1,
                                  memory_order_relaxed);
    }
}

/* The oldest. */
static struct live_entry take_first(struct live_subscription *subscription)
{
    struct live_queue *queue = &subscription->queue;
    const struct live_entry entry = *entry_at(queue, 0);
    discount(subscription, &entry);
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
    return entry;
}

static void drop(struct live_entry *entry)
{
    if (entry->event != NULL) {
        live_event_unref(entry->event);
    }
    free(entry->gap);
}

static bool keeps_memory(const struct live_subscription *subscription)
{
    return subscription->queue.event_count > 0 || subscription->resume.state == LIVE_RESUME_PAGE;
}

void live_note_progress(struct live_subscription *subscription)
{
    if (keeps_memory(subscription)) {
        live_list_append(&subscription->live->slow, &subscription->in_slow);
    } else {
        live_node_remove(&subscription->in_slow);
    }
}

/* It keeps more, without having taken anything. */
static void note_growth(struct live_subscription *subscription)
{
    if (live_node_is_alone(&subscription->in_slow)) {
        live_note_progress(subscription);
    }
}

/* Turns all that waits into one gap. */
static void collapse(struct live_subscription *subscription)
{
    struct live_queue *queue = &subscription->queue;
    struct live_gap all = {.epoch = 0};
    while (queue->count > 0) {
        struct live_entry entry = take_first(subscription);
        const struct live_gap one = entry.gap != NULL
                                        ? *entry.gap
                                        : (struct live_gap){.epoch = entry.event->epoch,
                                                            .from = entry.event->sequence,
                                                            .to = entry.event->sequence};
        if (all.epoch == 0) {
            all = one;
        } else {
            live_gap_extend(&all, &one);
        }
        drop(&entry);
    }
    set_capacity(subscription, 0);
    append(subscription, (struct live_entry){.gap = gap_create(&all)});
    atomic_fetch_add_explicit(&subscription->live->counts.client_gaps, 1, memory_order_relaxed);
}

static bool is_over(const struct live_subscription *subscription)
{
    const struct live_queue *queue = &subscription->queue;
    return queue->count > subscription->live->limits.queue_events_max ||
           (queue->event_count > 1 && queue->event_bytes > LIVE_QUEUE_BYTES_MAX);
}

static void put(struct live_subscription *subscription, struct live_entry entry)
{
    append(subscription, entry);
    if (is_over(subscription)) {
        collapse(subscription);
        live_note_progress(subscription);
    } else {
        note_growth(subscription);
    }
    if (subscription->resume.state == LIVE_RESUME_OVER) {
        live_mark_ready(subscription);
    }
}

void live_queue_put_event(struct live_subscription *subscription, struct live_event *event)
{
    put(subscription, (struct live_entry){.event = live_event_ref(event)});
}

void live_queue_put_gap(struct live_subscription *subscription, const struct live_gap *gap)
{
    struct live_queue *queue = &subscription->queue;
    struct live_entry *last = queue->count > 0 ? entry_at(queue, queue->count - 1) : NULL;
    if (last != NULL && last->gap != NULL) {
        live_gap_extend(last->gap, gap);
    } else {
        put(subscription, (struct live_entry){.gap = gap_create(gap)});
    }
}

void live_queue_put_gap_first(struct live_subscription *subscription, const struct live_gap *gap)
{
    struct live_queue *queue = &subscription->queue;
    struct live_gap *first = queue->count > 0 ? entry_at(queue, 0)->gap : NULL;
    if (first != NULL && !first->is_new_epoch) {
        first->from = gap->from;
    }
    if (first != NULL) {
        return; /* A new epoch says that nothing is known of what came before. */
    }
    append(subscription, (struct live_entry){.gap = NULL});
    queue->first = (queue->first + queue->capacity - 1) % queue->capacity;
    *entry_at(queue, 0) = (struct live_entry){.gap = gap_create(gap)};
}

bool live_queue_take(struct live_subscription *subscription, struct live_entry *ret_entry)
{
    struct live_queue *queue = &subscription->queue;
    if (queue->count == 0) {
        return false;
    }
    *ret_entry = take_first(subscription);
    if (queue->count == 0 && queue->capacity > ENTRIES_KEPT_MAX) {
        set_capacity(subscription, 0);
    }
    live_note_progress(subscription);
    return true;
}

void live_queue_filter(struct live_subscription *subscription,
                       bool (*wants)(const struct live_subscription *subscription,
                                     struct ds_bytes key))
{
    struct live_queue *queue = &subscription->queue;
    for (size_t left = queue->count; left > 0; left--) {
        struct live_entry entry = take_first(subscription);
        if (entry.event == NULL || wants(subscription, entry.event->key)) {
            append(subscription, entry);
        } else {
            drop(&entry);
        }
    }
    live_note_progress(subscription);
}

void live_queue_deinit(struct live_subscription *subscription)
{
    while (subscription->queue.count > 0) {
        struct live_entry entry = take_first(subscription);
        drop(&entry);
    }
    set_capacity(subscription, 0);
    live_node_remove(&subscription->in_slow);
}

void live_bound_bytes(struct live *live)
{
    while (atomic_load_explicit(&live->counts.bytes, memory_order_relaxed) > LIVE_BYTES_MAX &&
           !live_node_is_alone(&live->slow)) {
        struct live_subscription *slowest =
            LIVE_OWNER(live->slow.next, struct live_subscription, in_slow);
        if (slowest->resume.state == LIVE_RESUME_PAGE) {
            live_resume_give_up(slowest);
        }
        if (slowest->queue.event_count > 0) {
            collapse(slowest);
        }
        live_note_progress(slowest);
        live_mark_ready(slowest);
    }
}
