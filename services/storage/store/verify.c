#include "storage/store/verify.h"

#include "ds/utf8.h"
#include "ds/wire_check.h"
#include "storage/store/market_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SERIES_PAGE_MAX 256

/* Names out of damaged tables may hold anything; a fault is shown and travels as text. */
static void text_clean(char *text)
{
    const bool is_utf8 = ds_utf8_valid(ds_bytes_of_text(text));
    for (char *byte = text; *byte != '\0'; byte++) {
        const unsigned char value = (unsigned char)*byte;
        if (value < 0x20 || value == 0x7F || (value >= 0x80 && !is_utf8)) {
            *byte = '?';
        }
    }
}

void market_verify_tell(struct market_verify *verify, const char *format, ...)
{
    char text[MARKET_FAULT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    text_clean(text);
    verify->fault(verify->context, text);
}

bool market_verify_should_stop(struct market_verify *verify)
{
    return verify->should_stop != NULL && verify->should_stop(verify->context);
}

static const struct ds_message *message_of(enum market_kind kind)
{
    static const char *const names[MARKET_KIND_MAX + 1] = {
        [MARKET_TICKS] = "deltastream.storage.v1.Tick",
        [MARKET_QUOTES] = "deltastream.storage.v1.Quote",
        [MARKET_CHAINS] = "deltastream.storage.v1.OptionChain"};
    const struct ds_message *message = ds_message_find(names[kind]);
    assert(message != NULL);
    return message;
}

void market_verify_row(struct market_verify *verify, enum market_kind kind, struct ds_bytes series,
                       int64_t timestamp_us, struct ds_bytes value)
{
    struct ds_wire_error error;
    verify->rows_checked++;
    if (value.size > MARKET_VALUE_BYTES_MAX) {
        market_verify_tell(verify, "%s \"%.*s\": the row at %" PRId64 " us has %zu bytes",
                           market_kind_name(kind), (int)series.size, (const char *)series.data,
                           timestamp_us, value.size);
    } else if (ds_wire_check(message_of(kind), value, &error) != DS_OK) {
        market_verify_tell(verify, "%s \"%.*s\": the row at %" PRId64 " us is damaged: %s%s%s",
                           market_kind_name(kind), (int)series.size, (const char *)series.data,
                           timestamp_us, error.field, error.field[0] == '\0' ? "" : ": ",
                           error.message);
    }
}

/* Names of series, one after the other. */
struct name_page {
    struct ds_bytes names[SERIES_PAGE_MAX];
    struct ds_bytes groups[SERIES_PAGE_MAX];
    size_t count;
    uint8_t text[SERIES_PAGE_MAX * 2 * MARKET_SERIES_BYTES_MAX];
    size_t text_bytes;
};

static struct ds_bytes text_keep(struct name_page *page, struct ds_bytes text)
{
    uint8_t *place = page->text + page->text_bytes;
    if (text.size > 0) {
        memcpy(place, text.data, text.size);
    }
    page->text_bytes += text.size;
    return ds_bytes_of(place, text.size);
}

static void take_name(void *context, struct ds_bytes series, struct ds_bytes group)
{
    struct name_page *page = context;
    assert(page->count < SERIES_PAGE_MAX);
    page->names[page->count] = text_keep(page, series);
    page->groups[page->count] = text_keep(page, group);
    page->count++;
}

/* One series, or one group, that is being read. */
struct walk {
    struct market_verify *verify;
    const struct market_scan *scan;
    bool has_last;
    struct market_position last;
    uint64_t row_count;
};

static bool is_behind(const struct market_position *a, const struct market_position *b)
{
    if (a->timestamp_us != b->timestamp_us) {
        return a->timestamp_us > b->timestamp_us;
    }
    return ds_bytes_compare(ds_bytes_of(a->tie.data, a->tie.size),
                            ds_bytes_of(b->tie.data, b->tie.size)) > 0;
}

static void take_row(void *context, const struct market_row *row)
{
    struct walk *walk = context;
    const struct market_scan *scan = walk->scan;
    const struct market_position position = {.timestamp_us = row->timestamp_us, .tie = row->tie};
    if (walk->has_last && !is_behind(&position, &walk->last)) {
        market_verify_tell(walk->verify, "%s \"%.*s\": the row at %" PRId64 " us is out of order",
                           market_kind_name(scan->kind), (int)scan->series.size,
                           (const char *)scan->series.data, row->timestamp_us);
    }
    walk->has_last = true;
    walk->last = position;
    walk->row_count++;
    if (!scan->by_group) {
        market_verify_row(walk->verify, scan->kind, scan->series, row->timestamp_us, row->value);
    }
}

/* Reads all rows of a series or a group. */
static ds_code walk_all(struct market_store *store, struct market_verify *verify,
                        enum market_kind kind, bool by_group, struct ds_bytes name,
                        uint64_t *ret_row_count)
{
    struct market_scan scan = {
        .kind = kind,
        .by_group = by_group,
        .series = name,
        .start_us = INT64_MIN,
        .end_us = INT64_MAX,
        .ascending = true,
        .row_max = VERIFY_PAGE_ROWS_MAX,
        .bytes_max = VERIFY_PAGE_BYTES_MAX,
    };
    struct walk walk = {.verify = verify, .scan = &scan};
    bool more = true;
    while (more) {
        if (market_verify_should_stop(verify)) {
            return DS_CANCELLED;
        }
        DS_TRY(store->ops->scan(store, &scan, take_row, &walk, &more));
        scan.has_after = walk.has_last;
        scan.after = walk.last;
    }
    *ret_row_count = walk.row_count;
    return DS_OK;
}

static ds_code verify_series(struct market_store *store, struct market_verify *verify,
                             enum market_kind kind, struct ds_bytes name, uint64_t *ret_row_count)
{
    uint64_t row_count = 0;
    DS_TRY(walk_all(store, verify, kind, false, name, &row_count));
    verify->series_checked++;
    if (row_count == 0) {
        market_verify_tell(verify, "%s \"%.*s\": is listed and has no rows", market_kind_name(kind),
                           (int)name.size, (const char *)name.data);
    }
    *ret_row_count = row_count;
    return DS_OK;
}

/* The rows of a group by its series, which follow each other, and by itself. */
struct group_count {
    uint8_t name[MARKET_SERIES_BYTES_MAX];
    size_t name_bytes;
    uint64_t row_count;
};

static ds_code group_end(struct market_store *store, struct market_verify *verify,
                         struct group_count *group)
{
    uint64_t row_count = 0;
    const struct ds_bytes name = ds_bytes_of(group->name, group->name_bytes);
    if (name.size == 0) {
        return DS_OK;
    }
    DS_TRY(walk_all(store, verify, MARKET_CHAINS, true, name, &row_count));
    if (row_count != group->row_count) {
        market_verify_tell(verify,
                           "chains of \"%.*s\": by time there are %" PRIu64
                           " rows, and the series have %" PRIu64,
                           (int)name.size, (const char *)name.data, row_count, group->row_count);
    }
    return DS_OK;
}

static ds_code group_add(struct market_store *store, struct market_verify *verify,
                         struct group_count *group, struct ds_bytes name, uint64_t row_count)
{
    if (!ds_bytes_equal(name, ds_bytes_of(group->name, group->name_bytes))) {
        DS_TRY(group_end(store, verify, group));
        memcpy(group->name, name.data, name.size);
        group->name_bytes = name.size;
        group->row_count = 0;
    }
    group->row_count += row_count;
    return DS_OK;
}

static ds_code verify_page(struct market_store *store, struct market_verify *verify,
                           enum market_kind kind, const struct name_page *page,
                           struct group_count *group)
{
    for (size_t i = 0; i < page->count; i++) {
        uint64_t row_count = 0;
        DS_TRY(verify_series(store, verify, kind, page->names[i], &row_count));
        if (kind == MARKET_CHAINS) {
            DS_TRY(group_add(store, verify, group, page->groups[i], row_count));
        }
    }
    return DS_OK;
}

static ds_code verify_kind(struct market_store *store, struct market_verify *verify,
                           enum market_kind kind, struct name_page *page)
{
    struct group_count group = {.name_bytes = 0};
    uint8_t last[MARKET_SERIES_BYTES_MAX];
    struct market_series_query query = {.kind = kind, .series_max = SERIES_PAGE_MAX};
    bool more = true;
    while (more) {
        page->count = 0;
        page->text_bytes = 0;
        DS_TRY(store->ops->list_series(store, &query, take_name, page, &more));
        DS_TRY(verify_page(store, verify, kind, page, &group));
        if (page->count > 0) {
            const struct ds_bytes name = page->names[page->count - 1];
            memcpy(last, name.data, name.size);
            query.after = ds_bytes_of(last, name.size);
        }
    }
    return group_end(store, verify, &group);
}

ds_code market_verify_by_scans(struct market_store *store, struct market_verify *verify)
{
    struct name_page *page = malloc(sizeof(*page));
    if (page == NULL) {
        abort();
    }
    ds_code code = DS_OK;
    verify->rows_checked = 0;
    verify->series_checked = 0;
    for (int kind = MARKET_KIND_FIRST; code == DS_OK && kind <= MARKET_KIND_MAX; kind++) {
        code = verify_kind(store, verify, (enum market_kind)kind, page);
    }
    free(page);
    return code;
}
