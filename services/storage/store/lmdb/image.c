/*
 * The image of the store: LMDB's compacting copy, which leaves out what is free and numbers the
 * pages anew. LMDB writes it to a descriptor and takes a snapshot of its own, so it runs on a
 * thread of its own into a pipe that is emptied here.
 *
 * Debian's LMDB refuses to compact a file in which pages got lost: that is DS_DATA_LOSS, and the
 * log says so.
 */
#include "ds/log.h"
#include "storage/store/lmdb/lmdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define IMAGE_PIECE_BYTES (256 * 1024)

/* The thread that copies. */
struct image_copy {
    MDB_env *env;
    int fd; /* of the pipe; the thread's own */
    pthread_t thread;
    int error; /* there once the thread has ended */
};

static void *copy_run(void *argument)
{
    struct image_copy *copy = argument;
    copy->error = mdb_env_copyfd2(copy->env, copy->fd, MDB_CP_COMPACT);
    close(copy->fd);
    return NULL;
}

/* Signals are for the program's other threads; that the pipe broke is told by EPIPE. */
static void copy_start(struct image_copy *copy)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&copy->thread, NULL, copy_run, copy);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        abort();
    }
    pthread_setname_np(copy->thread, "store-image");
}

static int rows_count(struct lmdb_store *store, MDB_txn *txn, uint64_t *ret_row_count)
{
    uint64_t row_count = 0;
    for (int kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        MDB_stat table;
        const int error = mdb_stat(txn, store->tables.kinds[kind].rows, &table);
        if (error != 0) {
            return error;
        }
        row_count += table.ms_entries;
    }
    *ret_row_count = row_count;
    return 0;
}

/*
 * Starts the copy and counts what will be in it. A write transaction that writes nothing holds
 * commits back until the first bytes are there: then the copy has its snapshot, and it is the one
 * that was counted.
 */
static int copy_begin(struct lmdb_store *store, struct image_copy *copy, int pipe_fd,
                      uint64_t *ret_row_count)
{
    MDB_txn *hold;
    int error = mdb_txn_begin(store->env, NULL, 0, &hold);
    if (error != 0) {
        return error;
    }
    error = rows_count(store, hold, ret_row_count);
    if (error == 0) {
        copy_start(copy);
        struct pollfd first = {.fd = pipe_fd, .events = POLLIN};
        while (poll(&first, 1, -1) < 0 && errno == EINTR) {
        }
    }
    mdb_txn_abort(hold);
    return error;
}

/* Hands out what comes through the pipe until its end. */
static ds_code pipe_empty(int pipe_fd, struct market_image *image)
{
    uint8_t *piece = malloc(IMAGE_PIECE_BYTES);
    if (piece == NULL) {
        abort();
    }
    ds_code code = DS_OK;
    while (code == DS_OK) {
        const ssize_t size = read(pipe_fd, piece, IMAGE_PIECE_BYTES);
        if (size == 0) {
            break;
        }
        if (size > 0) {
            image->bytes += (uint64_t)size;
            code = image->take(image->context, ds_bytes_of(piece, (size_t)size));
        } else if (errno != EINTR) {
            code = DS_UNAVAILABLE;
        }
    }
    free(piece);
    return code;
}

static ds_code copy_judge(int error)
{
    if (error == 0) {
        return DS_OK;
    }
    ds_log(DS_LOG_ERROR, "store_image_failed", DS_LOG_TEXT("reason", mdb_strerror(error)));
    return error == MDB_INCOMPATIBLE ? DS_DATA_LOSS : lmdb_code_of(error);
}

ds_code lmdb_write_image(struct market_store *store, struct market_image *image)
{
    struct lmdb_store *lmdb = lmdb_store_of(store);
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        return DS_RESOURCE_EXHAUSTED;
    }
    /* A smaller pipe does too. */
    (void)fcntl(pipe_fds[1], F_SETPIPE_SZ, IMAGE_PIECE_BYTES);
    struct image_copy copy = {.env = lmdb->env, .fd = pipe_fds[1]};
    image->bytes = 0;
    const int error = copy_begin(lmdb, &copy, pipe_fds[0], &image->row_count);
    if (error != 0) {
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        return lmdb_code_of(error);
    }
    const ds_code code = pipe_empty(pipe_fds[0], image);
    close(pipe_fds[0]);
    pthread_join(copy.thread, NULL);
    return code != DS_OK ? code : copy_judge(copy.error);
}
