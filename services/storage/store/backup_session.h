/*
 * The backup that is under way: at most one. A thread writes it, callers fetch it piece by piece,
 * and whoever did not get an answer fetches the newest piece once more. It ends, and gives back all
 * that it holds, when nobody has read for BACKUP_IDLE_MS or it has gone on for BACKUP_LIFE_MS: a
 * snapshot of the store is open for so long. One that nobody has read for BACKUP_YIELD_MS gives way
 * to another: its reader was most likely interrupted.
 */
#ifndef STORAGE_STORE_BACKUP_SESSION_H
#define STORAGE_STORE_BACKUP_SESSION_H

#include "storage/store/backup.h"

#define BACKUP_IDLE_MS 60000
#define BACKUP_YIELD_MS 10000
#define BACKUP_LIFE_MS (2 * 3600 * 1000)
/* Of a piece that one read gives. */
#define BACKUP_READ_BYTES_MAX (1024 * 1024)
/* 32 hexadecimal digits and their end. */
#define BACKUP_ID_BYTES_MAX 33

struct backup_session;

/* What a caller wants of a backup. */
struct backup_read {
    const char *id;
    uint64_t offset; /* the end of what was read, or where the newest piece began */
    /* Asked while it waits; true ends the read with DS_CANCELLED. */
    bool (*should_stop)(void *context);
    /* Takes the piece, which dies with the call; `done`: nothing comes behind it. */
    void (*take)(void *context, struct ds_bytes piece, bool done);
    void *context;
};

/* `store` and `clock` outlive the session. */
struct backup_session *backup_session_create(struct market_store *store,
                                             const struct ds_clock *clock);
/* Ends what is under way; nobody may call meanwhile. Takes NULL. */
void backup_session_destroy(struct backup_session *session);

/* Begins a backup. DS_FAILED_PRECONDITION while another is being read, DS_UNIMPLEMENTED where the
 * store has none. Any thread; waits for the end of one that gives way. */
DS_MUST_USE ds_code backup_session_start(struct backup_session *session,
                                         char ret_id[BACKUP_ID_BYTES_MAX]);

/*
 * Waits for the piece and hands it out. DS_NOT_FOUND: there is no such backup (any more);
 * DS_OUT_OF_RANGE: another offset was due, which goes to ret_offset; DS_CANCELLED; else what the
 * store said. Any thread.
 */
DS_MUST_USE ds_code backup_session_read(struct backup_session *session,
                                        const struct backup_read *read, uint64_t *ret_offset);

#endif
