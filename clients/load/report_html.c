#include "clients/load/report_html.h"

#include "clients/load/memory.h"
#include "clients/load/report.h"
#include "clients/load/report_html_tables.h"
#include "clients/load/report_markup.h"
#include "clients/load/report_values.h"

#include <math.h>
#include <stdlib.h>

static void write_verdict(const struct load_result *result, FILE *stream)
{
    const size_t count = result->plan->objective_count;
    size_t missed = 0;
    for (size_t i = 0; i < count; i++) {
        missed += !result->objectives[i].is_met;
    }
    if (count == 0) {
        fputs("<span class=\"badge\">No objectives</span>\n", stream);
    } else if (missed == 0) {
        fprintf(stream, "<span class=\"badge good\">\xE2\x9C\x93 %s met</span>\n",
                count == 1 ? "The objective is" : "All objectives are");
    } else {
        fprintf(stream,
                "<span class=\"badge bad\">\xE2\x9C\x97 %zu of %zu objectives missed</span>\n",
                missed, count);
    }
}

static void write_head(const struct load_result *result, FILE *stream)
{
    char text[REPORT_TEXT_BYTES_MAX];
    fputs("<header><h1>", stream);
    report_html_text(stream, result->plan->name);
    fprintf(stream, "</h1><p class=\"soft\">%s", report_time_text(result->started_at_us, text));
    fprintf(stream, ", %s measured", report_duration_text((double)result->measured_ns, text));
    fprintf(stream, ", %s</p>\n", report_end_names[result->end]);
    write_verdict(result, stream);
    fputs("</header>\n", stream);
}

static void write_note(void *context, const char *text)
{
    FILE *stream = context;
    fputs("<p>", stream);
    report_html_text(stream, text);
    fputs("</p>\n", stream);
}

static void write_notes(const struct load_result *result, FILE *stream)
{
    if (report_has_warnings(result)) {
        fputs("<div class=\"notes\" role=\"note\">\n", stream);
        report_warnings(result, write_note, stream);
        fputs("</div>\n", stream);
    }
}

static void percentile_tile(const struct load_result *result, double percentile, const char *name,
                            const char *note, FILE *stream)
{
    char text[REPORT_TEXT_BYTES_MAX];
    const int64_t ns = load_histogram_percentile_ns(result->total.latency, percentile);
    report_html_tile(stream, name, report_duration_text((double)ns, text), note);
}

static void write_tiles(const struct load_result *result, FILE *stream)
{
    char text[REPORT_TEXT_BYTES_MAX];
    char note[REPORT_TEXT_BYTES_MAX * 2];
    const struct load_operation_result *total = &result->total;
    fputs("<div class=\"tiles\">\n", stream);
    report_count_text(report_rate(result, total), text);
    char whole[REPORT_TEXT_BYTES_MAX];
    snprintf(note, sizeof(note), "%s in all", report_whole_text(total->ok, whole));
    report_html_tile(stream, "Answers / s", text, note);
    percentile_tile(result, 50, "Latency, p50", "half are faster", stream);
    percentile_tile(result, 99, "Latency, p99", "1 in 100 is slower", stream);
    percentile_tile(result, 100, "Latency, max", "the slowest", stream);
    report_share_text(report_error_share(total), text);
    snprintf(note, sizeof(note), "%s calls", report_whole_text(report_error_count(total), whole));
    report_html_tile(stream, "Errors", text, note);
    for (size_t i = 0; i < result->plan->watched_count; i++) {
        const struct load_watched_result *watched = &result->watched[i];
        report_count_text(watched->calls_per_cpu_second, text);
        snprintf(note, sizeof(note), "%.40s", watched->name);
        report_html_tile(stream, "Answers / CPU s", text, note);
    }
    fputs("</div>\n", stream);
}

/* The values of the seconds as series: one allocation, a row each. */
struct columns {
    double *seconds;
    double *p50;
    double *p99;
    double *max;
    double *ok;
    double *errors;
    double *under_way;
};
#define COLUMN_COUNT 7

static double *columns_fill(const struct load_result *result, struct columns *ret_columns)
{
    const size_t count = result->second_count;
    double *values = load_allocate(count * COLUMN_COUNT + 1, sizeof(values[0]));
    const struct columns columns = {values,
                                    values + count,
                                    values + count * 2,
                                    values + count * 3,
                                    values + count * 4,
                                    values + count * 5,
                                    values + count * 6};
    for (size_t i = 0; i < count; i++) {
        const struct load_second *at = &result->seconds[i];
        columns.seconds[i] = at->second;
        columns.p50[i] = at->ok == 0 ? NAN : (double)at->latency_p50_ns;
        columns.p99[i] = at->ok == 0 ? NAN : (double)at->latency_p99_ns;
        columns.max[i] = at->ok == 0 ? NAN : (double)at->latency_max_ns;
        columns.ok[i] = (double)at->ok;
        columns.errors[i] = (double)(at->failed + at->timed_out + at->unsent);
        columns.under_way[i] = (double)at->under_way;
    }
    *ret_columns = columns;
    return values;
}

static void write_latency_chart(const struct load_result *result, const struct columns *columns,
                                FILE *stream)
{
    const struct report_series series[] = {
        {"max", "bad", columns->max}, {"p99", "s2", columns->p99}, {"p50", "s1", columns->p50}};
    const struct report_chart chart = {.title = "Latency",
                                       .unit = REPORT_UNIT_NS,
                                       .is_logarithmic = true,
                                       .seconds = columns->seconds,
                                       .count = result->second_count,
                                       .series = series,
                                       .series_count = 3,
                                       .shaded_to = (double)result->plan->warm_up_ns / 1e9};
    report_html_chart(stream, &chart);
}

static void write_rate_charts(const struct load_result *result, const struct columns *columns,
                              FILE *stream)
{
    const struct report_series rates[] = {{"ok", "s1", columns->ok},
                                          {"errors", "bad", columns->errors}};
    const struct report_series under_way[] = {{"calls", "s3", columns->under_way}};
    struct report_chart chart = {.title = "Calls a second",
                                 .unit = REPORT_UNIT_COUNT,
                                 .seconds = columns->seconds,
                                 .count = result->second_count,
                                 .series = rates,
                                 .series_count = 2,
                                 .shaded_to = (double)result->plan->warm_up_ns / 1e9};
    report_html_chart(stream, &chart);
    chart.title = "Under way at the end of each second";
    chart.series = under_way;
    chart.series_count = 1;
    report_html_chart(stream, &chart);
}

static void write_curves(const struct load_result *result, FILE *stream)
{
    const struct report_curve curves[] = {{"from the planned time", "s1", result->total.latency},
                                          {"from the sending", "s2", result->total.service}};
    report_html_curves(stream, "Latency by percentile", curves, 2);
}

static void write_server_charts(const struct load_result *result, size_t index, FILE *stream)
{
    const struct load_watched_result *watched = &result->watched[index];
    const size_t count = watched->sample_count;
    double *seconds = load_allocate(count * 3 + 1, sizeof(seconds[0]));
    double *cpu = seconds + count;
    double *memory = cpu + count;
    for (size_t i = 0; i < count; i++) {
        seconds[i] = watched->samples[i].second;
        cpu[i] = watched->samples[i].cpu_seconds;
        memory[i] = (double)watched->samples[i].memory_bytes;
    }
    char title[128];
    const struct report_series cores = {"cores", "s1", cpu};
    const struct report_series bytes = {"memory", "s2", memory};
    struct report_chart chart = {.title = title,
                                 .unit = REPORT_UNIT_PLAIN,
                                 .seconds = seconds,
                                 .count = count,
                                 .series = &cores,
                                 .series_count = 1,
                                 .shaded_to = (double)result->plan->warm_up_ns / 1e9};
    snprintf(title, sizeof(title), "CPU of %.100s", watched->name);
    report_html_chart(stream, &chart);
    snprintf(title, sizeof(title), "Memory of %.100s", watched->name);
    chart.unit = REPORT_UNIT_BYTES;
    chart.series = &bytes;
    report_html_chart(stream, &chart);
    free(seconds);
}

static void write_charts(const struct load_result *result, FILE *stream)
{
    struct columns columns;
    double *values = columns_fill(result, &columns);
    fputs("<h2>Over the run</h2>\n<div class=\"charts\">\n", stream);
    write_latency_chart(result, &columns, stream);
    write_rate_charts(result, &columns, stream);
    write_curves(result, stream);
    for (size_t i = 0; i < result->plan->watched_count; i++) {
        write_server_charts(result, i, stream);
    }
    fputs("</div>\n", stream);
    if (result->plan->warm_up_ns > 0) {
        fputs("<p><small>Shaded: warm-up, which no figure above or below counts.</small></p>\n",
              stream);
    }
    free(values);
}

void load_report_html(const struct load_result *result, FILE *stream)
{
    report_html_begin(stream, result->plan->name);
    write_head(result, stream);
    write_notes(result, stream);
    write_tiles(result, stream);
    report_html_objectives(result, stream);
    write_charts(result, stream);
    report_html_operations(result, stream);
    report_html_codes(result, stream);
    report_html_servers(result, stream);
    report_html_plan(result, stream);
    fputs("<footer><small>deltastream-load " DS_VERSION ", " LOAD_REPORT_SCHEMA
          ". Latency counts from the time a call was planned for, service from its sending; lag is "
          "what lies between. Only ok calls count for latency and service.</small></footer>\n",
          stream);
    report_html_end(stream);
}
