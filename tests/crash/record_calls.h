/*
 * A log of all that a program does to the files of one folder: the calls are this program's own, as
 * in fault_calls.h, and each is noted in the order in which the system took it. What the program
 * promised to others is marked in the same log. disk_image.h makes of it what a disk may hold after
 * a power cut. Files that are written through a map (LMDB's lock.mdb) have no writes here.
 */
#ifndef TESTS_CRASH_RECORD_CALLS_H
#define TESTS_CRASH_RECORD_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FILES_MAX 64
#define RECORD_NAME_BYTES_MAX 64
/* What a disk writes as a whole. */
#define RECORD_SECTOR_BYTES 512
/* The folder that is recorded, as a file's number. */
#define RECORD_TOP 0

enum record_kind {
    RECORD_WRITE,    /* whole sectors, as they are after the write */
    RECORD_TRUNCATE, /* also where it makes the file longer */
    RECORD_SYNC,     /* of a file's bytes and size, or of a folder's names */
    RECORD_LINK,     /* a new name for a new file or folder */
    RECORD_UNLINK,
    RECORD_RENAME,
    RECORD_BEGIN, /* the workload: the next of its changes begins */
    RECORD_DONE,  /* the oldest change under way was acknowledged */
};

struct record_event {
    enum record_kind kind;
    bool is_synced;  /* RECORD_WRITE: durable when the call returned (O_DSYNC) */
    uint32_t file;   /* number of the file; for names of their folder */
    uint32_t target; /* RECORD_LINK: what gets the name. RECORD_RENAME: the folder it goes to */
    uint64_t offset; /* RECORD_WRITE: a multiple of RECORD_SECTOR_BYTES */
    uint64_t size;   /* RECORD_WRITE: of `bytes`; RECORD_TRUNCATE: of the file */
    uint64_t end;    /* RECORD_WRITE: of the file afterwards where that got longer, else 0 */
    uint8_t *bytes;  /* RECORD_WRITE */
    char name[RECORD_NAME_BYTES_MAX];
    char new_name[RECORD_NAME_BYTES_MAX]; /* RECORD_RENAME */
};

struct record_log {
    struct record_event *events;
    size_t count;
    size_t capacity;
    uint32_t file_count;
    bool is_folder[RECORD_FILES_MAX];
};

/* Syncs that are not what they say, for a proof that it is noticed. */
enum record_lie {
    RECORD_TRUTH,
    RECORD_NO_META_SYNC, /* writes to descriptors with O_DSYNC are not durable: MDB_NOMETASYNC */
    RECORD_NO_SYNC,      /* nor does fdatasync make anything so: MDB_NOSYNC */
};

/* From here on the empty folder `top` and all that gets into it is recorded. */
void record_start(const char *top, enum record_lie lie);

/* Ends it and hands the log out; record_log_free() takes it back. */
struct record_log *record_stop(void);
void record_log_free(struct record_log *log);

/* RECORD_BEGIN or RECORD_DONE, from any thread. */
void record_mark(enum record_kind kind);

/* How many events there are so far. */
size_t record_count(void);

#endif
