#include "lmdb_edit.h"

#include "support/test.h"

#include <lmdb.h>

#define TABLES_MAX 32

static MDB_txn *file_open(const char *folder, MDB_env **ret_env)
{
    MDB_txn *txn;
    assert_int_equal(mdb_env_create(ret_env), 0);
    assert_int_equal(mdb_env_set_maxdbs(*ret_env, TABLES_MAX), 0);
    assert_int_equal(mdb_env_open(*ret_env, folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(*ret_env, NULL, 0, &txn), 0);
    return txn;
}

static MDB_val val_of(struct ds_bytes bytes)
{
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

/* `value` NULL: deletes the entry. */
static void entry_change(const char *folder, const char *table, struct ds_bytes key_bytes,
                         const struct ds_bytes *value_bytes)
{
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *txn = file_open(folder, &env);
    MDB_val key = val_of(key_bytes);
    assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
    if (value_bytes == NULL) {
        assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
    } else {
        MDB_val value = val_of(*value_bytes);
        assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

bool lmdb_table_exists(const char *folder, const char *table)
{
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *txn = file_open(folder, &env);
    const int error = mdb_dbi_open(txn, table, 0, &dbi);
    assert_true(error == 0 || error == MDB_NOTFOUND);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return error == 0;
}

void lmdb_entry_put(const char *folder, const char *table, struct ds_bytes key,
                    struct ds_bytes value)
{
    entry_change(folder, table, key, &value);
}

void lmdb_entry_delete(const char *folder, const char *table, struct ds_bytes key)
{
    entry_change(folder, table, key, NULL);
}
