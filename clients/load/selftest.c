/* deltastream-load selftest: runs against servers of its own, whose answers are known. */
#include "clients/cli/interrupt.h"
#include "clients/load/commands.h"
#include "clients/load/plan_read.h"
#include "clients/load/run.h"
#include "clients/load/selftest_check.h"
#include "clients/load/selftest_process.h"
#include "ds/config.h"
#include "ds/exit_code.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "deltastream-load selftest"

#define WAIT_NS 100000000LL
#define STALL_PERIOD_US 10000000LL
#define STALL_LENGTH_US 1000000LL
#define STALL_RATE 1000
#define CEILING_USERS 64
#define COUNTS_WAIT_MS 20
#define COUNTS_WAITS_MAX 3000

struct selftest_options {
    int64_t duration_ms;
    bool stall;
};

static const struct ds_setting settings[] = {
    {.name = "duration",
     .kind = DS_SETTING_DURATION,
     .argument = "TIME",
     .default_text = "3s",
     .minimum = 100,
     .maximum = 600000,
     .offset = offsetof(struct selftest_options, duration_ms),
     .help = "of each measurement"},
    {.name = "stall",
     .kind = DS_SETTING_BOOLEAN,
     .offset = offsetof(struct selftest_options, stall),
     .help = "only the test of coordinated omission, which takes 40 s: a server that stands still "
             "1 s in every 10 must show a p95 of 500 ms and a p99 of 900 ms"},
};

const struct ds_program load_selftest_program = {
    .name = "deltastream-load selftest",
    .summary = "Measure what this program is able to do here, and check that it counts right.",
    .examples = "  deltastream-load selftest\n"
                "  deltastream-load selftest --stall\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* A run to its end; NULL after telling why not. Takes the scenario. */
static struct load_run *carry_out(struct ds_arena *arena, json_t *scenario)
{
    char reason[LOAD_PLAN_REASON_BYTES_MAX + LOAD_RUN_REASON_BYTES_MAX];
    const struct load_plan *plan = NULL;
    struct load_run *run = NULL;
    ds_code code = load_plan_read(arena, scenario, NULL, &plan, reason);
    json_decref(scenario);
    if (code == DS_OK) {
        code = load_run_start(plan, &run, reason);
    }
    if (code != DS_OK) {
        fprintf(stderr, PROGRAM ": %s\n", reason);
        return NULL;
    }
    while (!load_run_wait(run, WAIT_NS)) {
        if (interrupt_came()) {
            load_run_stop(run, LOAD_END_INTERRUPTED);
        }
    }
    return run;
}

static bool is_told(bool is_right, const char *name, const char *reason)
{
    printf("%-8s %s%s%s\n", is_right ? "ok" : "FAILED", name, is_right ? "" : ": ",
           is_right ? "" : reason);
    fflush(stdout);
    return is_right;
}

/* Flows of a step each: what is answered, what is refused and, of REST, what never gets an answer.
 * But for the latter no time limit may be met, however busy the machine is. */
static json_t *make_counting(const char *url, bool is_rest, double seconds)
{
    json_t *flows =
        is_rest ? json_pack("[{s:f, s:[{s:s, s:s}]}, {s:f, s:[{s:s, s:s}]}, {s:f, s:[{s:s, s:s, "
                            "s:s}]}]",
                            "weight", 8.0, "steps", "name", "answered", "request", "GET /ok",   //
                            "weight", 1.0, "steps", "name", "refused", "request", "GET /error", //
                            "weight", 1.0, "steps", "name", "withheld", "request", "GET /withheld",
                            "timeout", "200ms")
                : json_pack("[{s:f, s:[{s:s, s:s, s:{s:s}}]}, {s:f, s:[{s:s, s:s}]}]", //
                            "weight", 8.0, "steps", "name", "answered", "method", "LatestTick",
                            "body", "product", "NIFTY", //
                            "weight", 2.0, "steps", "name", "refused", "method", "ListProducts");
    char duration[32];
    snprintf(duration, sizeof(duration), "%.0fms", seconds * 1000);
    return json_pack("{s:{s:s}, s:f, s:s, s:s, s:i, s:i, s:s, s:o}", "targets",
                     is_rest ? "rest" : "native", url, "rate", 400.0, "duration", duration,
                     "timeout", "10m", "threads", 2, "in_flight_max", 100, "pace", "poisson",
                     "flows", flows);
}

static json_t *make_ceiling(const char *url, bool is_rest, double seconds)
{
    json_t *step =
        is_rest ? json_pack("{s:s}", "request", "GET /ok")
                : json_pack("{s:s, s:{s:s}}", "method", "LatestTick", "body", "product", "NIFTY");
    char duration[32];
    snprintf(duration, sizeof(duration), "%.0fms", seconds * 1000);
    return json_pack("{s:{s:s}, s:i, s:s, s:s, s:[{s:[o]}]}", "targets",
                     is_rest ? "rest" : "native", url, "users", CEILING_USERS, "duration", duration,
                     "timeout", "10m", "flows", "steps", step);
}

static json_t *make_stalled(const char *url)
{
    return json_pack("{s:{s:s}, s:i, s:s, s:s, s:[{s:[{s:s}]}]}", "targets", "rest", url, "rate",
                     STALL_RATE, "duration", "40s", "timeout", "10m", "flows", "steps", "request",
                     "GET /ok");
}

/* What was sent may still be on its way where the stub's process stands. */
static void await_counts(const struct load_result *result, const struct selftest_counts *counts)
{
    const uint64_t sent = result->total.planned - result->total.unsent;
    for (int i = 0; i < COUNTS_WAITS_MAX && selftest_counted(counts) < sent; i++) {
        (void)interrupt_wait_ms(COUNTS_WAIT_MS);
    }
}

static bool count_right(const struct selftest_process *stub, bool is_rest, double seconds)
{
    struct ds_arena *arena = load_plan_arena_create();
    selftest_counts_clear(stub->counts);
    struct load_run *run = carry_out(arena, make_counting(stub->url, is_rest, seconds));
    char reason[SELFTEST_REASON_BYTES_MAX] = "it did not run";
    bool is_right = false;
    if (run != NULL) {
        const struct load_result *result = load_run_look(run);
        await_counts(result, stub->counts);
        is_right = selftest_counts_check(result, stub->counts, reason);
    }
    load_run_destroy(run);
    ds_arena_destroy(arena);
    return is_told(is_right,
                   is_rest ? "REST: planned = ok + failed + timed out + unsent, as the server "
                             "counted"
                           : "native: planned = ok + failed + timed out + unsent, as the server "
                             "counted",
                   reason);
}

static bool find_ceiling(const struct selftest_process *stub, bool is_rest, double seconds)
{
    struct ds_arena *arena = load_plan_arena_create();
    struct load_run *run = carry_out(arena, make_ceiling(stub->url, is_rest, seconds));
    if (run != NULL) {
        const struct selftest_ceiling ceiling = selftest_ceiling_of(load_run_look(run));
        printf("%-8s %s: %.0f calls a second with one thread, %.0f a CPU second of this "
               "program\n",
               "figure", is_rest ? "REST" : "native", ceiling.rate, ceiling.rate_of_core);
        fflush(stdout);
    }
    load_run_destroy(run);
    ds_arena_destroy(arena);
    return run != NULL;
}

static bool check_stall(const struct load_result *result)
{
    const struct load_histogram *latency = result->total.latency;
    char reason[SELFTEST_REASON_BYTES_MAX] = "";
    const bool is_right = selftest_stall_check(latency, reason);
    printf("%-8s %llu calls", "figure", (unsigned long long)result->total.planned);
    static const double percentiles[] = {85, 90, 95, 99};
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        printf(", p%g %.1f ms", percentiles[i],
               (double)load_histogram_percentile_ns(latency, percentiles[i]) / 1e6);
    }
    putchar('\n');
    return is_told(is_right, "a server that stands still 1 s in every 10 at 1,000/s", reason);
}

static bool show_stall(void)
{
    const struct selftest_stall stall = {.period_us = STALL_PERIOD_US,
                                         .length_us = STALL_LENGTH_US};
    struct selftest_process stub;
    if (!selftest_process_start(&stub, true, &stall)) {
        return false;
    }
    struct ds_arena *arena = load_plan_arena_create();
    struct load_run *run = carry_out(arena, make_stalled(stub.url));
    const bool is_right = run != NULL && check_stall(load_run_look(run));
    load_run_destroy(run);
    ds_arena_destroy(arena);
    selftest_process_stop(&stub);
    return is_right;
}

/* All of them, whatever becomes of the ones before. */
static bool test_all(double seconds)
{
    struct selftest_process rest = {0};
    struct selftest_process native = {0};
    bool is_right =
        selftest_process_start(&rest, true, NULL) && selftest_process_start(&native, false, NULL);
    if (is_right) {
        is_right = count_right(&rest, true, seconds);
        is_right = count_right(&native, false, seconds) && is_right;
        is_right = find_ceiling(&rest, true, seconds) && is_right;
        is_right = find_ceiling(&native, false, seconds) && is_right;
    }
    selftest_process_stop(&rest);
    selftest_process_stop(&native);
    return is_right;
}

static int test(const struct ds_config *config, void *given)
{
    const struct selftest_options *options = given;
    (void)config;
    interrupt_begin("");
    const bool is_right =
        options->stall ? show_stall() : test_all((double)options->duration_ms / 1000);
    const bool was_interrupted = interrupt_came();
    interrupt_end();
    if (was_interrupted) {
        return DS_EXIT_INTERRUPTED;
    }
    return is_right ? DS_EXIT_OK : DS_EXIT_ERROR;
}

int load_selftest_command(const struct ds_config_sources *sources)
{
    struct selftest_options options = {0};
    return load_command(&load_selftest_program, sources, &options, test);
}
