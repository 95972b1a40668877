/*
 * The calls that write to files, as this program's own, so that the n-th of them can fail. The
 * program's symbols come before those of every shared library, liblmdb.so's callers included.
 * Standard streams are left alone.
 */
#ifndef TESTS_CRASH_FAULT_CALLS_H
#define TESTS_CRASH_FAULT_CALLS_H

#include <stdbool.h>
#include <stddef.h>

enum fault_kind {
    FAULT_EIO,
    FAULT_ENOSPC,
    FAULT_SHORT, /* half of what is to be written; syncs are not counted then */
    FAULT_KIND_COUNT,
};

extern const char *const fault_kind_names[FAULT_KIND_COUNT];

/* What became of a fault. */
struct fault_report {
    size_t call_count;     /* since fault_arm() */
    bool is_hit;           /* the n-th call came */
    const char *call_name; /* of that call */
    bool is_sync;          /* it was a sync, or a write that syncs (LMDB's meta page) */
    bool is_pipe;          /* it wrote into a pipe */
};

/* From here on calls are counted, and the n-th fails once; n 0: none fails. Any thread. */
void fault_arm(enum fault_kind kind, size_t n);

/* From here on nothing is counted. */
struct fault_report fault_disarm(void);

/* What has been so far. */
struct fault_report fault_look(void);

#endif
