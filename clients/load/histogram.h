/*
 * A log-linear histogram of times, as HdrHistogram's: from 1 ns to one hour with three significant
 * digits, so that a value read back differs by less than 0.1 % from the one recorded. Recording
 * costs constant time; memory follows the values: 1 KiB of an empty one, some 60 KiB where they lie
 * within two powers of ten, 265 KiB at most. Everything that is read from it follows from the
 * counts of its classes alone, so that one made again from its classes says the same. One thread at
 * a time; merging reads its source. Source of the layout: G. Tene, HdrHistogram (public domain);
 * ours is written from its description.
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_HISTOGRAM_NS_MAX 3600000000000LL /* longer ones count as this */

struct load_histogram;

struct load_histogram *load_histogram_create(void);
void load_histogram_destroy(struct load_histogram *histogram); /* takes NULL */
void load_histogram_clear(struct load_histogram *histogram);

/* Below 1 counts as 1. */
void load_histogram_record(struct load_histogram *histogram, int64_t value_ns);
void load_histogram_record_many(struct load_histogram *histogram, int64_t value_ns, uint64_t count);
/* The same value in several. */
void load_histogram_record_in_all(struct load_histogram *const *histograms, size_t count,
                                  int64_t value_ns);
void load_histogram_add(struct load_histogram *histogram, const struct load_histogram *other);

uint64_t load_histogram_count(const struct load_histogram *histogram);
/* These are 0 of an empty histogram. The least value that can't be told from the least one
 * recorded, the largest of the largest; mean and deviation (of the population) take the middle of
 * each class.
 */
int64_t load_histogram_min_ns(const struct load_histogram *histogram);
int64_t load_histogram_max_ns(const struct load_histogram *histogram);
double load_histogram_mean_ns(const struct load_histogram *histogram);
double load_histogram_deviation_ns(const struct load_histogram *histogram);
/* The highest value that can't be told from the smallest one recorded that has `percentile` (0 to
 * 100) percent of all at or below it. */
int64_t load_histogram_percentile_ns(const struct load_histogram *histogram, double percentile);

/* The classes that are not empty, in order: false behind the last. `*cursor` begins with 0. */
struct load_histogram_class {
    int64_t lowest_ns;
    int64_t highest_ns;
    uint64_t count;
};
bool load_histogram_next(const struct load_histogram *histogram, size_t *cursor,
                         struct load_histogram_class *ret_class);

#endif
