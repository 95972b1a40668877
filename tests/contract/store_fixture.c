#include "store_fixture.h"

#include "support/test.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROWS_MAX 512
#define FOLDER_FILES_MAX 8

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    assert_non_null(memory);
    return memory;
}

void folder_make(char *ret_folder, size_t folder_bytes_max)
{
    const char *base = getenv("TMPDIR");
    snprintf(ret_folder, folder_bytes_max, "%s/ds-store-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(ret_folder));
}

void folder_remove(const char *folder)
{
    static const char *const names[FOLDER_FILES_MAX] = {"data.mdb", "lock.mdb", "deltastream.lock"};
    char path[256];
    for (size_t i = 0; i < FOLDER_FILES_MAX && names[i] != NULL; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void record_events(void *context, const struct ds_event *events, size_t event_count)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    for (size_t i = 0; i < event_count; i++) {
        const size_t room = FIXTURE_TEXT_MAX - fixture->events_bytes;
        const int size =
            snprintf(fixture->events + fixture->events_bytes, room, "%s%.*s=%.*s",
                     fixture->event_count == 0 ? "" : " ", (int)events[i].topic.size,
                     (const char *)events[i].topic.data, (int)events[i].body.size,
                     events[i].body.size == 0 ? "" : (const char *)events[i].body.data);
        if ((size_t)size < room) {
            fixture->events_bytes += (size_t)size;
        }
        fixture->event_count++;
    }
    pthread_mutex_unlock(&fixture->lock);
}

static struct market_store *fixture_open(struct fixture *fixture)
{
    const struct market_store_options options = {
        .events = {.publish = record_events, .context = fixture},
        .map_bytes = UINT64_C(1) << 30,
        .free_bytes_min = 1,
    };
    return engine_under_test.open(fixture->folder, &options);
}

int fixture_setup(void **state)
{
    struct fixture *fixture = allocate(sizeof(*fixture));
    pthread_mutex_init(&fixture->lock, NULL);
    fixture->events = allocate(FIXTURE_TEXT_MAX);
    folder_make(fixture->folder, sizeof(fixture->folder));
    fixture->store = fixture_open(fixture);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    folder_remove(fixture->folder);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture->events);
    free(fixture);
    return 0;
}

void fixture_close(struct fixture *fixture)
{
    if (fixture->store != NULL) {
        fixture->store->ops->close(fixture->store);
        fixture->store = NULL;
    }
}

void fixture_reopen(struct fixture *fixture)
{
    fixture_close(fixture);
    fixture->store = fixture_open(fixture);
}

struct market_position position_of(int64_t timestamp_us, const char *tie)
{
    struct market_position position = {.timestamp_us = timestamp_us};
    position.tie.size = (uint8_t)strlen(tie);
    memcpy(position.tie.data, tie, position.tie.size);
    return position;
}

struct market_row row_of(const char *series, int64_t timestamp_us, const char *tie,
                         const char *value)
{
    return (struct market_row){
        .series = ds_bytes_of_text(series),
        .timestamp_us = timestamp_us,
        .tie = position_of(timestamp_us, tie).tie,
        .value = ds_bytes_of_text(value),
    };
}

void put_rows(struct market_store *store, const struct market_row *rows, size_t row_count,
              enum market_outcome *outcomes)
{
    enum market_outcome *own = outcomes == NULL ? allocate(row_count * sizeof(*own)) : outcomes;
    struct market_batch batch = {
        .kind = MARKET_TICKS,
        .rows = rows,
        .row_count = row_count,
        .outcomes = own,
    };
    assert_int_equal(market_put_wait(store, &batch), DS_OK);
    if (outcomes == NULL) {
        free(own);
    }
}

/* Cuts "TIMESTAMP:TIE=VALUE" out of `text`, which is changed. */
static struct market_row row_parse(const char *series, char *text)
{
    char *tie = strchr(text, ':');
    char *value = strchr(text, '=');
    assert_true(tie != NULL && value != NULL);
    *tie = '\0';
    *value = '\0';
    return row_of(series, strtoll(text, NULL, 10), tie + 1, value + 1);
}

const char *put_series(struct market_store *store, enum market_kind kind, const char *group,
                       const char *series, const char *rows, enum market_conflict conflict)
{
    static char outcome_text[ROWS_MAX + 1];
    char text[FIXTURE_TEXT_MAX];
    struct market_row parsed[ROWS_MAX];
    enum market_outcome outcomes[ROWS_MAX];
    assert_true((size_t)snprintf(text, sizeof(text), "%s", rows) < sizeof(text));
    size_t row_count = 0;
    char *rest = NULL;
    for (char *row = strtok_r(text, " ", &rest); row != NULL; row = strtok_r(NULL, " ", &rest)) {
        assert_true(row_count < ROWS_MAX);
        parsed[row_count] = row_parse(series, row);
        parsed[row_count].group = group == NULL ? (struct ds_bytes){0} : ds_bytes_of_text(group);
        row_count++;
    }
    struct market_batch batch = {
        .kind = kind,
        .conflict = conflict,
        .rows = parsed,
        .row_count = row_count,
        .outcomes = outcomes,
    };
    const ds_code code = market_put_wait(store, &batch);
    if (code != DS_OK) {
        return ds_code_name(code);
    }
    for (size_t i = 0; i < row_count; i++) {
        outcome_text[i] = "ALDC"[outcomes[i]];
    }
    outcome_text[row_count] = '\0';
    return outcome_text;
}

const char *put_text(struct market_store *store, const char *series, const char *rows,
                     enum market_conflict conflict)
{
    return put_series(store, MARKET_TICKS, NULL, series, rows, conflict);
}

const char *put_chain(struct market_store *store, const char *group, const char *member,
                      const char *rows)
{
    char series[MARKET_SERIES_BYTES_MAX + 1];
    snprintf(series, sizeof(series), "%s/%s", group, member);
    return put_series(store, MARKET_CHAINS, group, series, rows, MARKET_CONFLICT_ERROR);
}

const char *delete_text(struct market_store *store, enum market_kind kind, const char *series,
                        int64_t start_us, int64_t end_us, size_t row_max)
{
    static char text[64];
    struct market_delete order = {
        .kind = kind,
        .series = ds_bytes_of_text(series),
        .start_us = start_us,
        .end_us = end_us,
        .row_max = row_max,
    };
    const ds_code code = market_delete_wait(store, &order);
    if (code != DS_OK) {
        assert_int_equal(order.deleted_count, 0);
        return ds_code_name(code);
    }
    snprintf(text, sizeof(text), "%zu %s", order.deleted_count, order.more ? "more" : "end");
    return text;
}

const char *delete_all(struct market_store *store, enum market_kind kind, const char *series)
{
    return delete_text(store, kind, series, INT64_MIN, INT64_MAX, MARKET_DELETE_ROWS_MAX);
}

struct market_scan scan_kind(enum market_kind kind, const char *series, bool ascending)
{
    return (struct market_scan){
        .kind = kind,
        .series = ds_bytes_of_text(series),
        .start_us = INT64_MIN,
        .end_us = INT64_MAX,
        .ascending = ascending,
        .row_max = ROWS_MAX,
        .bytes_max = SIZE_MAX,
    };
}

struct market_scan scan_all(const char *series, bool ascending)
{
    return scan_kind(MARKET_TICKS, series, ascending);
}

struct market_scan scan_group(const char *group, bool ascending)
{
    struct market_scan scan = scan_kind(MARKET_CHAINS, group, ascending);
    scan.by_group = true;
    return scan;
}

struct text {
    char *data;
    size_t size;
};

static void text_row(void *context, const struct market_row *row)
{
    struct text *text = context;
    const size_t room = FIXTURE_TEXT_MAX - text->size;
    const int size =
        snprintf(text->data + text->size, room, "%" PRId64 ":%.*s=%.*s ", row->timestamp_us,
                 (int)row->tie.size, (const char *)row->tie.data, (int)row->value.size,
                 row->value.size == 0 ? "" : (const char *)row->value.data);
    assert_true((size_t)size < room);
    text->size += (size_t)size;
}

char *scan_text(struct market_store *store, const struct market_scan *scan)
{
    struct text text = {.data = allocate(FIXTURE_TEXT_MAX)};
    bool more = false;
    const ds_code code = store->ops->scan(store, scan, text_row, &text, &more);
    snprintf(text.data + text.size, FIXTURE_TEXT_MAX - text.size, "%s",
             code != DS_OK ? ds_code_name(code)
             : more        ? "more"
                           : "end");
    return text.data;
}

static void text_add(struct text *text, const char *before, struct ds_bytes name)
{
    const size_t room = FIXTURE_TEXT_MAX - text->size;
    const int size = snprintf(text->data + text->size, room, "%s%.*s", before, (int)name.size,
                              (const char *)name.data);
    assert_true((size_t)size < room);
    text->size += (size_t)size;
}

static void text_series(void *context, struct ds_bytes series, struct ds_bytes group)
{
    struct text *text = context;
    text_add(text, text->size == 0 ? "" : " ", series);
    if (group.size > 0) {
        text_add(text, "@", group);
    }
}

char *list_text(struct market_store *store, const struct market_series_query *query)
{
    struct text text = {.data = allocate(FIXTURE_TEXT_MAX)};
    bool more;
    assert_int_equal(store->ops->list_series(store, query, text_series, &text, &more), DS_OK);
    text_add(&text, text.size == 0 ? "" : " ", ds_bytes_of_text(more ? "more" : "end"));
    return text.data;
}

static void text_name(void *context, struct ds_bytes series, struct ds_bytes group)
{
    struct text *text = context;
    assert_int_equal(group.size, 0);
    text_add(text, text->size == 0 ? "" : ",", series);
}

char *series_text(struct market_store *store)
{
    struct text text = {.data = allocate(FIXTURE_TEXT_MAX)};
    const struct market_series_query query = {.kind = MARKET_TICKS, .series_max = SIZE_MAX};
    bool more;
    assert_int_equal(store->ops->list_series(store, &query, text_name, &text, &more), DS_OK);
    assert_false(more);
    return text.data;
}

struct market_stats stats_of(struct market_store *store)
{
    struct market_stats stats;
    assert_int_equal(store->ops->stats(store, &stats), DS_OK);
    return stats;
}

uint64_t seed_of_environment(void)
{
    const char *text = getenv("DS_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 0;
    if (seed == 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = (uint64_t)now.tv_sec * 1000000007ULL + (uint64_t)now.tv_nsec;
    }
    printf("DS_SEED=%" PRIu64 "\n", seed);
    return seed;
}

uint64_t random_next(uint64_t *state)
{
    /* xorshift64*: Marsaglia's generator with Vigna's multiplier. */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}
