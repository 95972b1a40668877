/*
 * Values below 2048 have a class each; from there on each power of two is cut into 1024 classes of
 * equal width. The counts live in pages that are made when a class of theirs is first used: a page
 * is 2 KiB, the table of pages 1 KiB, all pages together 264 KiB. Times between 50 us and 5 ms
 * take 56 KiB.
 */
#include "clients/load/histogram.h"

#include "clients/load/memory.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Twice 10^3, rounded up to a power of two: then a class is at most 1/1024 of its values wide. */
#define LINEAR_BITS 11
#define HALF_BITS (LINEAR_BITS - 1)
#define HALF_COUNT (1U << HALF_BITS)
/* One hour in ns needs 42 bits: the powers of two from 2^11 to 2^41 behind the two linear halves.
 */
#define VALUE_BITS 42
#define CLASS_COUNT ((VALUE_BITS - LINEAR_BITS + 2) * HALF_COUNT)
#define PAGE_BITS 8
#define PAGE_CLASSES (1U << PAGE_BITS)
#define PAGE_COUNT (CLASS_COUNT / PAGE_CLASSES)

_Static_assert(LOAD_HISTOGRAM_NS_MAX < 1LL << VALUE_BITS, "every value has a class");
_Static_assert(CLASS_COUNT % PAGE_CLASSES == 0, "pages are whole");

struct load_histogram {
    uint64_t count;
    uint64_t *pages[PAGE_COUNT]; /* NULL: all of its classes are empty */
};

struct load_histogram *load_histogram_create(void)
{
    return load_allocate(1, sizeof(struct load_histogram));
}

void load_histogram_destroy(struct load_histogram *histogram)
{
    if (histogram == NULL) {
        return;
    }
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        free(histogram->pages[i]);
    }
    free(histogram);
}

void load_histogram_clear(struct load_histogram *histogram)
{
    histogram->count = 0;
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        if (histogram->pages[i] != NULL) {
            memset(histogram->pages[i], 0, PAGE_CLASSES * sizeof(uint64_t));
        }
    }
}

/* How far the values of a class are shifted to have LINEAR_BITS bits. */
static unsigned int shift_of_value(uint64_t value)
{
    const unsigned int bits = 64U - (unsigned int)__builtin_clzll(value | 1);
    return bits <= LINEAR_BITS ? 0 : bits - LINEAR_BITS;
}

static size_t index_of(uint64_t value)
{
    const unsigned int shift = shift_of_value(value);
    return ((size_t)shift << HALF_BITS) + (size_t)(value >> shift);
}

static unsigned int shift_of_index(size_t index)
{
    return index < 2 * HALF_COUNT ? 0 : (unsigned int)(index >> HALF_BITS) - 1;
}

static int64_t lowest_of(size_t index)
{
    const unsigned int shift = shift_of_index(index);
    return (int64_t)((uint64_t)(index - ((size_t)shift << HALF_BITS)) << shift);
}

static int64_t highest_of(size_t index)
{
    return lowest_of(index) + (1LL << shift_of_index(index)) - 1;
}

static uint64_t *page_of(struct load_histogram *histogram, size_t index)
{
    uint64_t **page = &histogram->pages[index >> PAGE_BITS];
    if (*page == NULL) {
        *page = load_allocate(1, PAGE_CLASSES * sizeof(uint64_t));
    }
    return *page;
}

static size_t index_of_time(int64_t value_ns)
{
    const int64_t at_least = value_ns < 1 ? 1 : value_ns;
    return index_of(
        (uint64_t)(at_least > LOAD_HISTOGRAM_NS_MAX ? LOAD_HISTOGRAM_NS_MAX : at_least));
}

static void count_add(struct load_histogram *histogram, size_t index, uint64_t count)
{
    page_of(histogram, index)[index & (PAGE_CLASSES - 1)] += count;
    histogram->count += count;
}

void load_histogram_record(struct load_histogram *histogram, int64_t value_ns)
{
    count_add(histogram, index_of_time(value_ns), 1);
}

void load_histogram_record_many(struct load_histogram *histogram, int64_t value_ns, uint64_t count)
{
    count_add(histogram, index_of_time(value_ns), count);
}

void load_histogram_record_in_all(struct load_histogram *const *histograms, size_t count,
                                  int64_t value_ns)
{
    const size_t index = index_of_time(value_ns);
    for (size_t i = 0; i < count; i++) {
        count_add(histograms[i], index, 1);
    }
}

void load_histogram_add(struct load_histogram *histogram, const struct load_histogram *other)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        const uint64_t *source = other->pages[i];
        if (source == NULL) {
            continue;
        }
        uint64_t *target = page_of(histogram, i << PAGE_BITS);
        for (size_t k = 0; k < PAGE_CLASSES; k++) {
            target[k] += source[k];
        }
    }
    histogram->count += other->count;
}

uint64_t load_histogram_count(const struct load_histogram *histogram)
{
    return histogram->count;
}

bool load_histogram_next(const struct load_histogram *histogram, size_t *cursor,
                         struct load_histogram_class *ret_class)
{
    size_t index = *cursor;
    while (index < CLASS_COUNT) {
        const uint64_t *page = histogram->pages[index >> PAGE_BITS];
        if (page == NULL) {
            index = ((index >> PAGE_BITS) + 1) << PAGE_BITS;
            continue;
        }
        const uint64_t count = page[index & (PAGE_CLASSES - 1)];
        if (count > 0) {
            *ret_class = (struct load_histogram_class){
                .lowest_ns = lowest_of(index), .highest_ns = highest_of(index), .count = count};
            *cursor = index + 1;
            return true;
        }
        index++;
    }
    *cursor = index;
    return false;
}

int64_t load_histogram_min_ns(const struct load_histogram *histogram)
{
    struct load_histogram_class class = {0};
    size_t cursor = 0;
    return load_histogram_next(histogram, &cursor, &class) ? class.lowest_ns : 0;
}

int64_t load_histogram_max_ns(const struct load_histogram *histogram)
{
    for (size_t i = PAGE_COUNT; i-- > 0;) {
        for (size_t k = PAGE_CLASSES; histogram->pages[i] != NULL && k-- > 0;) {
            if (histogram->pages[i][k] > 0) {
                return highest_of((i << PAGE_BITS) + k);
            }
        }
    }
    return 0;
}

/* What stands for each value of a class. */
static double middle_ns(const struct load_histogram_class *class)
{
    const int64_t width = class->highest_ns - class->lowest_ns + 1;
    return (double)(class->lowest_ns + width / 2);
}

double load_histogram_mean_ns(const struct load_histogram *histogram)
{
    struct load_histogram_class class;
    double sum = 0;
    for (size_t cursor = 0; load_histogram_next(histogram, &cursor, &class);) {
        sum += middle_ns(&class) * (double)class.count;
    }
    return histogram->count == 0 ? 0 : sum / (double)histogram->count;
}

double load_histogram_deviation_ns(const struct load_histogram *histogram)
{
    const double mean = load_histogram_mean_ns(histogram);
    struct load_histogram_class class;
    double sum = 0;
    for (size_t cursor = 0; load_histogram_next(histogram, &cursor, &class);) {
        const double distance = middle_ns(&class) - mean;
        sum += distance * distance * (double)class.count;
    }
    return histogram->count == 0 ? 0 : sqrt(sum / (double)histogram->count);
}

/* The smallest rank that has `percentile` percent of all values at or below it. 99.99 percent of
 * 100,000 is 99,990, although doubles say a little more. */
static uint64_t rank_of(uint64_t count, double percentile)
{
    const double exact = percentile / 100 * (double)count * (1 - 4 * DBL_EPSILON);
    const uint64_t rank = exact <= 0 ? 0 : (uint64_t)ceil(exact);
    return rank < 1 ? 1 : (rank > count ? count : rank);
}

int64_t load_histogram_percentile_ns(const struct load_histogram *histogram, double percentile)
{
    assert(percentile >= 0 && percentile <= 100);
    const uint64_t rank = rank_of(histogram->count, percentile);
    struct load_histogram_class class = {0};
    uint64_t passed = 0;
    for (size_t cursor = 0; load_histogram_next(histogram, &cursor, &class);) {
        passed += class.count;
        if (passed >= rank) {
            return class.highest_ns;
        }
    }
    return 0;
}
