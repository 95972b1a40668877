#include "ds/wire.h"
#include "storage/store/market_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

/* "<kind>/<series>" */
#define TOPIC_BYTES_MAX (16 + MARKET_SERIES_BYTES_MAX)
/* Field 1 of every row is the name that its value leaves out. */
#define NAME_FIELD_TAG 0x0a
#define NAME_FIELD_BYTES_MAX (3 + MARKET_SERIES_BYTES_MAX)
/* How many events go to a sink at a time; bounds the memory for their topics. */
#define EVENTS_PER_PUBLISH 64

const char *market_kind_name(enum market_kind kind)
{
    static const char *const names[MARKET_KIND_MAX + 1] = {
        [MARKET_TICKS] = "ticks", [MARKET_QUOTES] = "quotes", [MARKET_CHAINS] = "chains"};
    assert(kind >= MARKET_TICKS && kind <= MARKET_KIND_MAX);
    return names[kind];
}

bool market_kind_is_grouped(enum market_kind kind)
{
    return kind == MARKET_QUOTES || kind == MARKET_CHAINS;
}

struct market_tie market_member_of(struct ds_bytes series, struct ds_bytes group)
{
    assert(series.size > group.size && series.size - group.size - 1 <= MARKET_TIE_BYTES_MAX);
    struct market_tie member = {.size = (uint8_t)(series.size - group.size - 1)};
    memcpy(member.data, series.data + group.size + 1, member.size);
    return member;
}

static void group_assert(enum market_kind kind, const struct market_row *row)
{
    const struct ds_bytes series = row->series;
    const struct ds_bytes group = row->group;
    (void)series;
    (void)group;
    if (!market_kind_is_grouped(kind)) {
        assert(group.size == 0);
        return;
    }
    assert(group.size >= 1 && group.size <= MARKET_PRODUCT_BYTES_MAX);
    if (kind == MARKET_CHAINS) {
        assert(row->tie.size == 0);
        assert(series.size > group.size && series.data[group.size] == '/');
        assert(memcmp(series.data, group.data, group.size) == 0);
        assert(series.size - group.size - 1 <= MARKET_TIE_BYTES_MAX);
    }
}

void market_batch_assert(const struct market_batch *batch)
{
    assert(batch->kind >= MARKET_TICKS && batch->kind <= MARKET_KIND_MAX);
    assert(batch->row_count >= 1 && batch->row_count <= MARKET_BATCH_ROWS_MAX);
    assert(batch->rows != NULL && batch->outcomes != NULL && batch->done != NULL);
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct market_row *row = &batch->rows[i];
        group_assert(batch->kind, row);
        assert(row->series.size >= 1 && row->series.size <= MARKET_SERIES_BYTES_MAX);
        assert(row->tie.size <= MARKET_TIE_BYTES_MAX);
        assert(row->value.size <= MARKET_VALUE_BYTES_MAX);
    }
}

void market_scan_assert(const struct market_scan *scan)
{
    assert(scan->kind >= MARKET_KIND_FIRST && scan->kind <= MARKET_KIND_MAX);
    assert(scan->row_max >= 1);
    assert(!scan->by_group || scan->kind == MARKET_CHAINS);
    (void)scan;
}

void market_delete_assert(const struct market_delete *order)
{
    assert(order->kind >= MARKET_KIND_FIRST && order->kind <= MARKET_KIND_MAX);
    assert(order->row_max >= 1 && order->row_max <= MARKET_DELETE_ROWS_MAX);
    assert(order->done != NULL);
    (void)order;
}

size_t market_batch_bytes(const struct market_batch *batch)
{
    size_t bytes = 0;
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct market_row *row = &batch->rows[i];
        bytes += row->series.size + row->group.size + row->value.size;
    }
    return bytes;
}

enum next_field {
    NEXT_FIELD,
    NEXT_END,
    NEXT_MALFORMED,
};

/* The next top-level field, tag and value, whose number is not `left_out`. */
static enum next_field next_field(struct ds_wire_reader *reader, uint32_t left_out,
                                  struct ds_bytes *ret_field)
{
    while (!ds_wire_at_end(reader)) {
        const uint8_t *begin = reader->next;
        uint32_t number;
        enum ds_wire_type type;
        if (!ds_wire_read_tag(reader, &number, &type) || !ds_wire_skip(reader, type)) {
            return NEXT_MALFORMED;
        }
        if (number != left_out) {
            *ret_field = ds_bytes_of(begin, (size_t)(reader->next - begin));
            return NEXT_FIELD;
        }
    }
    return NEXT_END;
}

bool market_values_equal(struct ds_bytes a, struct ds_bytes b, uint32_t assigned_field)
{
    if (ds_bytes_equal(a, b)) {
        return true;
    }
    if (assigned_field == 0) {
        return false;
    }
    struct ds_wire_reader reader_a = ds_wire_reader_of(a);
    struct ds_wire_reader reader_b = ds_wire_reader_of(b);
    for (;;) {
        struct ds_bytes field_a = {0};
        struct ds_bytes field_b = {0};
        const enum next_field next_a = next_field(&reader_a, assigned_field, &field_a);
        const enum next_field next_b = next_field(&reader_b, assigned_field, &field_b);
        /* Bytes that are no message have no field to leave out, and differ as a whole. */
        if (next_a != next_b || next_a == NEXT_MALFORMED) {
            return false;
        }
        if (next_a == NEXT_END) {
            return true;
        }
        if (!ds_bytes_equal(field_a, field_b)) {
            return false;
        }
    }
}

enum market_outcome market_outcome_of_stored(enum market_conflict conflict, struct ds_bytes stored,
                                             const struct market_row *row)
{
    if (market_values_equal(stored, row->value, row->assigned_field)) {
        return MARKET_DUPLICATE;
    }
    switch (conflict) {
    case MARKET_CONFLICT_FIRST:
        return MARKET_DUPLICATE;
    case MARKET_CONFLICT_LAST:
        return MARKET_ACCEPTED;
    case MARKET_CONFLICT_ERROR:
        break;
    }
    return MARKET_CONFLICT;
}

/* Subscribers get rows whole: with their symbol, or with their product, which is what the series of
 * a tick and the group of a chain are. */
static struct ds_bytes write_name(uint8_t head[NAME_FIELD_BYTES_MAX], enum market_kind kind,
                                  const struct market_row *row)
{
    const struct ds_bytes name = kind == MARKET_CHAINS ? row->group : row->series;
    head[0] = NAME_FIELD_TAG;
    const size_t size = 1 + ds_varint_put(head + 1, name.size);
    memcpy(head + size, name.data, name.size);
    return ds_bytes_of(head, size + name.size);
}

void market_publish_accepted(const struct ds_event_sink *sink, const struct market_batch *batch)
{
    if (sink->publish == NULL) {
        return;
    }
    char topics[EVENTS_PER_PUBLISH][TOPIC_BYTES_MAX];
    uint8_t heads[EVENTS_PER_PUBLISH][NAME_FIELD_BYTES_MAX];
    struct ds_event events[EVENTS_PER_PUBLISH];
    const char *kind = market_kind_name(batch->kind);
    size_t count = 0;
    for (size_t i = 0; i < batch->row_count; i++) {
        const enum market_outcome outcome = batch->outcomes[i];
        if (outcome != MARKET_ACCEPTED && outcome != MARKET_ACCEPTED_LATE) {
            continue;
        }
        const struct market_row *row = &batch->rows[i];
        const int prefix = snprintf(topics[count], TOPIC_BYTES_MAX, "%s/", kind);
        memcpy(topics[count] + prefix, row->series.data, row->series.size);
        events[count] = (struct ds_event){
            .topic = ds_bytes_of(topics[count], (size_t)prefix + row->series.size),
            .body_head = write_name(heads[count], batch->kind, row),
            .body = row->value,
        };
        count++;
        if (count == EVENTS_PER_PUBLISH) {
            sink->publish(sink->context, events, count);
            count = 0;
        }
    }
    if (count > 0) {
        sink->publish(sink->context, events, count);
    }
}

/* For a caller that waits until the store calls `done`. */
struct done_wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t left; /* calls of `done` to come */
};

static void done_wait_init(struct done_wait *wait, size_t count)
{
    *wait = (struct done_wait){.left = count};
    pthread_mutex_init(&wait->lock, NULL);
    pthread_cond_init(&wait->changed, NULL);
}

static void done_wait_end(struct done_wait *wait)
{
    pthread_mutex_lock(&wait->lock);
    wait->left--;
    /* Under the lock: the waiter's stack frame may be gone right after it. */
    pthread_cond_signal(&wait->changed);
    pthread_mutex_unlock(&wait->lock);
}

/* Waits, and frees what the init made. */
static void done_wait_await(struct done_wait *wait)
{
    pthread_mutex_lock(&wait->lock);
    while (wait->left > 0) {
        pthread_cond_wait(&wait->changed, &wait->lock);
    }
    pthread_mutex_unlock(&wait->lock);
    pthread_cond_destroy(&wait->changed);
    pthread_mutex_destroy(&wait->lock);
}

static void put_done(struct market_batch *batch)
{
    done_wait_end(batch->context);
}

ds_code market_put_wait(struct market_store *store, struct market_batch *batch)
{
    struct done_wait wait;
    done_wait_init(&wait, 1);
    batch->done = put_done;
    batch->context = &wait;
    store->ops->put(store, batch);
    done_wait_await(&wait);
    return batch->code;
}

static void delete_done(struct market_delete *order)
{
    done_wait_end(order->context);
}

void market_deletes_wait(struct market_store *store, struct market_delete *orders, size_t count)
{
    struct done_wait wait;
    done_wait_init(&wait, count);
    for (size_t i = 0; i < count; i++) {
        orders[i].done = delete_done;
        orders[i].context = &wait;
        store->ops->delete_rows(store, &orders[i]);
    }
    done_wait_await(&wait);
}

ds_code market_delete_wait(struct market_store *store, struct market_delete *order)
{
    market_deletes_wait(store, order, 1);
    return order->code;
}
