/*
 * What tells our file from another one. Table `meta`:
 *   magic           FORMAT_MAGIC
 *   format_version  4 bytes, big endian
 *   uuid            16 bytes: names this store among others (RFC 9562 version 4)
 *   created_us      8 bytes, big endian: microseconds since 1970
 *   series_id.KIND  4 bytes, big endian: the newest number of a series (series.c)
 *   group_id.KIND   the same of a group
 */
#include "ds/log.h"
#include "storage/store/lmdb/lmdb_store.h"

#include <sodium.h>
#include <stdio.h>

#define FORMAT_MAGIC "DeltaStream market store"
/* Formats from this one on are changed to today's (migrate.c). */
#define FORMAT_VERSION_MIN 1
#define UUID_BYTES 16
#define TABLE_NAME_MAX 32

enum format_state {
    FORMAT_NONE,    /* an empty file */
    FORMAT_OURS,    /* version in *ret_version */
    FORMAT_FOREIGN, /* something else */
};

static MDB_val text_val(const char *text)
{
    return lmdb_val_of(ds_bytes_of_text(text));
}

static int meta_put(MDB_txn *txn, MDB_dbi meta, const char *name, struct ds_bytes bytes)
{
    MDB_val key = text_val(name);
    MDB_val value = lmdb_val_of(bytes);
    return mdb_put(txn, meta, &key, &value, 0);
}

static int meta_get(MDB_txn *txn, MDB_dbi meta, const char *name, struct ds_bytes *ret_bytes)
{
    MDB_val key = text_val(name);
    MDB_val value;
    const int error = mdb_get(txn, meta, &key, &value);
    if (error == 0) {
        *ret_bytes = lmdb_bytes_of(&value);
    }
    return error;
}

/* Reads the marker; a file without tables is FORMAT_NONE. */
static int format_read(MDB_txn *txn, enum format_state *ret_state, uint32_t *ret_version)
{
    MDB_dbi meta;
    int error = mdb_dbi_open(txn, "meta", 0, &meta);
    if (error == MDB_NOTFOUND) {
        MDB_dbi main_table;
        MDB_stat stat;
        error = mdb_dbi_open(txn, NULL, 0, &main_table);
        if (error == 0) {
            error = mdb_stat(txn, main_table, &stat);
        }
        if (error == 0) {
            *ret_state = stat.ms_entries == 0 ? FORMAT_NONE : FORMAT_FOREIGN;
        }
        return error;
    }
    if (error == MDB_INCOMPATIBLE) {
        *ret_state = FORMAT_FOREIGN;
        return 0;
    }
    struct ds_bytes magic = {0};
    struct ds_bytes version = {0};
    if (error == 0) {
        error = meta_get(txn, meta, "magic", &magic);
    }
    if (error == 0) {
        error = meta_get(txn, meta, "format_version", &version);
    }
    if (error != 0 && error != MDB_NOTFOUND) {
        return error;
    }
    if (error == MDB_NOTFOUND || !ds_bytes_equal_text(magic, FORMAT_MAGIC) || version.size != 4) {
        *ret_state = FORMAT_FOREIGN;
        return 0;
    }
    *ret_state = FORMAT_OURS;
    *ret_version = lmdb_get_u32(version.data);
    return 0;
}

static int version_write(MDB_txn *txn, MDB_dbi meta)
{
    uint8_t version[4];
    lmdb_put_u32(version, LMDB_FORMAT_VERSION);
    return meta_put(txn, meta, "format_version", ds_bytes_of(version, sizeof(version)));
}

static int format_write(MDB_txn *txn, MDB_dbi meta, const struct ds_clock *clock)
{
    uint8_t created[8];
    uint8_t uuid[UUID_BYTES];
    lmdb_put_u64(created, (uint64_t)ds_clock_wall_us(clock));
    randombytes_buf(uuid, sizeof(uuid));
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);

    int error = meta_put(txn, meta, "magic", ds_bytes_of_text(FORMAT_MAGIC));
    if (error == 0) {
        error = version_write(txn, meta);
    }
    if (error == 0) {
        error = meta_put(txn, meta, "uuid", ds_bytes_of(uuid, sizeof(uuid)));
    }
    if (error == 0) {
        error = meta_put(txn, meta, "created_us", ds_bytes_of(created, sizeof(created)));
    }
    return error;
}

/* The store's id as text. */
static int id_read(MDB_txn *txn, MDB_dbi meta, char ret_id[MARKET_STORE_ID_BYTES_MAX])
{
    struct ds_bytes uuid;
    const int error = meta_get(txn, meta, "uuid", &uuid);
    if (error != 0) {
        return error;
    }
    if (uuid.size != UUID_BYTES) {
        return MDB_CORRUPTED;
    }
    char *next = ret_id;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        const bool is_group_end = i == 4 || i == 6 || i == 8 || i == 10;
        next += sprintf(next, is_group_end ? "-%02x" : "%02x", uuid.data[i]);
    }
    return 0;
}

static int table_open(MDB_txn *txn, enum market_kind kind, const char *part, unsigned int flags,
                      MDB_dbi *ret_table)
{
    char name[TABLE_NAME_MAX];
    snprintf(name, sizeof(name), "%s%s", market_kind_name(kind), part);
    return mdb_dbi_open(txn, name, flags, ret_table);
}

static int kind_tables_open(MDB_txn *txn, enum market_kind kind, unsigned int flags,
                            struct lmdb_kind_tables *ret_tables)
{
    int error = table_open(txn, kind, "", flags, &ret_tables->rows);
    if (error == 0) {
        error = table_open(txn, kind, ".series", flags, &ret_tables->series);
    }
    if (error == 0 && market_kind_is_grouped(kind)) {
        error = table_open(txn, kind, ".groups", flags, &ret_tables->groups);
    }
    if (error == 0 && market_kind_is_grouped(kind)) {
        error = table_open(txn, kind, ".members", flags, &ret_tables->members);
    }
    if (error == 0 && kind == MARKET_CHAINS) {
        error = table_open(txn, kind, ".by_group", flags, &ret_tables->by_group);
    }
    return error;
}

static int tables_open(MDB_txn *txn, unsigned int flags, struct lmdb_tables *ret_tables)
{
    int error = mdb_dbi_open(txn, "meta", flags, &ret_tables->meta);
    for (int kind = MARKET_KIND_FIRST; error == 0 && kind <= MARKET_KIND_MAX; kind++) {
        error = kind_tables_open(txn, (enum market_kind)kind, flags, &ret_tables->kinds[kind]);
    }
    return error;
}

static ds_code format_judge(const char *path, enum format_state state, uint32_t version,
                            char *ret_reason, size_t reason_bytes_max)
{
    if (state == FORMAT_FOREIGN) {
        snprintf(
            ret_reason, reason_bytes_max,
            "data folder %s: data.mdb belongs to something else; name an empty or a new folder",
            path);
        return DS_FAILED_PRECONDITION;
    }
    if (state == FORMAT_OURS && version > LMDB_FORMAT_VERSION) {
        snprintf(ret_reason, reason_bytes_max,
                 "data folder %s: has format %u, newer than format %d, the newest that this "
                 "version reads; start the version that wrote it",
                 path, version, LMDB_FORMAT_VERSION);
        return DS_FAILED_PRECONDITION;
    }
    if (state == FORMAT_OURS && version < FORMAT_VERSION_MIN) {
        snprintf(ret_reason, reason_bytes_max,
                 "data folder %s: has format %u, older than format %d, the oldest that this "
                 "version reads",
                 path, version, FORMAT_VERSION_MIN);
        return DS_FAILED_PRECONDITION;
    }
    return DS_OK;
}

static ds_code format_failure(const char *path, int error, char *ret_reason,
                              size_t reason_bytes_max)
{
    snprintf(ret_reason, reason_bytes_max, "data folder %s: data.mdb: %s", path,
             mdb_strerror(error));
    return lmdb_code_of(error);
}

/* Makes the tables of a file that is empty, changes those of an older format, opens the others. */
static int format_ready(struct lmdb_store *store, MDB_txn *txn, enum format_state state,
                        uint32_t version)
{
    const bool is_current = state == FORMAT_OURS && version == LMDB_FORMAT_VERSION;
    struct lmdb_tables *tables = &store->tables;
    int error = tables_open(txn, is_current ? 0 : MDB_CREATE, tables);
    if (error == 0 && state == FORMAT_NONE) {
        error = format_write(txn, tables->meta, store->clock);
    } else if (error == 0 && !is_current) {
        error = lmdb_format_migrate(txn, tables, version);
        if (error == 0) {
            error = version_write(txn, tables->meta);
        }
    }
    return error == 0 ? id_read(txn, tables->meta, store->store_id) : error;
}

ds_code lmdb_format_open(struct lmdb_store *store, const char *path, char *ret_reason,
                         size_t reason_bytes_max)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (error != 0) {
        return format_failure(path, error, ret_reason, reason_bytes_max);
    }
    enum format_state state = FORMAT_NONE;
    uint32_t version = 0;
    error = format_read(txn, &state, &version);
    const ds_code code = error != 0
                             ? format_failure(path, error, ret_reason, reason_bytes_max)
                             : format_judge(path, state, version, ret_reason, reason_bytes_max);
    if (code != DS_OK) {
        mdb_txn_abort(txn);
        return code;
    }
    error = format_ready(store, txn, state, version);
    if (error != 0) {
        mdb_txn_abort(txn);
        return format_failure(path, error, ret_reason, reason_bytes_max);
    }
    error = mdb_txn_commit(txn);
    if (error != 0) {
        return format_failure(path, error, ret_reason, reason_bytes_max);
    }
    if (state == FORMAT_OURS && version != LMDB_FORMAT_VERSION) {
        ds_log(DS_LOG_INFO, "store_format_changed", DS_LOG_INT("from", version),
               DS_LOG_INT("to", LMDB_FORMAT_VERSION));
    }
    return DS_OK;
}

static bool env_is_ours(MDB_env *env)
{
    MDB_txn *txn;
    if (!lmdb_file_is_whole(env) || mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0) {
        return false;
    }
    enum format_state state = FORMAT_FOREIGN;
    uint32_t version;
    const int error = format_read(txn, &state, &version);
    mdb_txn_abort(txn);
    return error == 0 && state == FORMAT_OURS;
}

bool lmdb_format_is_ours(const char *path)
{
    MDB_env *env;
    if (mdb_env_create(&env) != 0) {
        return false;
    }
    /* With these flags LMDB writes nothing, and no lock file. */
    const unsigned int flags = MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS;
    const bool is_ours = mdb_env_set_maxdbs(env, LMDB_TABLES_MAX) == 0 &&
                         mdb_env_open(env, path, flags, 0) == 0 && env_is_ours(env);
    mdb_env_close(env);
    return is_ours;
}
