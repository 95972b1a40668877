/* The series and groups that are stored: their tables, apart from their rows. */
#ifndef STORAGE_STORE_LMDB_SERIES_H
#define STORAGE_STORE_LMDB_SERIES_H

#include "storage/store/lmdb/lmdb_store.h"

/* What KIND.series says of a series. */
struct series_record {
    uint32_t number;
    uint32_t group_number; /* 0: the kind has no groups */
    struct ds_bytes group; /* a view of the table's page */
};

/* Reads a value of KIND.series; false where it is none. */
bool series_record_read(enum market_kind kind, const MDB_val *value,
                        struct series_record *ret_record);

/* What names the series in its group: of chains, else empty. False where the names don't fit. */
bool series_member_read(enum market_kind kind, struct ds_bytes name,
                        const struct series_record *record, struct market_tie *ret_member);

/* All return 0, MDB_NOTFOUND where there is none, or LMDB's error. */

int lmdb_series_find(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                     struct ds_bytes name, struct series_record *ret_record);

int lmdb_group_find(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                    struct ds_bytes name, uint32_t *ret_number);

/* Lists a series that is not there; the record's views are those given. */
int lmdb_series_add(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                    struct ds_bytes name, struct ds_bytes group, struct series_record *ret_record);

/* Forgets a series that has no rows, and its group where that was its last one. */
int lmdb_series_remove(const struct lmdb_tables *tables, MDB_txn *txn, enum market_kind kind,
                       struct ds_bytes name, const struct series_record *record);

/* A key of KIND.members. */
#define MEMBER_KEY_BYTES_MAX (LMDB_NUMBER_BYTES + MARKET_SERIES_BYTES_MAX)

size_t lmdb_member_key(uint32_t group_number, struct ds_bytes series, uint8_t *target);

#endif
