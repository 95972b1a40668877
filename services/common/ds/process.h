/* What the kernel knows of this process. Linux; any thread. */
#ifndef DS_PROCESS_H
#define DS_PROCESS_H

#include "ds/metrics.h"

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

/* A registry of these figures under the names that Prometheus's own clients use, and of the
 * program's name and version; `program` outlives it. */
struct ds_metrics *ds_process_metrics_create(const char *program);

#endif
