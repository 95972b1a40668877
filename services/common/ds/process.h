/* What the kernel knows of this process, and of others. Linux; any thread. */
#ifndef DS_PROCESS_H
#define DS_PROCESS_H

#include "ds/metrics.h"

#include <stdbool.h>

struct ds_process_view {
    uint64_t resident_bytes;  /* mapped files included, which the kernel may take back */
    uint64_t anonymous_bytes; /* what is the process's alone */
    uint64_t threads;
    uint64_t open_files; /* descriptors */
    uint64_t open_files_max;
    int64_t cpu_us;        /* user and system, of all threads */
    int64_t started_at_us; /* since 1970 */
    int64_t uptime_us;
};

/* What can't be read is 0. */
void ds_process_look(struct ds_process_view *ret_view);

/* What others may know of a process of the same user; CPU time comes in hundredths of a second. */
struct ds_process_use {
    uint64_t resident_bytes;
    uint64_t anonymous_bytes;
    uint64_t open_files; /* 0 where this user may not look */
    int64_t cpu_us;
    uint64_t start_ticks; /* since the machine's start: tells processes of one number apart */
};

/* False where there is none of that number, or it has ended. */
bool ds_process_look_at(int64_t process_id, struct ds_process_use *ret_use);

/* What a thread of this process has used; CPU time as above. */
struct ds_thread_use {
    int64_t thread_id; /* the kernel's */
    int64_t cpu_us;
};

/* Of the threads that there are, at most so many; returns how many. */
size_t ds_process_threads(struct ds_thread_use *ret_threads, size_t count_max);

/* A registry of these figures under the names that Prometheus's own clients use, and of the
 * program's name and version; `program` outlives it. */
struct ds_metrics *ds_process_metrics_create(const char *program);

#endif
