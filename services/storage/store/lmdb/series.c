#include "storage/store/lmdb/series.h"

#include <stdio.h>

#define COUNTER_NAME_MAX 32
/* Number, number of the group, its name. */
#define SERIES_VALUE_BYTES_MAX (2 * LMDB_NUMBER_BYTES + MARKET_PRODUCT_BYTES_MAX)

bool series_record_read(enum market_kind kind, const MDB_val *value,
                        struct series_record *ret_record)
{
    const uint8_t *data = value->mv_data;
    if (!market_kind_is_grouped(kind)) {
        if (value->mv_size != LMDB_NUMBER_BYTES) {
            return false;
        }
        *ret_record = (struct series_record){.number = lmdb_get_u32(data)};
        return true;
    }
    if (value->mv_size <= 2 * LMDB_NUMBER_BYTES || value->mv_size > SERIES_VALUE_BYTES_MAX) {
        return false;
    }
    *ret_record = (struct series_record){
        .number = lmdb_get_u32(data),
        .group_number = lmdb_get_u32(data + LMDB_NUMBER_BYTES),
        .group = ds_bytes_of(data + 2 * LMDB_NUMBER_BYTES, value->mv_size - 2 * LMDB_NUMBER_BYTES),
    };
    return true;
}

bool series_member_read(enum market_kind kind, struct ds_bytes name,
                        const struct series_record *record, struct market_tie *ret_member)
{
    if (kind != MARKET_CHAINS) {
        *ret_member = (struct market_tie){.size = 0};
        return true;
    }
    if (name.size <= record->group.size ||
        name.size - record->group.size - 1 > MARKET_TIE_BYTES_MAX) {
        return false;
    }
    *ret_member = market_member_of(name, record->group);
    return true;
}

static bool name_is_possible(struct ds_bytes name, size_t bytes_max)
{
    return name.size >= 1 && name.size <= bytes_max;
}

int lmdb_series_find(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                     struct ds_bytes name, struct series_record *ret_record)
{
    if (!name_is_possible(name, MARKET_SERIES_BYTES_MAX)) {
        return MDB_NOTFOUND;
    }
    MDB_val key = lmdb_val_of(name);
    MDB_val value;
    const int error = mdb_get(txn, tables->kinds[kind].series, &key, &value);
    if (error != 0) {
        return error;
    }
    return series_record_read(kind, &value, ret_record) ? 0 : MDB_CORRUPTED;
}

int lmdb_group_find(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                    struct ds_bytes name, uint32_t *ret_number)
{
    if (!market_kind_is_grouped(kind) || !name_is_possible(name, MARKET_PRODUCT_BYTES_MAX)) {
        return MDB_NOTFOUND;
    }
    MDB_val key = lmdb_val_of(name);
    MDB_val value;
    const int error = mdb_get(txn, tables->kinds[kind].groups, &key, &value);
    if (error != 0) {
        return error;
    }
    if (value.mv_size != LMDB_NUMBER_BYTES) {
        return MDB_CORRUPTED;
    }
    *ret_number = lmdb_get_u32(value.mv_data);
    return 0;
}

size_t lmdb_member_key(uint32_t group_number, struct ds_bytes series, uint8_t *target)
{
    lmdb_put_u32(target, group_number);
    if (series.size > 0) {
        memcpy(target + LMDB_NUMBER_BYTES, series.data, series.size);
    }
    return LMDB_NUMBER_BYTES + series.size;
}

/* The next free number of the kind's series or groups; the counter is in `meta`. */
static int number_assign(const struct lmdb_tables *tables, MDB_txn *txn, const char *what,
                         enum market_kind kind, uint32_t *ret_number)
{
    char name[COUNTER_NAME_MAX];
    const int name_bytes = snprintf(name, sizeof(name), "%s.%s", what, market_kind_name(kind));
    MDB_val key = {.mv_size = (size_t)name_bytes, .mv_data = name};
    MDB_val value;
    uint32_t newest = 0;
    int error = mdb_get(txn, tables->meta, &key, &value);
    if (error == 0 && value.mv_size != LMDB_NUMBER_BYTES) {
        return MDB_CORRUPTED;
    }
    if (error == 0) {
        newest = lmdb_get_u32(value.mv_data);
    } else if (error != MDB_NOTFOUND) {
        return error;
    }
    if (newest >= LMDB_NUMBER_MAX) {
        return MDB_MAP_FULL;
    }
    uint8_t next[LMDB_NUMBER_BYTES];
    lmdb_put_u32(next, newest + 1);
    value = (MDB_val){.mv_size = sizeof(next), .mv_data = next};
    error = mdb_put(txn, tables->meta, &key, &value, 0);
    *ret_number = newest + 1;
    return error;
}

/* The group's number, a new one where it is not there. */
static int group_get(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                     struct ds_bytes name, uint32_t *ret_number)
{
    int error = lmdb_group_find(tables, txn, kind, name, ret_number);
    if (error != MDB_NOTFOUND) {
        return error;
    }
    error = number_assign(tables, txn, "group_id", kind, ret_number);
    if (error != 0) {
        return error;
    }
    uint8_t number[LMDB_NUMBER_BYTES];
    lmdb_put_u32(number, *ret_number);
    MDB_val key = lmdb_val_of(name);
    MDB_val value = {.mv_size = sizeof(number), .mv_data = number};
    return mdb_put(txn, tables->kinds[kind].groups, &key, &value, 0);
}

static int member_add(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                      uint32_t group_number, struct ds_bytes series)
{
    uint8_t key_data[MEMBER_KEY_BYTES_MAX];
    MDB_val key = {.mv_size = lmdb_member_key(group_number, series, key_data), .mv_data = key_data};
    MDB_val nothing = {.mv_size = 0, .mv_data = key_data};
    return mdb_put(txn, tables->kinds[kind].members, &key, &nothing, 0);
}

int lmdb_series_add(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                    struct ds_bytes name, struct ds_bytes group, struct series_record *ret_record)
{
    struct series_record record = {.group = group};
    int error = number_assign(tables, txn, "series_id", kind, &record.number);
    if (error == 0 && market_kind_is_grouped(kind)) {
        error = group_get(tables, txn, kind, group, &record.group_number);
        if (error == 0) {
            error = member_add(tables, txn, kind, record.group_number, name);
        }
    }
    if (error != 0) {
        return error;
    }
    uint8_t value_data[SERIES_VALUE_BYTES_MAX];
    MDB_val key = lmdb_val_of(name);
    MDB_val value = {.mv_size = LMDB_NUMBER_BYTES, .mv_data = value_data};
    lmdb_put_u32(value_data, record.number);
    if (market_kind_is_grouped(kind)) {
        lmdb_put_u32(value_data + LMDB_NUMBER_BYTES, record.group_number);
        memcpy(value_data + 2 * LMDB_NUMBER_BYTES, group.data, group.size);
        value.mv_size = 2 * LMDB_NUMBER_BYTES + group.size;
    }
    error = mdb_put(txn, tables->kinds[kind].series, &key, &value, 0);
    if (error == 0) {
        *ret_record = record;
    }
    return error;
}

/* MDB_NOTFOUND where the group has no series. */
static int group_find_member(MDB_txn *txn, MDB_dbi members, uint32_t group_number)
{
    MDB_cursor *cursor;
    int error = mdb_cursor_open(txn, members, &cursor);
    if (error != 0) {
        return error;
    }
    uint8_t first[LMDB_NUMBER_BYTES];
    lmdb_put_u32(first, group_number);
    MDB_val key = {.mv_size = sizeof(first), .mv_data = first};
    MDB_val value;
    error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (error == 0 && (key.mv_size < sizeof(first) || lmdb_get_u32(key.mv_data) != group_number)) {
        error = MDB_NOTFOUND;
    }
    mdb_cursor_close(cursor);
    return error;
}

/* An entry that is to go may be missing in a damaged file: it is gone then. */
static int entry_delete(MDB_txn *txn, MDB_dbi table, MDB_val *key)
{
    const int error = mdb_del(txn, table, key, NULL);
    return error == MDB_NOTFOUND ? 0 : error;
}

static int member_remove(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                         struct ds_bytes series, const struct series_record *record)
{
    const struct lmdb_kind_tables *kind_tables = &tables->kinds[kind];
    uint8_t key_data[MEMBER_KEY_BYTES_MAX];
    MDB_val key = {.mv_size = lmdb_member_key(record->group_number, series, key_data),
                   .mv_data = key_data};
    int error = entry_delete(txn, kind_tables->members, &key);
    if (error == 0) {
        error = group_find_member(txn, kind_tables->members, record->group_number);
    }
    if (error == MDB_NOTFOUND) {
        MDB_val group = lmdb_val_of(record->group);
        error = entry_delete(txn, kind_tables->groups, &group);
    }
    return error;
}

int lmdb_series_remove(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                       struct ds_bytes name, const struct series_record *record)
{
    /* The record's group is a view of the page that goes with the series. */
    if (market_kind_is_grouped(kind)) {
        const int error = member_remove(tables, txn, kind, name, record);
        if (error != 0) {
            return error;
        }
    }
    MDB_val key = lmdb_val_of(name);
    return entry_delete(txn, tables->kinds[kind].series, &key);
}
