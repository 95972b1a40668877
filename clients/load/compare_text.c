#include "clients/cli/plain_text.h"
#include "clients/cli/table.h"
#include "clients/load/compare.h"
#include "clients/load/compare_values.h"
#include "clients/load/report_values.h"
#include "ds/json_build.h"

#include <math.h>
#include <string.h>

const char *const compare_measure_names[LOAD_CHANGE_COUNT] = {
    [LOAD_CHANGE_RATE] = "ok/s",
    [LOAD_CHANGE_P50] = "p50",
    [LOAD_CHANGE_P99] = "p99",
    [LOAD_CHANGE_ERRORS] = "errors",
};

const char *const compare_verdict_names[] = {
    [LOAD_VERDICT_UNJUDGED] = "not judged",
    [LOAD_VERDICT_SAME] = "same",
    [LOAD_VERDICT_BETTER] = "better",
    [LOAD_VERDICT_WORSE] = "worse",
};

const char *compare_value_text(double value, enum load_change_measure measure,
                               char target[REPORT_TEXT_BYTES_MAX])
{
    switch (measure) {
    case LOAD_CHANGE_RATE:
        return report_count_text(value, target);
    case LOAD_CHANGE_ERRORS:
        return report_share_text(value, target);
    default:
        return report_duration_text(value, target);
    }
}

const char *compare_relative_text(const struct load_change *change,
                                  enum load_change_measure measure,
                                  char target[REPORT_TEXT_BYTES_MAX])
{
    if (isnan(change->relative)) {
        snprintf(target, REPORT_TEXT_BYTES_MAX, "-");
    } else {
        snprintf(target, REPORT_TEXT_BYTES_MAX, "%+.*f %s", fabs(change->relative) < 0.0995 ? 2 : 1,
                 change->relative * 100, measure == LOAD_CHANGE_ERRORS ? "points" : "%");
    }
    return target;
}

const char *load_change_text(const struct load_change *change,
                             char target[LOAD_VERDICT_TEXT_BYTES_MAX])
{
    const char *word = compare_verdict_names[change->verdict];
    switch (change->verdict) {
    case LOAD_VERDICT_UNJUDGED:
        snprintf(target, LOAD_VERDICT_TEXT_BYTES_MAX, "%s: fewer than %d seconds known", word,
                 LOAD_COMPARE_SECONDS_MIN);
        break;
    case LOAD_VERDICT_SAME:
        if (change->before == change->after) {
            snprintf(target, LOAD_VERDICT_TEXT_BYTES_MAX, "%s", word);
            break;
        }
        snprintf(target, LOAD_VERDICT_TEXT_BYTES_MAX, "%s: %s", word,
                 change->probability < LOAD_COMPARE_SIGNIFICANCE
                     ? "too small a change to matter"
                     : "the spread of the seconds explains it");
        break;
    default:
        snprintf(target, LOAD_VERDICT_TEXT_BYTES_MAX, "%s: beyond the spread of the seconds", word);
        break;
    }
    return target;
}

const char *load_comparison_text(const struct load_comparison *comparison)
{
    if (comparison->has_worse && comparison->has_better) {
        return "Some figures are better and some are worse, beyond the spread of the seconds.";
    }
    if (comparison->has_worse) {
        return "The second run is worse, beyond the spread of the seconds.";
    }
    if (comparison->has_better) {
        return "The second run is better, beyond the spread of the seconds.";
    }
    if (isnan(comparison->rows[0].changes[LOAD_CHANGE_RATE].probability)) {
        return "The runs are too short to tell.";
    }
    return "No figure differs beyond the spread of the seconds.";
}

static void cell(struct table *table, size_t column, const char *text)
{
    table_cell(table, column, ds_bytes_of_text(text));
}

static void write_change(struct table *table, const struct load_comparison_row *row,
                         enum load_change_measure measure)
{
    const struct load_change *change = &row->changes[measure];
    char text[REPORT_TEXT_BYTES_MAX];
    char verdict[LOAD_VERDICT_TEXT_BYTES_MAX];
    table_row(table);
    cell(table, 0, strcmp(row->name, "*") == 0 ? "all" : row->name);
    cell(table, 1, compare_measure_names[measure]);
    cell(table, 2, compare_value_text(change->before, measure, text));
    cell(table, 3, compare_value_text(change->after, measure, text));
    cell(table, 4, compare_relative_text(change, measure, text));
    cell(table, 5, load_change_text(change, verdict));
}

static void write_run(const char *which, const struct load_result *result, FILE *stream)
{
    char text[REPORT_TEXT_BYTES_MAX];
    fprintf(stream, "%s: ", which);
    plain_text_write(stream, ds_bytes_of_text(result->plan->name));
    fprintf(stream, ", %s", report_time_text(result->started_at_us, text));
    fprintf(stream, ", %s measured\n", report_duration_text((double)result->measured_ns, text));
}

void compare_notes(const struct load_comparison *comparison,
                   void (*tell)(void *context, const char *text), void *context)
{
    const struct load_result *const runs[] = {comparison->before, comparison->after};
    static const char *const names[] = {"first", "second"};
    char text[128];
    if (comparison->plans_differ) {
        tell(context, "The plans differ (arrivals, stages, flows or warm-up): the runs are not of "
                      "the same thing.");
    }
    for (size_t i = 0; i < 2; i++) {
        if (runs[i]->is_client_bound) {
            snprintf(text, sizeof(text),
                     "The %s run's figures are the client's and not the server's.", names[i]);
            tell(context, text);
        }
        if (runs[i]->end != LOAD_END_DONE) {
            snprintf(text, sizeof(text), "The %s run did not end as planned: %s.", names[i],
                     report_end_names[runs[i]->end]);
            tell(context, text);
        }
    }
}

static void write_note(void *context, const char *text)
{
    fprintf((FILE *)context, "note: %s\n", text);
}

void load_comparison_summary(const struct load_comparison *comparison,
                             const struct load_report_style *style, FILE *stream)
{
    static const struct table_column columns[] = {{"operation", false}, {"measure", false},
                                                  {"first", true},      {"second", true},
                                                  {"change", true},     {"verdict", false}};
    const struct table_options options = {.columns = columns,
                                          .column_count = sizeof(columns) / sizeof(columns[0]),
                                          .width = style->width,
                                          .is_bold = style->is_bold};
    write_run("first ", comparison->before, stream);
    write_run("second", comparison->after, stream);
    fputc('\n', stream);
    struct table *table = table_create(stream, &options);
    for (size_t i = 0; i < comparison->row_count; i++) {
        for (unsigned int k = 0; k < LOAD_CHANGE_COUNT; k++) {
            write_change(table, &comparison->rows[i], k);
        }
    }
    table_destroy(table);
    fprintf(stream, "\n%s\n", load_comparison_text(comparison));
    compare_notes(comparison, write_note, stream);
}

static void put_row(struct ds_buffer *json, const struct load_comparison_row *row)
{
    static const char *const names[] = {"ok_per_second", "latency_p50_ns", "latency_p99_ns",
                                        "error_share"};
    ds_json_put_text(json, "operation", row->name);
    for (size_t i = 0; i < LOAD_CHANGE_COUNT; i++) {
        const struct load_change *change = &row->changes[i];
        ds_json_put_line(json);
        ds_json_put_open(json, names[i], '{');
        ds_json_put_text(json, "verdict", compare_verdict_names[change->verdict]);
        ds_json_put_real(json, "first", change->before);
        ds_json_put_real(json, "second", change->after);
        ds_json_put_real(json, i == LOAD_CHANGE_ERRORS ? "difference" : "relative",
                         change->relative);
        ds_json_put_real(json, "probability", change->probability);
        ds_json_put_close(json, '}');
    }
}

void load_comparison_json(const struct load_comparison *comparison, FILE *stream)
{
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX / 2);
    ds_json_put_open(&json, NULL, '{');
    ds_json_put_text(&json, "schema", LOAD_COMPARISON_SCHEMA);
    ds_json_put_boolean(&json, "has_worse", comparison->has_worse);
    ds_json_put_boolean(&json, "has_better", comparison->has_better);
    ds_json_put_boolean(&json, "plans_differ", comparison->plans_differ);
    ds_json_put_text(&json, "summary", load_comparison_text(comparison));
    ds_json_put_line(&json);
    ds_json_put_open(&json, "operations", '[');
    for (size_t i = 0; i < comparison->row_count; i++) {
        if (i > 0) {
            ds_json_put_line(&json);
        }
        ds_json_put_open(&json, NULL, '{');
        put_row(&json, &comparison->rows[i]);
        ds_json_put_close(&json, '}');
    }
    ds_json_put_close(&json, ']');
    ds_json_put_close(&json, '}');
    ds_buffer_append_text(&json, "\n");
    fwrite(json.data, 1, json.size, stream);
    ds_buffer_deinit(&json);
}
