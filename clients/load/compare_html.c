#include "clients/load/compare.h"
#include "clients/load/compare_values.h"
#include "clients/load/memory.h"
#include "clients/load/report_html.h"
#include "clients/load/report_markup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_run(const char *which, const struct load_result *result, FILE *stream)
{
    char text[REPORT_TEXT_BYTES_MAX];
    fprintf(stream, "<dt>%s<dd>", which);
    report_html_text(stream, result->plan->name);
    fprintf(stream, ", %s", report_time_text(result->started_at_us, text));
    fprintf(stream, ", %s measured\n", report_duration_text((double)result->measured_ns, text));
}

static void write_note(void *context, const char *text)
{
    FILE *stream = context;
    fputs("<p>", stream);
    report_html_text(stream, text);
    fputs("</p>\n", stream);
}

static void note_any(void *context, const char *text)
{
    (void)text;
    *(bool *)context = true;
}

static void write_head(const struct load_comparison *comparison, FILE *stream)
{
    const char *style = comparison->has_worse ? " bad" : (comparison->has_better ? " good" : "");
    bool has_notes = false;
    fprintf(stream, "<header><h1>Two runs compared</h1>\n<span class=\"badge%s\">%s</span>\n<dl>\n",
            style, load_comparison_text(comparison));
    write_run("First", comparison->before, stream);
    write_run("Second", comparison->after, stream);
    fputs("</dl></header>\n", stream);
    compare_notes(comparison, note_any, &has_notes);
    if (has_notes) {
        fputs("<div class=\"notes\" role=\"note\">\n", stream);
        compare_notes(comparison, write_note, stream);
        fputs("</div>\n", stream);
    }
}

static void write_change(const struct load_comparison_row *row, enum load_change_measure measure,
                         FILE *stream)
{
    const struct load_change *change = &row->changes[measure];
    const bool is_better = change->verdict == LOAD_VERDICT_BETTER;
    const bool is_worse = change->verdict == LOAD_VERDICT_WORSE;
    char text[REPORT_TEXT_BYTES_MAX];
    char verdict[LOAD_VERDICT_TEXT_BYTES_MAX];
    fputs("<tr>", stream);
    report_html_cell(stream, measure != 0 ? "" : (strcmp(row->name, "*") == 0 ? "all" : row->name));
    report_html_cell(stream, compare_measure_names[measure]);
    report_html_number(stream, compare_value_text(change->before, measure, text));
    report_html_number(stream, compare_value_text(change->after, measure, text));
    report_html_number(stream, compare_relative_text(change, measure, text));
    fprintf(stream, "<td class=\"%s\">%s\n", is_better ? "good" : (is_worse ? "bad" : "soft"),
            load_change_text(change, verdict));
}

static void write_table(const struct load_comparison *comparison, FILE *stream)
{
    fputs("<h2>Changes</h2>\n<div class=\"scroll\"><table><tr><th>operation<th>measure"
          "<th class=\"n\">first<th class=\"n\">second<th class=\"n\">change<th>verdict\n",
          stream);
    for (size_t i = 0; i < comparison->row_count; i++) {
        for (unsigned int k = 0; k < LOAD_CHANGE_COUNT; k++) {
            write_change(&comparison->rows[i], k, stream);
        }
    }
    fputs("</table></div>\n", stream);
}

/* The values of both runs at the seconds of the longer one. */
static double *values_of(const struct load_result *result, size_t count, bool is_p99)
{
    double *values = load_allocate(count + 1, sizeof(values[0]));
    for (size_t i = 0; i < count; i++) {
        const bool is_there = i < result->second_count;
        const struct load_second *at = is_there ? &result->seconds[i] : NULL;
        values[i] = !is_there || (is_p99 && at->ok == 0)
                        ? NAN
                        : (double)(is_p99 ? (uint64_t)at->latency_p99_ns : at->ok);
    }
    return values;
}

static void write_chart(const struct load_comparison *comparison, bool is_p99, FILE *stream)
{
    const struct load_result *longer =
        comparison->before->second_count > comparison->after->second_count ? comparison->before
                                                                           : comparison->after;
    const size_t count = longer->second_count;
    double *seconds = load_allocate(count + 1, sizeof(seconds[0]));
    for (size_t i = 0; i < count; i++) {
        seconds[i] = longer->seconds[i].second;
    }
    double *first = values_of(comparison->before, count, is_p99);
    double *second = values_of(comparison->after, count, is_p99);
    const struct report_series series[] = {{"first", "s2", first}, {"second", "s1", second}};
    const struct report_chart chart = {.title = is_p99 ? "p99 of each second" : "Answers a second",
                                       .unit = is_p99 ? REPORT_UNIT_NS : REPORT_UNIT_COUNT,
                                       .is_logarithmic = is_p99,
                                       .seconds = seconds,
                                       .count = count,
                                       .series = series,
                                       .series_count = 2};
    report_html_chart(stream, &chart);
    free(seconds);
    free(first);
    free(second);
}

static void write_curves(const struct load_comparison *comparison, FILE *stream)
{
    for (size_t i = 0; i < comparison->row_count; i++) {
        const char *name = comparison->rows[i].name;
        char title[128];
        const struct report_curve curves[] = {
            {"first", "s2", load_report_operation(comparison->before, name)->latency},
            {"second", "s1", load_report_operation(comparison->after, name)->latency}};
        snprintf(title, sizeof(title), "Latency of %.100s", strcmp(name, "*") == 0 ? "all" : name);
        report_html_curves(stream, title, curves, 2);
    }
}

void load_comparison_html(const struct load_comparison *comparison, FILE *stream)
{
    report_html_begin(stream, "Two runs compared");
    write_head(comparison, stream);
    write_table(comparison, stream);
    fputs("<h2>Side by side</h2>\n<div class=\"charts\">\n", stream);
    write_chart(comparison, false, stream);
    write_chart(comparison, true, stream);
    write_curves(comparison, stream);
    fprintf(stream,
            "</div>\n<footer><small>deltastream-load " DS_VERSION
            ". The seconds of both runs are compared by Mann and Whitney's test, corrected for "
            "neighbours that resemble each other; a change counts where its probability without "
            "a cause is below %g and it is at least %g %% large. How far two runs of the same "
            "thing differ on another day, no two runs can show.</small></footer>\n",
            LOAD_COMPARE_SIGNIFICANCE, LOAD_COMPARE_CHANGE_MIN * 100);
    report_html_end(stream);
}
