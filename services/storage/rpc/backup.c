/* StartBackup and ReadBackup. */
#include "ds/wire.h"
#include "storage/rpc/service.h"

/* Fields of ReadBackupResponse. */
enum {
    READ_DATA = 1,
    READ_DONE = 2,
};

static char *copy_id(struct ds_call *call, const char *id)
{
    return ds_arena_copy_text(ds_call_arena(call), id, strlen(id));
}

ds_code storage_start_backup(struct storage *storage, struct ds_call *call,
                             const Storage__StartBackupRequest *request,
                             Storage__StartBackupResponse *response)
{
    (void)request;
    char id[BACKUP_ID_BYTES_MAX];
    struct market_stats stats;
    ds_code code = storage->store->ops->stats(storage->store, &stats);
    if (code != DS_OK) {
        return storage_fail_store(storage, call, code);
    }
    code = backup_session_start(storage->backup, id);
    if (code == DS_UNIMPLEMENTED) {
        return ds_fail(call, code, "the %s store keeps nothing that could be backed up",
                       storage->store->ops->name);
    }
    if (code != DS_OK) {
        return ds_fail(
            call, code,
            "another backup is under way; a new one may begin when it is read to its end, "
            "or %d seconds after its last read",
            BACKUP_YIELD_MS / 1000);
    }
    response->backup_id = copy_id(call, id);
    /* Free pages that were never written are behind the file's end. */
    const uint64_t used_bytes =
        stats.file_bytes > stats.reusable_bytes ? stats.file_bytes - stats.reusable_bytes : 0;
    response->estimated_bytes = (int64_t)used_bytes + MARKET_BACKUP_HEADER_BYTES;
    return DS_OK;
}

/* A call that waits for its piece. */
struct piece_wait {
    struct storage *storage;
    struct ds_call *call;
};

static bool nobody_waits(void *context)
{
    const struct piece_wait *wait = context;
    return atomic_load(&wait->storage->stopping) || ds_call_is_abandoned(wait->call);
}

static void write_piece(void *context, struct ds_bytes piece, bool done)
{
    const struct piece_wait *wait = context;
    struct ds_buffer *reply = ds_call_raw_response(wait->call);
    ds_wire_write_bytes_field(reply, READ_DATA, piece);
    if (done) {
        ds_wire_write_varint_field(reply, READ_DONE, 1);
    }
}

static ds_code fail_read(struct storage *storage, struct ds_call *call, ds_code code,
                         uint64_t offset)
{
    switch (code) {
    case DS_NOT_FOUND:
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND),
                              "there is no such backup, or it ended because nobody read it for %d "
                              "seconds, or for %d when another one was started",
                              BACKUP_IDLE_MS / 1000, BACKUP_YIELD_MS / 1000);
    case DS_OUT_OF_RANGE:
        return ds_fail_field(call, "offset",
                             "offset must be %llu: a backup is read in its order, and the newest "
                             "piece can be read once more",
                             (unsigned long long)offset);
    case DS_CANCELLED:
        DS_TRY(ds_fail_if_abandoned(call));
        return ds_fail(call, DS_UNAVAILABLE, "the service stops, and the backup with it");
    default:
        return storage_fail_store(storage, call, code);
    }
}

ds_code storage_read_backup(struct storage *storage, struct ds_call *call,
                            const Storage__ReadBackupRequest *request,
                            Storage__ReadBackupResponse *response)
{
    (void)response;
    if (request->offset < 0) {
        return ds_fail_field(call, "offset", "offset must not be negative");
    }
    struct piece_wait wait = {.storage = storage, .call = call};
    const struct backup_read read = {.id = request->backup_id,
                                     .offset = (uint64_t)request->offset,
                                     .should_stop = nobody_waits,
                                     .take = write_piece,
                                     .context = &wait};
    uint64_t offset = 0;
    const ds_code code = backup_session_read(storage->backup, &read, &offset);
    return code == DS_OK ? DS_OK : fail_read(storage, call, code, offset);
}
