#include "clients/load/compare.h"
#include "clients/load/memory.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDING 1e-9

struct ranked {
    double value;
    double rank;
    bool is_after;
};

static int by_value(const void *left, const void *right)
{
    const double a = ((const struct ranked *)left)->value;
    const double b = ((const struct ranked *)right)->value;
    return (a > b) - (a < b);
}

static struct ranked *pool(const double *before, size_t before_count, const double *after,
                           size_t after_count)
{
    struct ranked *values = load_allocate(before_count + after_count, sizeof(values[0]));
    for (size_t i = 0; i < before_count; i++) {
        values[i] = (struct ranked){.value = before[i]};
    }
    for (size_t i = 0; i < after_count; i++) {
        values[before_count + i] = (struct ranked){.value = after[i], .is_after = true};
    }
    qsort(values, before_count + after_count, sizeof(values[0]), by_value);
    return values;
}

/* Equal values share the middle of their ranks. Returns the sum of t^3 - t over each t of them. */
static double rank(struct ranked *values, size_t count)
{
    double ties = 0;
    for (size_t first = 0; first < count;) {
        size_t end = first + 1;
        while (end < count && values[end].value == values[first].value) {
            end++;
        }
        for (size_t i = first; i < end; i++) {
            values[i].rank = (double)(first + 1 + end) / 2;
        }
        const double equal = (double)(end - first);
        ties += equal * equal * equal - equal;
        first = end;
    }
    return ties;
}

/* How many standard deviations the ranks of `after` lie from where chance would have them. */
static double standing(const double *before, size_t before_count, const double *after,
                       size_t after_count)
{
    const size_t count = before_count + after_count;
    struct ranked *values = pool(before, before_count, after, after_count);
    const double ties = rank(values, count);
    double rank_sum = 0;
    for (size_t i = 0; i < count; i++) {
        rank_sum += values[i].is_after ? values[i].rank : 0;
    }
    free(values);
    const double n = (double)before_count;
    const double m = (double)after_count;
    const double all = n + m;
    const double expected = m * (all + 1) / 2;
    const double variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
    return variance <= 0 ? 0 : (rank_sum - expected) / sqrt(variance);
}

/* Which part of the seconds neighbours that resemble each other leave: 1 where they do not. */
static double effective_share(const double *values, size_t count)
{
    double mean = 0;
    double square = 0;
    double product = 0;
    for (size_t i = 0; i < count; i++) {
        mean += values[i];
    }
    mean /= (double)count;
    for (size_t i = 0; i < count; i++) {
        const double distance = values[i] - mean;
        square += distance * distance;
        product += i == 0 ? 0 : distance * (values[i - 1] - mean);
    }
    /* What rounding leaves of equal values would look like perfect likeness. */
    const double noise = ROUNDING * fabs(mean);
    const double correlation = square > noise * noise * (double)count ? product / square : 0;
    return correlation <= 0 ? 1 : (1 - correlation) / (1 + correlation);
}

double load_compare_probability(const double *before, size_t before_count, const double *after,
                                size_t after_count)
{
    if (before_count < LOAD_COMPARE_SECONDS_MIN || after_count < LOAD_COMPARE_SECONDS_MIN) {
        return NAN;
    }
    const double share =
        fmin(effective_share(before, before_count), effective_share(after, after_count));
    const double distance = standing(before, before_count, after, after_count) * sqrt(share);
    return erfc(fabs(distance) / sqrt(2));
}
