#include "storage/store/lmdb/series.h"
#include "storage/store/lmdb/verify.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNTER_NAME_MAX 32
#define TABLE_NAME_MAX 32

/* A name of a fault's text and how many bytes of it there are. */
#define SHOWN(bytes) (int)(bytes).size, (const char *)(bytes).data

static const char *kind_name(const struct lmdb_look *look)
{
    return market_kind_name(look->kind);
}

bool lmdb_look_is_chain(struct ds_bytes series, struct ds_bytes group)
{
    return series.size > group.size + 1 && series.size - group.size - 1 <= MARKET_TIE_BYTES_MAX &&
           memcmp(series.data, group.data, group.size) == 0 && series.data[group.size] == '/';
}

/* The newest number of series ("series_id") or groups ("group_id") that was given; 0: none yet. */
static int counter_read(const struct lmdb_look *look, MDB_txn *txn, const char *what,
                        uint32_t *ret_newest)
{
    char name[COUNTER_NAME_MAX];
    const int size = snprintf(name, sizeof(name), "%s.%s", what, kind_name(look));
    MDB_val key = {.mv_size = (size_t)size, .mv_data = name};
    MDB_val value;
    const int error = mdb_get(txn, look->store->tables.meta, &key, &value);
    *ret_newest = 0;
    if (error == 0) {
        *ret_newest = value.mv_size == LMDB_NUMBER_BYTES ? lmdb_get_u32(value.mv_data) : 0;
    }
    return error == MDB_NOTFOUND ? 0 : error;
}

static int number_check(const struct lmdb_look *look, MDB_txn *txn, const char *what,
                        struct ds_bytes name, uint32_t number)
{
    uint32_t newest;
    const int error = counter_read(look, txn, what, &newest);
    if (error == 0 && (number == 0 || number > newest)) {
        market_verify_tell(look->verify,
                           "%s \"%.*s\": has number %" PRIu32 ", and %s.%s says %" PRIu32
                           " is the newest",
                           kind_name(look), SHOWN(name), number, what, kind_name(look), newest);
    }
    return error;
}

static int has_rows_check(const struct lmdb_look *look, MDB_txn *txn, struct ds_bytes name,
                          uint32_t number)
{
    MDB_cursor *cursor;
    int error = mdb_cursor_open(txn, look->tables->rows, &cursor);
    if (error != 0) {
        return error;
    }
    uint8_t first[LMDB_NUMBER_BYTES];
    lmdb_put_u32(first, number);
    MDB_val key = {.mv_size = sizeof(first), .mv_data = first};
    MDB_val value;
    error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (error == MDB_NOTFOUND ||
        (error == 0 && (key.mv_size < LMDB_NUMBER_BYTES || lmdb_get_u32(key.mv_data) != number))) {
        market_verify_tell(look->verify, "%s \"%.*s\": is listed and has no rows", kind_name(look),
                           SHOWN(name));
        error = 0;
    }
    mdb_cursor_close(cursor);
    return error;
}

static int group_check(const struct lmdb_look *look, MDB_txn *txn, struct ds_bytes name,
                       const struct series_record *record)
{
    if (look->kind == MARKET_CHAINS && !lmdb_look_is_chain(name, record->group)) {
        market_verify_tell(look->verify,
                           "%s \"%.*s\": is named as if of another group than \"%.*s\"",
                           kind_name(look), SHOWN(name), SHOWN(record->group));
    }
    uint32_t number = 0;
    int error = lmdb_group_find(&look->store->tables, txn, look->kind, record->group, &number);
    if (error == MDB_NOTFOUND || (error == 0 && number != record->group_number)) {
        market_verify_tell(
            look->verify, "%s \"%.*s\": its group \"%.*s\" is not listed with number %" PRIu32,
            kind_name(look), SHOWN(name), SHOWN(record->group), record->group_number);
        error = 0;
    }
    if (error != 0) {
        return error;
    }
    uint8_t member[MEMBER_KEY_BYTES_MAX];
    MDB_val key = {.mv_size = lmdb_member_key(record->group_number, name, member),
                   .mv_data = member};
    MDB_val value;
    error = mdb_get(txn, look->tables->members, &key, &value);
    if (error == MDB_NOTFOUND) {
        market_verify_tell(look->verify, "%s \"%.*s\": is no member of its group \"%.*s\"",
                           kind_name(look), SHOWN(name), SHOWN(record->group));
        error = 0;
    }
    return error;
}

static int take_series(struct lmdb_walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct lmdb_look *look = walk->context;
    const struct ds_bytes name = lmdb_bytes_of(key);
    struct series_record record;
    if (name.size > MARKET_SERIES_BYTES_MAX || !series_record_read(look->kind, value, &record)) {
        market_verify_tell(look->verify, "table %s: the entry of \"%.*s\" is malformed",
                           walk->table_name, SHOWN(name));
        return 0;
    }
    look->verify->series_checked++;
    int error = number_check(look, walk->txn, "series_id", name, record.number);
    if (error == 0) {
        error = has_rows_check(look, walk->txn, name, record.number);
    }
    if (error == 0 && market_kind_is_grouped(look->kind)) {
        error = group_check(look, walk->txn, name, &record);
    }
    return error;
}

static int take_group(struct lmdb_walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct lmdb_look *look = walk->context;
    const struct ds_bytes name = lmdb_bytes_of(key);
    if (name.size > MARKET_PRODUCT_BYTES_MAX || value->mv_size != LMDB_NUMBER_BYTES) {
        market_verify_tell(look->verify, "table %s: the entry of \"%.*s\" is malformed",
                           walk->table_name, SHOWN(name));
        return 0;
    }
    const uint32_t number = lmdb_get_u32(value->mv_data);
    int error = number_check(look, walk->txn, "group_id", name, number);
    MDB_cursor *cursor;
    if (error == 0) {
        error = mdb_cursor_open(walk->txn, look->tables->members, &cursor);
    }
    if (error != 0) {
        return error;
    }
    uint8_t first[LMDB_NUMBER_BYTES];
    lmdb_put_u32(first, number);
    MDB_val member = {.mv_size = sizeof(first), .mv_data = first};
    MDB_val nothing;
    error = mdb_cursor_get(cursor, &member, &nothing, MDB_SET_RANGE);
    if (error == MDB_NOTFOUND || (error == 0 && (member.mv_size <= LMDB_NUMBER_BYTES ||
                                                 lmdb_get_u32(member.mv_data) != number))) {
        market_verify_tell(look->verify, "table %s: \"%.*s\" has no members", walk->table_name,
                           SHOWN(name));
        error = 0;
    }
    mdb_cursor_close(cursor);
    return error;
}

static int take_member(struct lmdb_walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct lmdb_look *look = walk->context;
    if (key->mv_size <= LMDB_NUMBER_BYTES || key->mv_size > MEMBER_KEY_BYTES_MAX ||
        value->mv_size != 0) {
        market_verify_tell(look->verify, "table %s: an entry of %zu bytes is malformed",
                           walk->table_name, key->mv_size);
        return 0;
    }
    const uint8_t *data = key->mv_data;
    const struct ds_bytes name =
        ds_bytes_of(data + LMDB_NUMBER_BYTES, key->mv_size - LMDB_NUMBER_BYTES);
    struct series_record record;
    const int error = lmdb_series_find(&look->store->tables, walk->txn, look->kind, name, &record);
    if (error == MDB_NOTFOUND || (error == 0 && record.group_number != lmdb_get_u32(data))) {
        market_verify_tell(look->verify,
                           "table %s: \"%.*s\" is no series of the group with number %" PRIu32,
                           walk->table_name, SHOWN(name), lmdb_get_u32(data));
        return 0;
    }
    /* A malformed entry of the series has been told of there. */
    return error == MDB_CORRUPTED ? 0 : error;
}

static ds_code look_at_table(struct lmdb_look *look, const char *what, MDB_dbi table,
                             int (*take)(struct lmdb_walk *, const MDB_val *, const MDB_val *))
{
    char name[TABLE_NAME_MAX];
    snprintf(name, sizeof(name), "%s.%s", kind_name(look), what);
    struct lmdb_walk walk = {.store = look->store,
                             .verify = look->verify,
                             .table = table,
                             .table_name = name,
                             .take = take,
                             .context = look};
    return lmdb_walk_run(&walk);
}

ds_code lmdb_look_at_series(struct lmdb_look *look)
{
    DS_TRY(look_at_table(look, "series", look->tables->series, take_series));
    if (!market_kind_is_grouped(look->kind)) {
        return DS_OK;
    }
    DS_TRY(look_at_table(look, "groups", look->tables->groups, take_group));
    return look_at_table(look, "members", look->tables->members, take_member);
}
