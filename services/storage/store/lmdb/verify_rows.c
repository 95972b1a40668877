#include "storage/store/lmdb/series.h"
#include "storage/store/lmdb/verify.h"

#include <inttypes.h>
#include <stdlib.h>

/* How many names of series are kept at a time. */
#define NAMES_MAX 256

#define SHOWN(bytes) (int)(bytes).size, (const char *)(bytes).data

/* The rows of one series, as they are walked. */
struct series_look {
    struct lmdb_look *look;
    struct ds_bytes name;
    uint32_t number; /* 0: not known before the first snapshot */
    struct series_record record;
};

static int key_malformed(struct lmdb_walk *walk, const MDB_val *key)
{
    market_verify_tell(walk->verify, "table %s: a key of %zu bytes is malformed", walk->table_name,
                       key->mv_size);
    return 0;
}

/* Each snapshot has to find the series again, which may have gone or changed its number. */
static int begin_series(struct lmdb_walk *walk)
{
    struct series_look *series = walk->context;
    struct lmdb_look *look = series->look;
    const int error = lmdb_series_find(&look->store->tables, walk->txn, look->kind, series->name,
                                       &series->record);
    if (error == MDB_NOTFOUND || error == MDB_CORRUPTED) {
        return WALK_END;
    }
    if (error == 0 && series->record.number != series->number) {
        return WALK_END;
    }
    return error;
}

/* Of a row of a chain: the same row by group. A name that its group does not begin has been told of
 * with the series. */
static int by_group_check(struct lmdb_walk *walk, const struct series_look *series,
                          const struct market_position *position)
{
    if (!lmdb_look_is_chain(series->name, series->record.group)) {
        return 0;
    }
    const struct market_tie member = market_member_of(series->name, series->record.group);
    struct row_key entry = row_key_of(series->record.group_number, position->timestamp_us, &member);
    MDB_val key = row_key_val(&entry);
    MDB_val value;
    const int error = mdb_get(walk->txn, series->look->tables->by_group, &key, &value);
    if (error == 0 && value.mv_size == LMDB_NUMBER_BYTES &&
        lmdb_get_u32(value.mv_data) == series->number) {
        return 0;
    }
    if (error == 0 || error == MDB_NOTFOUND) {
        market_verify_tell(walk->verify,
                           "%s \"%.*s\": the row at %" PRId64 " us is missing in chains.by_group",
                           walk->table_name, SHOWN(series->name), position->timestamp_us);
        return 0;
    }
    return error;
}

static int take_row(struct lmdb_walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct series_look *series = walk->context;
    const enum market_kind kind = series->look->kind;
    if (key->mv_size < LMDB_NUMBER_BYTES || lmdb_get_u32(key->mv_data) != series->number) {
        return WALK_END;
    }
    uint32_t number;
    struct market_position position;
    if (!row_key_read(key, &number, &position) || (kind != MARKET_TICKS && position.tie.size > 0)) {
        return key_malformed(walk, key);
    }
    market_verify_row(walk->verify, kind, series->name, position.timestamp_us,
                      lmdb_bytes_of(value));
    return kind == MARKET_CHAINS ? by_group_check(walk, series, &position) : 0;
}

static ds_code look_at_series_rows(struct lmdb_look *look, struct ds_bytes name, uint32_t number)
{
    uint8_t first[LMDB_NUMBER_BYTES];
    lmdb_put_u32(first, number);
    struct series_look series = {.look = look, .name = name, .number = number};
    struct lmdb_walk walk = {.store = look->store,
                             .verify = look->verify,
                             .table = look->tables->rows,
                             .table_name = market_kind_name(look->kind),
                             .from = ds_bytes_of(first, sizeof(first)),
                             .begin = begin_series,
                             .take = take_row,
                             .context = &series};
    return lmdb_walk_run(&walk);
}

/* Some series, copied so that their snapshot can end. */
struct name_page {
    struct lmdb_look *look;
    struct {
        uint8_t name[MARKET_SERIES_BYTES_MAX];
        size_t name_bytes;
        uint32_t number;
    } series[NAMES_MAX];
    size_t count;
};

static int take_name(struct lmdb_walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct name_page *page = walk->context;
    struct series_record record;
    if (key->mv_size > MARKET_SERIES_BYTES_MAX ||
        !series_record_read(page->look->kind, value, &record)) {
        return 0;
    }
    memcpy(page->series[page->count].name, key->mv_data, key->mv_size);
    page->series[page->count].name_bytes = key->mv_size;
    page->series[page->count].number = record.number;
    page->count++;
    return page->count == NAMES_MAX ? WALK_END : 0;
}

/* The rows of every series, by the series' names. */
static ds_code look_at_known_rows(struct lmdb_look *look, struct name_page *page)
{
    uint8_t from[MARKET_SERIES_BYTES_MAX + 1];
    struct lmdb_walk walk = {.store = look->store,
                             .verify = look->verify,
                             .table = look->tables->series,
                             .table_name = "series",
                             .take = take_name,
                             .context = page};
    do {
        page->count = 0;
        DS_TRY(lmdb_walk_run(&walk));
        for (size_t i = 0; i < page->count; i++) {
            const struct ds_bytes name =
                ds_bytes_of(page->series[i].name, page->series[i].name_bytes);
            DS_TRY(look_at_series_rows(look, name, page->series[i].number));
        }
        if (page->count == NAMES_MAX) {
            /* The least key behind the last name. */
            const size_t size = page->series[NAMES_MAX - 1].name_bytes;
            memcpy(from, page->series[NAMES_MAX - 1].name, size);
            from[size] = 0;
            walk.from = ds_bytes_of(from, size + 1);
        }
    } while (page->count == NAMES_MAX);
    return DS_OK;
}

/* The numbers of all series of the kind at one moment, ascending. */
struct number_set {
    struct lmdb_look *look;
    uint32_t *numbers;
    size_t count;
    size_t capacity;
    bool told_of_twice;
};

static int number_compare(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void number_add(struct number_set *set, uint32_t number)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 1024 : set->capacity * 2;
        set->numbers = realloc(set->numbers, set->capacity * sizeof(*set->numbers));
        if (set->numbers == NULL) {
            abort();
        }
    }
    set->numbers[set->count++] = number;
}

static void numbers_check_twice(struct lmdb_walk *walk, struct number_set *set)
{
    for (size_t i = 1; i < set->count && !set->told_of_twice; i++) {
        if (set->numbers[i] == set->numbers[i - 1]) {
            market_verify_tell(walk->verify, "%s: two series have the number %" PRIu32,
                               walk->table_name, set->numbers[i]);
            set->told_of_twice = true;
        }
    }
}

/* Reads all numbers anew: they have to be of the snapshot that the rows are of. */
static int begin_numbers(struct lmdb_walk *walk)
{
    struct number_set *set = walk->context;
    MDB_cursor *cursor;
    int error = mdb_cursor_open(walk->txn, set->look->tables->series, &cursor);
    if (error != 0) {
        return error;
    }
    set->count = 0;
    MDB_val key;
    MDB_val value;
    error = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (error == 0) {
        struct series_record record;
        if (series_record_read(set->look->kind, &value, &record)) {
            number_add(set, record.number);
        }
        error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (set->count > 0) {
        qsort(set->numbers, set->count, sizeof(*set->numbers), number_compare);
    }
    numbers_check_twice(walk, set);
    return error == MDB_NOTFOUND ? 0 : error;
}

/* Looks at the first row of each number, and goes on behind its last one. */
static int take_number(struct lmdb_walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct number_set *set = walk->context;
    (void)value;
    if (key->mv_size < LMDB_NUMBER_BYTES) {
        return key_malformed(walk, key);
    }
    const uint32_t number = lmdb_get_u32(key->mv_data);
    if (set->count == 0 ||
        bsearch(&number, set->numbers, set->count, sizeof(number), number_compare) == NULL) {
        market_verify_tell(walk->verify,
                           "%s: there are rows of the series number %" PRIu32
                           ", which is not listed",
                           walk->table_name, number);
    }
    if (number == UINT32_MAX) {
        return WALK_END;
    }
    lmdb_put_u32(walk->skip_to.data, number + 1);
    walk->skip_to.size = LMDB_NUMBER_BYTES;
    return 0;
}

/* Rows that belong to no series are met by no name. */
static ds_code look_for_lost_rows(struct lmdb_look *look)
{
    struct number_set set = {.look = look};
    struct lmdb_walk walk = {.store = look->store,
                             .verify = look->verify,
                             .table = look->tables->rows,
                             .table_name = market_kind_name(look->kind),
                             .begin = begin_numbers,
                             .take = take_number,
                             .context = &set};
    const ds_code code = lmdb_walk_run(&walk);
    free(set.numbers);
    return code;
}

/* The name of the group whose entries are walked. Its number is never another group's. */
struct group_look {
    const struct lmdb_look *look;
    uint32_t number;   /* 0: none yet */
    size_t name_bytes; /* 0: there is no such group */
    uint8_t name[MARKET_PRODUCT_BYTES_MAX + 1 + MARKET_TIE_BYTES_MAX];
};

/* Finds the group's name by its first member. */
static int group_find(struct group_look *group, MDB_txn *txn, uint32_t number)
{
    const struct lmdb_look *look = group->look;
    MDB_cursor *cursor;
    int error = mdb_cursor_open(txn, look->tables->members, &cursor);
    if (error != 0) {
        return error;
    }
    uint8_t first[LMDB_NUMBER_BYTES];
    lmdb_put_u32(first, number);
    MDB_val key = {.mv_size = sizeof(first), .mv_data = first};
    MDB_val nothing;
    struct series_record record;
    error = mdb_cursor_get(cursor, &key, &nothing, MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    group->number = number;
    group->name_bytes = 0;
    if (error == 0 && key.mv_size > LMDB_NUMBER_BYTES && lmdb_get_u32(key.mv_data) == number) {
        const struct ds_bytes series = ds_bytes_of((const uint8_t *)key.mv_data + LMDB_NUMBER_BYTES,
                                                   key.mv_size - LMDB_NUMBER_BYTES);
        error = lmdb_series_find(&look->store->tables, txn, look->kind, series, &record);
        if (error == 0) {
            memcpy(group->name, record.group.data, record.group.size);
            group->name_bytes = record.group.size;
        }
    }
    return error == MDB_NOTFOUND || error == MDB_CORRUPTED ? 0 : error;
}

/* Whether the entry is where its series belongs: a reader by group takes the series' name from
 * there. */
static int member_check(struct lmdb_walk *walk, struct group_look *group, uint32_t number,
                        const struct market_position *position)
{
    const struct market_tie *member = &position->tie;
    struct series_record record = {.number = 0};
    int error = MDB_NOTFOUND;
    if (group->name_bytes > 0) {
        group->name[group->name_bytes] = '/';
        memcpy(group->name + group->name_bytes + 1, member->data, member->size);
        error = lmdb_series_find(&group->look->store->tables, walk->txn, group->look->kind,
                                 ds_bytes_of(group->name, group->name_bytes + 1 + member->size),
                                 &record);
    }
    if (error == MDB_NOTFOUND || error == MDB_CORRUPTED ||
        (error == 0 && record.number != number)) {
        market_verify_tell(walk->verify,
                           "%s: the entry at %" PRId64 " us of member \"%.*s\" is not of the "
                           "series with number %" PRIu32,
                           walk->table_name, position->timestamp_us, (int)member->size,
                           (const char *)member->data, number);
        return 0;
    }
    return error;
}

static int take_by_group(struct lmdb_walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct group_look *group = walk->context;
    const struct lmdb_look *look = group->look;
    uint32_t group_number;
    struct market_position position;
    if (!row_key_read(key, &group_number, &position) || value->mv_size != LMDB_NUMBER_BYTES) {
        return key_malformed(walk, key);
    }
    const uint32_t number = lmdb_get_u32(value->mv_data);
    struct row_key row = row_key_of(number, position.timestamp_us, NULL);
    MDB_val row_key = row_key_val(&row);
    MDB_val row_value;
    int error = group->number == group_number ? 0 : group_find(group, walk->txn, group_number);
    if (error == 0) {
        error = mdb_get(walk->txn, look->tables->rows, &row_key, &row_value);
    }
    if (error == 0) {
        return member_check(walk, group, number, &position);
    }
    if (error == MDB_NOTFOUND) {
        market_verify_tell(walk->verify,
                           "%s: the entry at %" PRId64 " us of member \"%.*s\" has no row",
                           walk->table_name, position.timestamp_us, (int)position.tie.size,
                           (const char *)position.tie.data);
        return 0;
    }
    return error;
}

static ds_code look_at_by_group(struct lmdb_look *look)
{
    struct group_look group = {.look = look};
    struct lmdb_walk walk = {.store = look->store,
                             .verify = look->verify,
                             .table = look->tables->by_group,
                             .table_name = "chains.by_group",
                             .take = take_by_group,
                             .context = &group};
    return lmdb_walk_run(&walk);
}

ds_code lmdb_look_at_rows(struct lmdb_look *look)
{
    struct name_page *page = malloc(sizeof(*page));
    if (page == NULL) {
        abort();
    }
    page->look = look;
    ds_code code = look_at_known_rows(look, page);
    free(page);
    if (code == DS_OK) {
        code = look_for_lost_rows(look);
    }
    if (code == DS_OK && look->kind == MARKET_CHAINS) {
        code = look_at_by_group(look);
    }
    return code;
}
