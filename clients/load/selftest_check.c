#include "clients/load/selftest_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MS 1e6

static bool fail(char *reason, const char *what, const char *name, uint64_t one, uint64_t other)
{
    snprintf(reason, SELFTEST_REASON_BYTES_MAX, "%.60s: %s: %llu and %llu", name, what,
             (unsigned long long)one, (unsigned long long)other);
    return false;
}

static bool check_operation(const struct load_operation_result *operation, uint64_t counted,
                            uint64_t outcome, char *reason)
{
    const uint64_t ended =
        operation->ok + operation->failed + operation->timed_out + operation->unsent;
    if (operation->planned != ended) {
        return fail(reason, "planned and ended differ", operation->name, operation->planned, ended);
    }
    const uint64_t sent = operation->planned - operation->unsent;
    if (sent != counted) {
        return fail(reason, "sent and what the server counted differ", operation->name, sent,
                    counted);
    }
    return sent == outcome || fail(reason, "sent and those with the outcome that was due differ",
                                   operation->name, sent, outcome);
}

bool selftest_counts_check(const struct load_result *result, const struct selftest_counts *counts,
                           char ret_reason[SELFTEST_REASON_BYTES_MAX])
{
    uint64_t planned = 0;
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        const struct load_operation_result *operation = &result->operations[i];
        planned += operation->planned;
        uint64_t counted = atomic_load(&counts->answered);
        uint64_t outcome = operation->ok;
        if (strcmp(operation->name, "refused") == 0) {
            counted = atomic_load(&counts->refused);
            outcome = operation->failed;
        } else if (strcmp(operation->name, "withheld") == 0) {
            counted = atomic_load(&counts->withheld);
            outcome = operation->timed_out;
        }
        if (!check_operation(operation, counted, outcome, ret_reason)) {
            return false;
        }
    }
    if (planned == 0) {
        return fail(ret_reason, "nothing was planned", "all", 0, 0);
    }
    return planned == result->total.planned || fail(ret_reason, "the sum and the total differ",
                                                    "planned", planned, result->total.planned);
}

static bool check_percentile(const struct load_histogram *latency, double percentile,
                             double wanted_ms, double tolerance_ms, char *reason)
{
    const double ms = (double)load_histogram_percentile_ns(latency, percentile) / MS;
    if (fabs(ms - wanted_ms) <= tolerance_ms) {
        return true;
    }
    snprintf(reason, SELFTEST_REASON_BYTES_MAX, "p%g is %.1f ms and not about %.0f ms", percentile,
             ms, wanted_ms);
    return false;
}

bool selftest_stall_check(const struct load_histogram *latency,
                          char ret_reason[SELFTEST_REASON_BYTES_MAX])
{
    /* At p90 itself the waiting begins, and what waited is worked off for a while. */
    return check_percentile(latency, 85, 0, 25, ret_reason) &&
           check_percentile(latency, 90, 0, 100, ret_reason) &&
           check_percentile(latency, 95, 500, 25, ret_reason) &&
           check_percentile(latency, 99, 900, 45, ret_reason);
}

struct selftest_ceiling selftest_ceiling_of(const struct load_result *result)
{
    const double seconds = (double)result->measured_ns / 1e9;
    const double rate = seconds <= 0 ? 0 : (double)result->total.ok / seconds;
    const double used = result->client_cpu_seconds;
    return (struct selftest_ceiling){
        .rate = rate, .rate_of_core = used <= 0 ? 0 : (double)result->total.ok / used};
}
