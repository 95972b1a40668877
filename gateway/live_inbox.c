#include "gateway/live_inbox.h"

#include "gateway/live_event.h"

#include <assert.h>
#include <stdlib.h>

#define ITEMS_MIN 64

void live_inbox_init(struct live_inbox *inbox)
{
    *inbox = (struct live_inbox){.items = NULL};
    pthread_mutex_init(&inbox->mutex, NULL);
}

static void drop_events(struct live_item *items, size_t first, size_t count)
{
    for (size_t i = first; i < count; i++) {
        if (items[i].event != NULL) {
            live_event_unref(items[i].event);
        }
    }
}

void live_inbox_deinit(struct live_inbox *inbox)
{
    drop_events(inbox->items, 0, inbox->count);
    free(inbox->items);
    pthread_mutex_destroy(&inbox->mutex);
}

void live_batch_deinit(struct live_batch *batch)
{
    drop_events(batch->items, batch->next, batch->count);
    free(batch->items);
}

void live_gap_extend(struct live_gap *gap, const struct live_gap *newer)
{
    if (newer->is_new_epoch) {
        *gap = *newer;
    } else {
        gap->to = newer->to;
    }
}

static void append_locked(struct live_inbox *inbox, const struct live_item *item)
{
    if (inbox->count == inbox->capacity) {
        inbox->capacity = inbox->capacity == 0 ? ITEMS_MIN : 2 * inbox->capacity;
        inbox->items = realloc(inbox->items, inbox->capacity * sizeof(inbox->items[0]));
        if (inbox->items == NULL) {
            abort();
        }
    }
    inbox->items[inbox->count++] = *item;
    inbox->item_count++;
}

/* Whether nothing waits in it that the loop has been told of. */
static bool is_empty_locked(const struct live_inbox *inbox)
{
    bool is_empty = inbox->count == 0;
    for (size_t i = 0; i < LIVE_KIND_COUNT; i++) {
        is_empty = is_empty && !inbox->has_lost[i];
    }
    return is_empty;
}

static void lose_locked(struct live_inbox *inbox, enum live_kind kind, const struct live_gap *gap)
{
    if (inbox->has_lost[kind]) {
        live_gap_extend(&inbox->lost[kind], gap);
    } else {
        inbox->has_lost[kind] = true;
        inbox->lost[kind] = *gap;
    }
}

/* Comes once for a kind, so that it needs no bound. */
bool live_inbox_put_start(struct live_inbox *inbox, enum live_kind kind, uint64_t epoch,
                          uint64_t sequence)
{
    const struct live_item item = {
        .type = LIVE_ITEM_STARTED, .kind = (uint8_t)kind, .gap = {.epoch = epoch, .to = sequence}};
    pthread_mutex_lock(&inbox->mutex);
    const bool was_empty = is_empty_locked(inbox);
    append_locked(inbox, &item);
    pthread_mutex_unlock(&inbox->mutex);
    return was_empty;
}

static bool has_room_locked(const struct live_inbox *inbox, enum live_kind kind, size_t bytes)
{
    return !inbox->has_lost[kind] && inbox->item_count < LIVE_INBOX_EVENTS_MAX &&
           (inbox->bytes == 0 || inbox->bytes + bytes <= LIVE_INBOX_BYTES_MAX);
}

/* False where there is no room: `gap` is lost in the item's place. */
static bool put_or_lose(struct live_inbox *inbox, const struct live_item *item, size_t bytes,
                        const struct live_gap *gap, bool *ret_was_empty)
{
    const enum live_kind kind = (enum live_kind)item->kind;
    pthread_mutex_lock(&inbox->mutex);
    *ret_was_empty = is_empty_locked(inbox);
    const bool has_room = has_room_locked(inbox, kind, bytes);
    if (has_room) {
        append_locked(inbox, item);
        inbox->bytes += bytes;
    } else {
        lose_locked(inbox, kind, gap);
    }
    pthread_mutex_unlock(&inbox->mutex);
    return has_room;
}

bool live_inbox_put_gap(struct live_inbox *inbox, enum live_kind kind, const struct live_gap *gap)
{
    const struct live_item item = {.type = LIVE_ITEM_GAP, .kind = (uint8_t)kind, .gap = *gap};
    bool was_empty = false;
    (void)put_or_lose(inbox, &item, 0, gap, &was_empty);
    return was_empty;
}

bool live_inbox_put_event(struct live_inbox *inbox, enum live_kind kind,
                          const struct ds_event *event)
{
    /* Copied before the lock is taken. */
    struct live_event *copy = live_event_create(kind, event);
    const struct live_item item = {.type = LIVE_ITEM_EVENT, .kind = (uint8_t)kind, .event = copy};
    const struct live_gap gap = {
        .epoch = event->epoch, .from = event->sequence, .to = event->sequence};
    bool was_empty = false;
    if (!put_or_lose(inbox, &item, copy->bytes, &gap, &was_empty)) {
        live_event_unref(copy);
    }
    return was_empty;
}

bool live_inbox_set_stale(struct live_inbox *inbox, enum live_kind kind, bool is_stale)
{
    pthread_mutex_lock(&inbox->mutex);
    const bool is_news = inbox->is_stale[kind] != is_stale;
    inbox->is_stale[kind] = is_stale;
    pthread_mutex_unlock(&inbox->mutex);
    return is_news;
}

/* What was lost came behind all that was put of its kind. */
static void append_lost_locked(struct live_inbox *inbox)
{
    for (size_t i = 0; i < LIVE_KIND_COUNT; i++) {
        if (inbox->has_lost[i]) {
            append_locked(inbox, &(struct live_item){.type = LIVE_ITEM_GAP,
                                                     .kind = (uint8_t)i,
                                                     .gap = inbox->lost[i]});
            inbox->has_lost[i] = false;
            inbox->lost_gap_count++;
        }
    }
}

void live_inbox_take(struct live_inbox *inbox, struct live_batch *batch)
{
    struct live_item *const items = batch->items;
    const size_t capacity = batch->capacity;
    assert(batch->next == batch->count);
    pthread_mutex_lock(&inbox->mutex);
    append_lost_locked(inbox);
    inbox->item_count = inbox->count;
    inbox->bytes -= batch->bytes;
    batch->items = inbox->items;
    batch->capacity = inbox->capacity;
    batch->count = inbox->count;
    batch->bytes = inbox->bytes;
    batch->next = 0;
    memcpy(batch->is_stale, inbox->is_stale, sizeof batch->is_stale);
    inbox->items = items;
    inbox->capacity = capacity;
    inbox->count = 0;
    pthread_mutex_unlock(&inbox->mutex);
}

uint64_t live_inbox_lost_gap_count(struct live_inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    const uint64_t count = inbox->lost_gap_count;
    pthread_mutex_unlock(&inbox->mutex);
    return count;
}
