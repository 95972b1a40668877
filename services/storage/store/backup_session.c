#include "storage/store/backup_session.h"

#include "ds/buffer.h"
#include "ds/log.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ID_BYTES 16
/* How soon the thread sees that its time is over, and a reader that nobody waits for it. */
#define WRITER_LOOKS_MS 1000
#define READER_LOOKS_MS 50

struct backup_session {
    struct market_store *store;
    const struct ds_clock *clock;

    /* Guards all that follows. */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* waited for on the monotonic clock */
    pthread_t thread;
    bool has_thread; /* it is to be joined */
    bool is_active;  /* the thread has a backup under way, or its end is kept to be read again */
    bool is_ending;
    char id[BACKUP_ID_BYTES_MAX];
    int64_t started_us; /* monotonic */
    int64_t read_us;
    bool is_written; /* all of it, with this code */
    ds_code code;
    bool is_read; /* to its end */
    struct ds_buffer next;
    struct ds_buffer newest; /* the piece that was read last */
    bool has_newest;
    uint64_t newest_offset;
    uint64_t next_offset;
};

struct backup_session *backup_session_create(struct market_store *store,
                                             const struct ds_clock *clock)
{
    struct backup_session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        abort();
    }
    session->store = store;
    session->clock = clock;
    pthread_cond_init(&session->changed, NULL);
    pthread_mutex_init(&session->lock, NULL);
    ds_buffer_init(&session->next, BACKUP_READ_BYTES_MAX);
    ds_buffer_init(&session->newest, BACKUP_READ_BYTES_MAX);
    return session;
}

/* Waits for a change, at most for so long. */
static void wait_locked(struct backup_session *session, int64_t milliseconds)
{
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    ds_clock_wait_until(&session->changed, &session->lock, now_us + milliseconds * 1000);
}

/* Whether nobody has read for so long. */
static bool is_idle_locked(const struct backup_session *session, int64_t milliseconds)
{
    return ds_clock_monotonic_us(session->clock) - session->read_us >= milliseconds * 1000;
}

static bool is_over_locked(const struct backup_session *session)
{
    const int64_t now_us = ds_clock_monotonic_us(session->clock);
    return session->is_ending || is_idle_locked(session, BACKUP_IDLE_MS) ||
           now_us - session->started_us >= BACKUP_LIFE_MS * INT64_C(1000);
}

/* Waits until the next piece has room or the backup is over. */
static bool room_wait_locked(struct backup_session *session)
{
    while (session->next.size == BACKUP_READ_BYTES_MAX) {
        if (is_over_locked(session)) {
            return false;
        }
        wait_locked(session, WRITER_LOOKS_MS);
    }
    return !is_over_locked(session);
}

static ds_code take_bytes(void *context, struct ds_bytes bytes)
{
    struct backup_session *session = context;
    ds_code code = DS_OK;
    pthread_mutex_lock(&session->lock);
    while (code == DS_OK && bytes.size > 0) {
        if (!room_wait_locked(session)) {
            code = DS_CANCELLED;
            break;
        }
        const size_t room = BACKUP_READ_BYTES_MAX - session->next.size;
        const size_t size = bytes.size < room ? bytes.size : room;
        ds_buffer_append(&session->next, bytes.data, size);
        bytes = ds_bytes_of(bytes.data + size, bytes.size - size);
        if (session->next.size == BACKUP_READ_BYTES_MAX) {
            pthread_cond_broadcast(&session->changed);
        }
    }
    pthread_mutex_unlock(&session->lock);
    return code;
}

static void *session_run(void *argument)
{
    struct backup_session *session = argument;
    struct market_backup backup = {.row_count = 0};
    const ds_code code =
        market_backup_write(session->store, session->clock, take_bytes, session, &backup);
    pthread_mutex_lock(&session->lock);
    session->is_written = true;
    session->code = code;
    pthread_cond_broadcast(&session->changed);
    while (!is_over_locked(session)) {
        wait_locked(session, WRITER_LOOKS_MS);
    }
    if (session->is_read) {
        ds_log(DS_LOG_INFO, "backup_done", DS_LOG_INT("rows", backup.row_count),
               DS_LOG_INT("bytes", session->next_offset));
    } else {
        ds_log(DS_LOG_WARNING, "backup_ended_early", DS_LOG_TEXT("code", ds_code_name(code)),
               DS_LOG_INT("bytes_read", session->next_offset));
    }
    session->is_active = false;
    ds_buffer_deinit(&session->next);
    ds_buffer_deinit(&session->newest);
    pthread_cond_broadcast(&session->changed);
    pthread_mutex_unlock(&session->lock);
    return NULL;
}

static void session_end_locked(struct backup_session *session)
{
    session->is_ending = true;
    pthread_cond_broadcast(&session->changed);
    while (session->is_active) {
        wait_locked(session, WRITER_LOOKS_MS);
    }
    if (session->has_thread) {
        pthread_join(session->thread, NULL);
        session->has_thread = false;
    }
    session->is_ending = false;
}

void backup_session_destroy(struct backup_session *session)
{
    if (session == NULL) {
        return;
    }
    pthread_mutex_lock(&session->lock);
    session_end_locked(session);
    pthread_mutex_unlock(&session->lock);
    pthread_cond_destroy(&session->changed);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

static void thread_start_locked(struct backup_session *session)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&session->thread, NULL, session_run, session) != 0) {
        abort();
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_setname_np(session->thread, "backup");
    session->has_thread = true;
}

static void session_begin_locked(struct backup_session *session)
{
    uint8_t id[ID_BYTES];
    randombytes_buf(id, sizeof(id));
    sodium_bin2hex(session->id, sizeof(session->id), id, sizeof(id));
    session->started_us = ds_clock_monotonic_us(session->clock);
    session->read_us = session->started_us;
    session->is_active = true;
    session->is_written = false;
    session->is_read = false;
    session->has_newest = false;
    session->newest_offset = 0;
    session->next_offset = 0;
    thread_start_locked(session);
}

ds_code backup_session_start(struct backup_session *session, char ret_id[BACKUP_ID_BYTES_MAX])
{
    if (session->store->ops->write_image == NULL) {
        return DS_UNIMPLEMENTED;
    }
    ds_code code = DS_OK;
    pthread_mutex_lock(&session->lock);
    /* One that ends right now belongs to another caller who starts one. */
    const bool has_failed = session->is_written && session->code != DS_OK;
    const bool is_free = !session->is_ending &&
                         (!session->is_active || session->is_read || has_failed ||
                          is_idle_locked(session, BACKUP_YIELD_MS) || is_over_locked(session));
    if (is_free) {
        session_end_locked(session);
        session_begin_locked(session);
        memcpy(ret_id, session->id, sizeof(session->id));
    } else {
        code = DS_FAILED_PRECONDITION;
    }
    pthread_mutex_unlock(&session->lock);
    return code;
}

static bool is_the_one_locked(const struct backup_session *session, const char *id)
{
    return session->is_active && !is_over_locked(session) && strcmp(session->id, id) == 0;
}

/* Makes the next piece the newest one. */
static void piece_turn_locked(struct backup_session *session)
{
    const struct ds_buffer old = session->newest;
    session->newest = session->next;
    session->next = old;
    ds_buffer_clear(&session->next);
    session->has_newest = true;
    session->newest_offset = session->next_offset;
    session->next_offset += session->newest.size;
    session->is_read = session->is_written;
    pthread_cond_broadcast(&session->changed);
}

/* DS_OK: the newest piece is the one that is wanted. */
static ds_code piece_wait_locked(struct backup_session *session, const struct backup_read *read,
                                 uint64_t *ret_offset)
{
    for (;;) {
        if (!is_the_one_locked(session, read->id)) {
            return DS_NOT_FOUND;
        }
        if (session->has_newest && read->offset == session->newest_offset) {
            return DS_OK;
        }
        if (read->offset != session->next_offset || session->is_read) {
            *ret_offset = session->is_read ? session->newest_offset : session->next_offset;
            return DS_OUT_OF_RANGE;
        }
        if (session->is_written && session->code != DS_OK) {
            return session->code;
        }
        if (session->is_written || session->next.size == BACKUP_READ_BYTES_MAX) {
            piece_turn_locked(session);
            return DS_OK;
        }
        if (read->should_stop(read->context)) {
            return DS_CANCELLED;
        }
        wait_locked(session, READER_LOOKS_MS);
        /* Waiting for a piece is reading too, however long the disk takes for it. */
        if (is_the_one_locked(session, read->id)) {
            session->read_us = ds_clock_monotonic_us(session->clock);
        }
    }
}

ds_code backup_session_read(struct backup_session *session, const struct backup_read *read,
                            uint64_t *ret_offset)
{
    pthread_mutex_lock(&session->lock);
    if (is_the_one_locked(session, read->id)) {
        session->read_us = ds_clock_monotonic_us(session->clock);
    }
    const ds_code code = piece_wait_locked(session, read, ret_offset);
    if (code == DS_OK) {
        session->read_us = ds_clock_monotonic_us(session->clock);
        read->take(read->context, ds_buffer_bytes(&session->newest), session->is_read);
    }
    pthread_mutex_unlock(&session->lock);
    return code;
}
