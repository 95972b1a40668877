#include "storage/core/retention_sweep.h"

#include <stdlib.h>

/* Series listed by one read of the store. */
#define PAGE_SERIES_MAX 256
/* Rows counted by one read of the store. */
#define COUNT_ROWS_MAX 8192

struct listed_series {
    uint8_t name[MARKET_SERIES_BYTES_MAX];
    size_t name_bytes;
    size_t rule; /* the index of the rule that holds for it */
};

/* Series of one kind, those without a rule left out. */
struct series_page {
    const struct retention_sweep *sweep;
    enum market_kind kind;
    struct listed_series last; /* of all, those without a rule too */
    struct listed_series series[PAGE_SERIES_MAX];
    size_t count;
};

static struct ds_bytes name_of(const struct listed_series *series)
{
    return ds_bytes_of(series->name, series->name_bytes);
}

static void take_series(void *context, struct ds_bytes name, struct ds_bytes group)
{
    struct series_page *page = context;
    const struct retention_sweep *sweep = page->sweep;
    const struct ds_bytes product = page->kind == MARKET_TICKS ? name : group;
    memcpy(page->last.name, name.data, name.size);
    page->last.name_bytes = name.size;
    page->last.rule = retention_rules_pick(sweep->rules, sweep->rule_count, page->kind, product);
    if (page->last.rule < sweep->rule_count) {
        page->series[page->count++] = page->last;
    }
}

/* The rows of a series that are too old. */
static struct market_scan expired_rows(const struct retention_sweep *sweep,
                                       const struct series_page *page,
                                       const struct listed_series *series)
{
    return (struct market_scan){
        .kind = page->kind,
        .series = name_of(series),
        .start_us = INT64_MIN,
        .end_us = sweep->now_us - sweep->rules[series->rule].keep_us - 1,
        .ascending = true,
        .row_max = COUNT_ROWS_MAX,
        .bytes_max = SIZE_MAX,
    };
}

struct row_count {
    uint64_t rows;
    struct market_position last;
};

static void count_row(void *context, const struct market_row *row)
{
    struct row_count *count = context;
    count->rows++;
    count->last = (struct market_position){row->timestamp_us, row->tie};
}

static ds_code stop_if_wanted(const struct retention_sweep *sweep)
{
    return sweep->should_stop(sweep->context) ? DS_CANCELLED : DS_OK;
}

static ds_code count_expired(const struct retention_sweep *sweep, struct market_scan scan,
                             uint64_t *count)
{
    bool more = true;
    while (more) {
        struct row_count page = {.rows = 0};
        DS_TRY(stop_if_wanted(sweep));
        DS_TRY(sweep->store->ops->scan(sweep->store, &scan, count_row, &page, &more));
        *count += page.rows;
        scan.has_after = true;
        scan.after = page.last;
    }
    return DS_OK;
}

/* Deletions that the store gets together, so that they share its syncs. */
struct chunk {
    struct market_delete orders[RETENTION_CHUNK_SERIES_MAX];
    size_t rules[RETENTION_CHUNK_SERIES_MAX]; /* by order */
    size_t count;
    size_t rows; /* at most */
};

/* Deletes once, and keeps the orders that have rows left. */
static ds_code chunk_delete(const struct retention_sweep *sweep, struct chunk *chunk)
{
    const size_t count = chunk->count;
    ds_code code = DS_OK;
    market_deletes_wait(sweep->store, chunk->orders, count);
    chunk->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct market_delete *order = &chunk->orders[i];
        const size_t rule = chunk->rules[i];
        if (order->code != DS_OK) {
            code = order->code;
            continue;
        }
        sweep->counts[rule] += order->deleted_count;
        if (order->more) {
            chunk->rules[chunk->count] = rule;
            chunk->orders[chunk->count++] = *order;
        }
    }
    return code;
}

static ds_code chunk_empty(const struct retention_sweep *sweep, struct chunk *chunk)
{
    while (chunk->count > 0) {
        DS_TRY(stop_if_wanted(sweep));
        DS_TRY(chunk_delete(sweep, chunk));
    }
    chunk->rows = 0;
    return DS_OK;
}

/* Has the rows of the scan deleted, which goes by a chunk at a time. Most series have none in most
 * passes, and a look costs no transaction of the writer. */
static ds_code delete_expired(const struct retention_sweep *sweep, struct chunk *chunk,
                              struct market_scan scan, size_t rule)
{
    struct row_count first = {.rows = 0};
    bool more;
    scan.row_max = RETENTION_CHUNK_ROWS_MAX;
    DS_TRY(sweep->store->ops->scan(sweep->store, &scan, count_row, &first, &more));
    if (first.rows == 0) {
        return DS_OK;
    }
    if (chunk->count == RETENTION_CHUNK_SERIES_MAX ||
        chunk->rows + first.rows > RETENTION_CHUNK_ROWS_MAX) {
        DS_TRY(chunk_empty(sweep, chunk));
    }
    chunk->rules[chunk->count] = rule;
    chunk->orders[chunk->count++] = (struct market_delete){
        .kind = scan.kind,
        .series = scan.series,
        .start_us = scan.start_us,
        .end_us = scan.end_us,
        .row_max = more ? RETENTION_CHUNK_ROWS_MAX : first.rows,
    };
    chunk->rows += first.rows;
    return DS_OK;
}

static ds_code sweep_page(const struct series_page *page)
{
    const struct retention_sweep *sweep = page->sweep;
    struct chunk chunk = {.count = 0};
    for (size_t i = 0; i < page->count; i++) {
        const struct listed_series *series = &page->series[i];
        const struct market_scan scan = expired_rows(sweep, page, series);
        DS_TRY(stop_if_wanted(sweep));
        DS_TRY(sweep->dry_run ? count_expired(sweep, scan, &sweep->counts[series->rule])
                              : delete_expired(sweep, &chunk, scan, series->rule));
    }
    return chunk_empty(sweep, &chunk);
}

static ds_code sweep_kind(const struct retention_sweep *sweep, enum market_kind kind,
                          struct series_page *page)
{
    bool more = true;
    page->kind = kind;
    page->last.name_bytes = 0;
    while (more) {
        const struct listed_series after = page->last;
        const struct market_series_query query = {
            .kind = kind, .after = name_of(&after), .series_max = PAGE_SERIES_MAX};
        page->count = 0;
        DS_TRY(stop_if_wanted(sweep));
        DS_TRY(sweep->store->ops->list_series(sweep->store, &query, take_series, page, &more));
        DS_TRY(sweep_page(page));
    }
    return DS_OK;
}

static bool has_rule(const struct retention_sweep *sweep, enum market_kind kind)
{
    for (size_t i = 0; i < sweep->rule_count; i++) {
        if (sweep->rules[i].kind == kind) {
            return true;
        }
    }
    return false;
}

ds_code retention_sweep_run(const struct retention_sweep *sweep)
{
    struct series_page *page = calloc(1, sizeof(*page));
    if (page == NULL) {
        abort();
    }
    page->sweep = sweep;
    ds_code code = DS_OK;
    for (enum market_kind kind = MARKET_KIND_FIRST; code == DS_OK && kind <= MARKET_KIND_MAX;
         kind++) {
        code = has_rule(sweep, kind) ? sweep_kind(sweep, kind, page) : DS_OK;
    }
    free(page);
    return code;
}
