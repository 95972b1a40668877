/* deltastream-load run: a plan from flags and a scenario, the run, and what is told of it. */
#include "clients/cli/interrupt.h"
#include "clients/load/commands.h"
#include "clients/load/live.h"
#include "clients/load/plan_read.h"
#include "clients/load/plan_read_flags.h"
#include "clients/load/report.h"
#include "clients/load/report_values.h"
#include "clients/load/run.h"
#include "ds/clock.h"
#include "ds/exit_code.h"

#include <signal.h>
#include <string.h>

#define PROGRAM "deltastream-load"
/* How soon an interrupt is noticed, and the run's end. */
#define LOOK_NS 100000000LL

/* Shows where the run stands until it is over. */
static void follow(struct load_run *run, const struct load_plan *plan,
                   const struct load_options *options)
{
    const struct load_live_options live_options = {.stream = stderr,
                                                   .plan = plan,
                                                   .is_off = options->no_live || options->quiet,
                                                   .tells_all = options->progress};
    struct load_live *live = load_live_create(&live_options);
    const int64_t begun_us = ds_clock_monotonic_us(ds_clock_system());
    bool has_stopped = false;
    while (!load_run_wait(run, LOOK_NS)) {
        if (interrupt_came() && !has_stopped) {
            load_run_stop(run, LOAD_END_INTERRUPTED);
            has_stopped = true;
        }
        const int64_t elapsed_us = ds_clock_monotonic_us(ds_clock_system()) - begun_us;
        /* A look merges all that has been counted: none in vain. */
        if (load_live_is_due(live, elapsed_us * 1000)) {
            load_live_update(live, load_run_look(run), elapsed_us * 1000);
        }
    }
    load_live_destroy(live);
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static int write_result(const struct load_options *options, const struct load_result *result)
{
    const struct load_report_files files = {.json = options->json,
                                            .csv = options->csv,
                                            .hgrm = options->hgrm,
                                            .html = options->html,
                                            .operation = options->operation};
    char reason[LOAD_REPORT_REASON_BYTES_MAX];
    const ds_code code = load_report_files_write(&files, result, reason);
    if (code != DS_OK) {
        fprintf(stderr, PROGRAM ": %s\n", reason);
    }
    const bool is_taken = is_stdout(options->json) || is_stdout(options->csv) ||
                          is_stdout(options->hgrm) || is_stdout(options->html);
    if (!is_taken && !options->quiet) {
        const struct load_report_style style = load_report_style_of(stdout);
        load_report_summary(result, &style, stdout);
    }
    return code == DS_OK ? DS_EXIT_OK : DS_EXIT_ERROR;
}

static int exit_code_of(const struct load_result *result)
{
    if (result->end == LOAD_END_INTERRUPTED) {
        return DS_EXIT_INTERRUPTED;
    }
    return report_objectives_are_met(result) && result->end != LOAD_END_ABORTED
               ? DS_EXIT_OK
               : LOAD_EXIT_OBJECTIVE_MISSED;
}

static int carry_out(const struct load_plan *plan, const struct load_options *options)
{
    struct load_run *run = NULL;
    char reason[LOAD_RUN_REASON_BYTES_MAX];
    const ds_code code = load_run_start(plan, &run, reason);
    if (code != DS_OK) {
        fprintf(stderr, PROGRAM ": %s\n", reason);
        return code == DS_INVALID_ARGUMENT ? DS_EXIT_USAGE : DS_EXIT_UNAVAILABLE;
    }
    interrupt_begin("");
    follow(run, plan, options);
    interrupt_end();
    const struct load_result *result = load_run_look(run);
    const int written = write_result(options, result);
    const int exit_code = exit_code_of(result);
    load_run_destroy(run);
    return exit_code == DS_EXIT_OK ? written : exit_code;
}

static int run(const struct ds_config *config, void *given)
{
    const struct load_options *options = given;
    struct ds_arena *arena = load_plan_arena_create();
    struct load_plan plan;
    int exit_code = load_plan_of_options(arena, config, options, &plan);
    if (exit_code == DS_EXIT_OK) {
        exit_code = carry_out(&plan, options);
    }
    ds_arena_destroy(arena);
    return exit_code;
}

int load_run_command(const struct ds_config_sources *sources)
{
    struct load_options options = {0};
    return load_command(&load_run_program, sources, &options, run);
}
