/*
 * What a run has measured. The engine's threads count for themselves; load_run_look() of run.h
 * merges them into this, during the run and at its end. Reports are made of nothing else.
 *
 * Of every operation holds: planned = ok + failed + timed_out + unsent + under way.
 */
#ifndef LOAD_RESULT_H
#define LOAD_RESULT_H

#include "clients/load/histogram.h"
#include "clients/load/plan.h"

#define LOAD_CODES_MAX 64
#define LOAD_CODE_BYTES_MAX 32

/* "OK", "UNAVAILABLE", "200", "503", "timeout", "connect", "protocol". */
struct load_code_result {
    char code[LOAD_CODE_BYTES_MAX];
    uint64_t count;
    struct load_histogram *latency;
};

/* One second of the run, of one operation or all together; by the time of the end of the answer. */
struct load_second {
    uint32_t second; /* since the start, warm-up included */
    uint64_t planned;
    uint64_t ok;
    uint64_t failed;
    uint64_t timed_out;
    uint64_t unsent;
    uint64_t under_way; /* at its end */
    int64_t latency_p50_ns;
    int64_t latency_p99_ns;
    int64_t latency_max_ns;
};

struct load_operation_result {
    const char *name; /* the plan's */
    uint64_t planned;
    uint64_t ok;
    uint64_t ok_in_window; /* of these, answered before the plan's end: what a rate is made of */
    uint64_t failed;       /* answered with an error, or the connection ended */
    uint64_t refused;   /* of these, because the server had no room and said when to come again */
    uint64_t timed_out; /* no answer within the step's time */
    uint64_t unsent;    /* planned and never sent: too many under way, or the run was over */
    uint64_t bytes_sent;
    uint64_t bytes_received;
    struct load_histogram *latency; /* from the planned time to the end of the answer, of ok ones */
    struct load_histogram *service; /* from the sending on, of ok ones */
    struct load_histogram *lag; /* from the planned time to the sending, of all that were sent */
    struct load_code_result codes[LOAD_CODES_MAX];
    size_t code_count;
    /* What `report` compares two runs by. Those of `total` are the run's own. */
    const struct load_second *seconds;
    size_t second_count; /* 0 where the run keeps none by operation */
};

/* What a watched server used in one second; `second` as above. */
struct load_sample {
    uint32_t second;
    double cpu_seconds;    /* since the last sample, user and system */
    uint64_t memory_bytes; /* RssAnon + RssShmem */
    uint64_t resident_bytes;
    uint32_t open_files;
};

struct load_watched_result {
    const char *name;
    double cpu_seconds;          /* over the measured part of the run */
    double calls_per_cpu_second; /* ok ones */
    uint64_t memory_bytes_max;
    const struct load_sample *samples;
    size_t sample_count;
    bool has_ended; /* before the run did */
};

enum load_end { LOAD_END_DONE, LOAD_END_INTERRUPTED, LOAD_END_ABORTED };

struct load_objective_result {
    const struct load_objective *objective;
    double value; /* as measured, in the objective's unit */
    bool is_met;
};

struct load_result {
    const struct load_plan *plan;
    int64_t started_at_us; /* since 1970 */
    int64_t measured_ns;   /* without warm-up */
    enum load_end end;
    struct load_operation_result *operations; /* plan->operation_count */
    struct load_operation_result total;       /* of all */
    const struct load_second *seconds;
    size_t second_count;
    const struct load_watched_result *watched;      /* plan->watched_count */
    const struct load_objective_result *objectives; /* plan->objective_count */
    double client_cpu_seconds;                      /* our own */
    double client_cpu_share;                        /* of the busiest thread: 1 is a core */
    bool is_client_bound;         /* the figures are the client's and not the server's: why, in
                                     client_bound_why */
    const char *client_bound_why; /* "" when it is not */
};

#endif
