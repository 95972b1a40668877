#include "clients/load/series.h"

#include "clients/load/memory.h"

#include <stdlib.h>

#define OPEN_NONE UINT32_MAX

void load_window_deinit(struct load_window *window)
{
    for (size_t i = 0; i < LOAD_WINDOW_SECONDS_MAX; i++) {
        load_histogram_destroy(window->seconds[i].latency);
    }
}

void load_window_clear(struct load_window *window)
{
    for (size_t i = 0; i < window->second_count; i++) {
        struct load_histogram *latency = window->seconds[i].latency;
        if (load_histogram_count(latency) > 0) {
            load_histogram_clear(latency);
        }
        window->seconds[i] = (struct load_second_counts){.latency = latency};
    }
    window->second_count = 0;
}

struct load_second_counts *load_window_find(struct load_window *window, uint32_t second)
{
    for (size_t i = window->second_count; i-- > 0;) {
        if (window->seconds[i].second == second) {
            return &window->seconds[i];
        }
    }
    if (window->second_count == LOAD_WINDOW_SECONDS_MAX) {
        return &window->seconds[LOAD_WINDOW_SECONDS_MAX - 1];
    }
    struct load_second_counts *added = &window->seconds[window->second_count++];
    if (added->latency == NULL) {
        added->latency = load_histogram_create();
    }
    added->second = second;
    return added;
}

void load_series_init(struct load_series *series, uint32_t first_second)
{
    *series = (struct load_series){.first_second = first_second};
    for (size_t i = 0; i < LOAD_SERIES_OPEN_MAX; i++) {
        series->open_second[i] = OPEN_NONE;
    }
}

void load_series_deinit(struct load_series *series)
{
    for (size_t i = 0; i < LOAD_SERIES_OPEN_MAX; i++) {
        load_histogram_destroy(series->open[i]);
    }
    free(series->seconds);
}

/* Makes room for the second of that place; those before it are there, too, with nothing in them. */
static void seconds_extend(struct load_series *series, size_t place)
{
    if (place >= series->second_capacity) {
        series->second_capacity = (place + 1) * 2;
        series->seconds =
            load_reallocate(series->seconds, series->second_capacity * sizeof *series->seconds);
    }
    while (series->second_count <= place) {
        series->seconds[series->second_count] =
            (struct load_second){.second = series->first_second + (uint32_t)series->second_count};
        series->second_count++;
    }
}

static size_t place_of(const struct load_series *series, uint32_t second)
{
    const uint32_t from_first = second > series->first_second ? second - series->first_second : 0;
    return from_first < LOAD_SERIES_SECONDS_MAX ? from_first : LOAD_SERIES_SECONDS_MAX - 1;
}

/* The percentiles of the second as far as they are known. */
static void second_measure(struct load_second *second, const struct load_histogram *latency)
{
    second->latency_p50_ns = load_histogram_percentile_ns(latency, 50);
    second->latency_p99_ns = load_histogram_percentile_ns(latency, 99);
    second->latency_max_ns = load_histogram_max_ns(latency);
}

/* The histogram of a second that is still open, in the place of the one before it there; NULL for
 * one that is over. */
static struct load_histogram *second_open(struct load_series *series, uint32_t second)
{
    const size_t place = second % LOAD_SERIES_OPEN_MAX;
    const uint32_t there = series->open_second[place];
    if (there == second) {
        return series->open[place];
    }
    if (there != OPEN_NONE && there > second) {
        return NULL;
    }
    if (series->open[place] == NULL) {
        series->open[place] = load_histogram_create();
    }
    if (there != OPEN_NONE) {
        second_measure(&series->seconds[place_of(series, there)], series->open[place]);
        load_histogram_clear(series->open[place]);
    }
    series->open_second[place] = second;
    return series->open[place];
}

static void second_add(struct load_series *series, const struct load_second_counts *counts)
{
    const size_t place = place_of(series, counts->second);
    seconds_extend(series, place);
    struct load_second *second = &series->seconds[place];
    second->planned += counts->planned;
    second->ok += counts->ok;
    second->failed += counts->failed;
    second->timed_out += counts->timed_out;
    second->unsent += counts->unsent;
    if (load_histogram_count(counts->latency) > 0) {
        struct load_histogram *open = second_open(series, second->second);
        if (open != NULL) {
            load_histogram_add(open, counts->latency);
        }
    }
}

void load_series_add(struct load_series *series, const struct load_window *window)
{
    for (size_t i = 0; i < window->second_count; i++) {
        second_add(series, &window->seconds[i]);
    }
}

void load_series_finish(struct load_series *series)
{
    for (size_t i = 0; i < LOAD_SERIES_OPEN_MAX; i++) {
        const uint32_t second = series->open_second[i];
        if (second != OPEN_NONE) {
            second_measure(&series->seconds[place_of(series, second)], series->open[i]);
        }
    }
    uint64_t planned = 0;
    uint64_t ended = 0;
    for (size_t i = 0; i < series->second_count; i++) {
        struct load_second *second = &series->seconds[i];
        planned += second->planned;
        ended += second->ok + second->failed + second->timed_out + second->unsent;
        second->under_way = planned > ended ? planned - ended : 0;
    }
}
