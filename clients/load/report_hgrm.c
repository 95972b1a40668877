/* HdrHistogram's percentile text, which its plotters read: after each halving of the distance to
 * 100 percent come as many lines as before. Source: HdrHistogram's PercentileIterator. */
#include "clients/load/report.h"

#include <inttypes.h>
#include <math.h>

#define LINES_PER_HALVING 5
#define NS_PER_MS 1e6
/* What the format calls them: the powers of two and their classes, of histogram.c. */
#define BUCKET_COUNT 32
#define SUB_BUCKET_COUNT 2048

static double next_level(double level)
{
    const double halvings = floor(log2(100 / (100 - level))) + 1;
    return level + 100 / (LINES_PER_HALVING * exp2(halvings));
}

static void write_lines(const struct load_histogram *times, FILE *stream)
{
    const uint64_t total = load_histogram_count(times);
    struct load_histogram_class class = {0};
    uint64_t passed = 0;
    size_t cursor = 0;
    for (double level = 0; passed < total; level = next_level(level)) {
        while (passed == 0 || 100.0 * (double)passed / (double)total < level) {
            if (!load_histogram_next(times, &cursor, &class)) {
                break;
            }
            passed += class.count;
        }
        fprintf(stream, "%12.3f %2.12f %10" PRIu64 " %14.2f\n",
                (double)class.highest_ns / NS_PER_MS, level / 100, passed, 1 / (1 - level / 100));
    }
    if (total > 0) {
        fprintf(stream, "%12.3f %2.12f %10" PRIu64 "\n", (double)class.highest_ns / NS_PER_MS, 1.0,
                passed);
    }
}

void load_report_hgrm(const struct load_operation_result *operation, FILE *stream)
{
    const struct load_histogram *times = operation->latency;
    fprintf(stream, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    write_lines(times, stream);
    fprintf(stream, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
            load_histogram_mean_ns(times) / NS_PER_MS,
            load_histogram_deviation_ns(times) / NS_PER_MS);
    fprintf(stream, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
            (double)load_histogram_max_ns(times) / NS_PER_MS, load_histogram_count(times));
    fprintf(stream, "#[Buckets = %12d, SubBuckets     = %12d]\n", BUCKET_COUNT, SUB_BUCKET_COUNT);
}
