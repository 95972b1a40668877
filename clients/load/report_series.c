#include "clients/load/report.h"

#include <inttypes.h>

void load_report_csv(const struct load_result *result, FILE *stream)
{
    fputs("second,planned,ok,failed,timed_out,unsent,under_way,latency_p50_ns,latency_p99_ns,"
          "latency_max_ns\n",
          stream);
    for (size_t i = 0; i < result->second_count; i++) {
        const struct load_second *at = &result->seconds[i];
        fprintf(stream,
                "%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                ",%" PRId64 ",%" PRId64 ",%" PRId64 "\n",
                at->second, at->planned, at->ok, at->failed, at->timed_out, at->unsent,
                at->under_way, at->latency_p50_ns, at->latency_p99_ns, at->latency_max_ns);
    }
}
