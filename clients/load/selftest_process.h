/*
 * A stub in a process of its own, so that the CPU time of this one is the client's alone. To be
 * started while this process has only one thread.
 */
#ifndef LOAD_SELFTEST_PROCESS_H
#define LOAD_SELFTEST_PROCESS_H

#include "clients/load/selftest_stubs.h"

#include <stdbool.h>
#include <sys/types.h>

struct selftest_process {
    pid_t id;    /* 0: none */
    int control; /* whose end the stub ends with */
    struct selftest_counts *counts;
    char url[SELFTEST_URL_BYTES_MAX];
};

/* False after telling on stderr. `stall`: of REST; NULL: none. */
bool selftest_process_start(struct selftest_process *process, bool is_rest,
                            const struct selftest_stall *stall);

/* Takes one that was not started. */
void selftest_process_stop(struct selftest_process *process);

/* All that the stub has counted. */
uint64_t selftest_counted(const struct selftest_counts *counts);

void selftest_counts_clear(struct selftest_counts *counts);

#endif
