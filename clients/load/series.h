/* The seconds of a run, of one operation or of all: as a thread counts them, and put together. */
#ifndef LOAD_SERIES_H
#define LOAD_SERIES_H

#include "clients/load/result.h"

#define LOAD_SECOND_NS 1000000000LL
/* Seconds that a thread tells apart between two takings; what comes later is added to the last. */
#define LOAD_WINDOW_SECONDS_MAX 4
/* The newest seconds whose percentiles may still change; older ones are done. */
#define LOAD_SERIES_OPEN_MAX 8
/* Of a run; those behind are counted with the last. */
#define LOAD_SERIES_SECONDS_MAX (7 * 24 * 3600)

struct load_second_counts {
    uint32_t second;
    uint64_t planned;
    uint64_t ok;
    uint64_t failed;
    uint64_t timed_out;
    uint64_t unsent;
    struct load_histogram *latency; /* NULL until the second's place is first used */
};

/* What one thread has counted since the last taking. */
struct load_window {
    struct load_second_counts seconds[LOAD_WINDOW_SECONDS_MAX];
    size_t second_count;
};

void load_window_deinit(struct load_window *window);
void load_window_clear(struct load_window *window);

/* That second since the start, which may not have been counted in yet. */
struct load_second_counts *load_window_find(struct load_window *window, uint32_t second);

/* The second of that time since the start, which mostly is the newest. */
static inline struct load_second_counts *load_window_at(struct load_window *window, int64_t at_ns)
{
    const uint32_t second = (uint32_t)(at_ns / LOAD_SECOND_NS);
    const size_t count = window->second_count;
    return count > 0 && window->seconds[count - 1].second == second
               ? &window->seconds[count - 1]
               : load_window_find(window, second);
}

/* What all threads have counted. */
struct load_series {
    uint32_t first_second;
    struct load_second *seconds; /* from first_second on, without a gap */
    size_t second_count;
    size_t second_capacity;
    struct load_histogram *open[LOAD_SERIES_OPEN_MAX]; /* latency, by the second's remainder */
    uint32_t open_second[LOAD_SERIES_OPEN_MAX];
};

/* `first_second` is the first of the measured part. */
void load_series_init(struct load_series *series, uint32_t first_second);
void load_series_deinit(struct load_series *series);
void load_series_add(struct load_series *series, const struct load_window *window);

/* Makes the seconds whole: what each has under way at its end, and its percentiles. */
void load_series_finish(struct load_series *series);

#endif
