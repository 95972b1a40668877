/*
 * Read transactions, kept and renewed: making one costs more than a short read. With MDB_NOTLS any
 * thread may use any of them.
 */
#include "storage/store/lmdb/lmdb_store.h"

#include <stdlib.h>

void lmdb_readers_init(struct lmdb_readers *readers)
{
    *readers = (struct lmdb_readers){.idle = NULL};
    pthread_mutex_init(&readers->lock, NULL);
}

static void reader_destroy(struct lmdb_reader *reader)
{
    for (size_t kind = 0; kind <= MARKET_KIND_MAX; kind++) {
        if (reader->rows[kind] != NULL) {
            mdb_cursor_close(reader->rows[kind]);
        }
    }
    if (reader->by_group != NULL) {
        mdb_cursor_close(reader->by_group);
    }
    if (reader->txn != NULL) {
        mdb_txn_abort(reader->txn);
    }
    free(reader);
}

void lmdb_readers_deinit(struct lmdb_readers *readers)
{
    while (readers->idle != NULL) {
        struct lmdb_reader *reader = readers->idle;
        readers->idle = reader->next;
        reader_destroy(reader);
    }
    pthread_mutex_destroy(&readers->lock);
}

/* An idle reader, or NULL with a place reserved for a new one, or DS_RESOURCE_EXHAUSTED. */
static ds_code reader_take(struct lmdb_readers *readers, struct lmdb_reader **ret_reader)
{
    ds_code code = DS_OK;
    pthread_mutex_lock(&readers->lock);
    struct lmdb_reader *reader = readers->idle;
    if (reader != NULL) {
        readers->idle = reader->next;
    } else if (readers->count < LMDB_READERS_MAX) {
        readers->count++;
    } else {
        code = DS_RESOURCE_EXHAUSTED;
    }
    pthread_mutex_unlock(&readers->lock);
    *ret_reader = reader;
    return code;
}

static void reader_forget(struct lmdb_readers *readers, struct lmdb_reader *reader)
{
    reader_destroy(reader);
    pthread_mutex_lock(&readers->lock);
    readers->count--;
    pthread_mutex_unlock(&readers->lock);
}

ds_code lmdb_reader_begin(struct lmdb_store *store, struct lmdb_reader **ret_reader)
{
    struct lmdb_reader *reader;
    DS_TRY(reader_take(&store->readers, &reader));
    int error;
    if (reader != NULL) {
        error = mdb_txn_renew(reader->txn);
    } else {
        reader = calloc(1, sizeof(*reader));
        if (reader == NULL) {
            abort();
        }
        error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &reader->txn);
    }
    if (error != 0) {
        reader_forget(&store->readers, reader);
        return lmdb_code_of(error);
    }
    *ret_reader = reader;
    return DS_OK;
}

void lmdb_reader_end(struct lmdb_store *store, struct lmdb_reader *reader)
{
    mdb_txn_reset(reader->txn);
    pthread_mutex_lock(&store->readers.lock);
    reader->next = store->readers.idle;
    store->readers.idle = reader;
    pthread_mutex_unlock(&store->readers.lock);
}
