#include "clients/load/commands.h"
#include "clients/load/compare.h"
#include "clients/load/report.h"
#include "clients/load/report_file.h"
#include "clients/load/report_values.h"
#include "ds/config.h"
#include "ds/exit_code.h"

#include <stddef.h>

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NONE };

struct options {
    int output;
    const char *html;
    const char *csv;
    const char *hgrm;
    const char *operation;
    bool fails_if_worse;
};

static const char *const outputs[] = {"table", "json", "none", NULL};

static const struct ds_setting settings[] = {
    {.name = "output",
     .short_flag = 'o',
     .kind = DS_SETTING_CHOICE,
     .choices = outputs,
     .default_text = "table",
     .argument = "FORM",
     .help = "what goes to standard output: table, json or none",
     .offset = offsetof(struct options, output)},
    {.name = "html",
     .kind = DS_SETTING_TEXT,
     .argument = "FILE",
     .help = "write a page with plots that needs no network",
     .offset = offsetof(struct options, html)},
    {.name = "csv",
     .kind = DS_SETTING_TEXT,
     .argument = "FILE",
     .help = "write the seconds of one run as CSV",
     .offset = offsetof(struct options, csv)},
    {.name = "hgrm",
     .kind = DS_SETTING_TEXT,
     .argument = "FILE",
     .help = "write the latency percentiles of one run as HdrHistogram's text",
     .offset = offsetof(struct options, hgrm)},
    {.name = "operation",
     .kind = DS_SETTING_TEXT,
     .argument = "NAME",
     .help = "whose percentiles --hgrm writes; all together without it",
     .offset = offsetof(struct options, operation)},
    {.name = "fail-if-worse",
     .kind = DS_SETTING_BOOLEAN,
     .help = "of two runs: exit with 99 where the second is worse beyond the spread of the seconds",
     .offset = offsetof(struct options, fails_if_worse)},
};

const struct ds_program load_report_program = {
    .name = "deltastream-load report",
    .summary = "Tell a saved run again, or compare two: what has changed, and whether it is more "
               "than the spread of their seconds.",
    .examples = "  deltastream-load report run.json --html run.html\n"
                "  deltastream-load report run.json --hgrm ticks.hgrm --operation list_ticks\n"
                "  deltastream-load report before.json after.json --html change.html\n",
    .operands = "RUN.json [LATER.json]",
    .operand_min = 1,
    .operand_max = 2,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

static int fail(ds_code code, const char *reason)
{
    fprintf(stderr, "deltastream-load report: %s\n", reason);
    return code == DS_NOT_FOUND ? DS_EXIT_NOT_FOUND : DS_EXIT_ERROR;
}

static int tell_run(const struct options *options, const struct load_result *result)
{
    char reason[LOAD_REPORT_REASON_BYTES_MAX];
    const struct load_report_files files = {.json = options->output == OUTPUT_JSON ? "-" : NULL,
                                            .csv = options->csv,
                                            .hgrm = options->hgrm,
                                            .html = options->html,
                                            .operation = options->operation};
    const ds_code code = load_report_files_write(&files, result, reason);
    if (code != DS_OK) {
        return fail(code, reason);
    }
    if (options->output == OUTPUT_TABLE) {
        const struct load_report_style style = load_report_style_of(stdout);
        load_report_summary(result, &style, stdout);
    }
    return report_objectives_are_met(result) ? DS_EXIT_OK : LOAD_EXIT_OBJECTIVE_MISSED;
}

static void write_comparison_json(const void *context, FILE *stream)
{
    load_comparison_json(context, stream);
}

static void write_comparison_html(const void *context, FILE *stream)
{
    load_comparison_html(context, stream);
}

static int write_comparison(const struct options *options, const struct load_comparison *comparison)
{
    char reason[LOAD_REPORT_REASON_BYTES_MAX];
    ds_code code = DS_OK;
    if (options->html != NULL) {
        code = report_file_write(options->html, write_comparison_html, comparison, reason);
    }
    if (code == DS_OK && options->output == OUTPUT_JSON) {
        code = report_file_write("-", write_comparison_json, comparison, reason);
    }
    if (code != DS_OK) {
        return fail(code, reason);
    }
    if (options->output == OUTPUT_TABLE) {
        const struct load_report_style style = load_report_style_of(stdout);
        load_comparison_summary(comparison, &style, stdout);
    }
    return options->fails_if_worse && comparison->has_worse ? LOAD_EXIT_OBJECTIVE_MISSED
                                                            : DS_EXIT_OK;
}

static int compare_runs(const struct options *options, const struct load_result *before,
                        const struct load_result *after)
{
    struct load_comparison *comparison = load_comparison_create(before, after);
    const int exit_code = write_comparison(options, comparison);
    load_comparison_destroy(comparison);
    return exit_code;
}

static int refuse_of_two(const struct ds_config *config, const struct options *options)
{
    const struct {
        const char *name;
        const char *value;
    } of_one[] = {
        {"csv", options->csv}, {"hgrm", options->hgrm}, {"operation", options->operation}};
    for (size_t i = 0; i < sizeof(of_one) / sizeof(of_one[0]); i++) {
        if (of_one[i].value != NULL) {
            return ds_config_refuse(config, options, of_one[i].name,
                                    "is of one run; two are given");
        }
    }
    return DS_EXIT_OK;
}

static int run(const struct ds_config *config, void *given)
{
    const struct options *options = given;
    const bool has_two = ds_config_operand_count(config) == 2;
    char reason[LOAD_REPORT_REASON_BYTES_MAX];
    struct load_saved *first = NULL;
    struct load_saved *second = NULL;
    if (has_two && refuse_of_two(config, options) != DS_EXIT_OK) {
        return DS_EXIT_USAGE;
    }
    ds_code code = load_saved_open(ds_config_operand(config, 0), &first, reason);
    if (code == DS_OK && has_two) {
        code = load_saved_open(ds_config_operand(config, 1), &second, reason);
    }
    int exit_code;
    if (code != DS_OK) {
        exit_code = fail(code, reason);
    } else if (has_two) {
        exit_code = compare_runs(options, load_saved_result(first), load_saved_result(second));
    } else {
        exit_code = tell_run(options, load_saved_result(first));
    }
    load_saved_close(first);
    load_saved_close(second);
    return exit_code;
}

int load_report_command(const struct ds_config_sources *sources)
{
    struct options options = {0};
    return load_command(&load_report_program, sources, &options, run);
}
