#include "clients/cli/plain_text.h"
#include "clients/cli/table.h"
#include "clients/load/report.h"
#include "clients/load/report_values.h"

#include <string.h>

struct load_report_style load_report_style_of(FILE *stream)
{
    return (struct load_report_style){.width = table_terminal_width(stream),
                                      .is_bold = table_terminal_is_bold(stream)};
}

const struct load_operation_result *load_report_operation(const struct load_result *result,
                                                          const char *name)
{
    if (name == NULL || strcmp(name, "*") == 0) {
        return &result->total;
    }
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        if (strcmp(result->operations[i].name, name) == 0) {
            return &result->operations[i];
        }
    }
    return NULL;
}

static void cell(struct table *table, size_t column, const char *text)
{
    table_cell(table, column, ds_bytes_of_text(text));
}

static void plain(FILE *stream, const char *text)
{
    plain_text_write(stream, ds_bytes_of_text(text));
}

static struct table *table_begin(const struct table_column *columns, size_t column_count,
                                 const struct load_report_style *style, FILE *stream)
{
    const struct table_options options = {.columns = columns,
                                          .column_count = column_count,
                                          .width = style->width,
                                          .is_bold = style->is_bold};
    fputc('\n', stream);
    return table_create(stream, &options);
}

static void write_head(const struct load_result *result, FILE *stream)
{
    char text[REPORT_TEXT_BYTES_MAX];
    plain(stream, result->plan->name);
    fprintf(stream, ": %s measured", report_duration_text((double)result->measured_ns, text));
    fprintf(stream, ", %s ok", report_whole_text(result->total.ok, text));
    fprintf(stream, " (%s/s)", report_count_text(report_rate(result, &result->total), text));
    fprintf(stream, ", %s errors", report_whole_text(report_error_count(&result->total), text));
    fprintf(stream, " (%s)", report_share_text(report_error_share(&result->total), text));
    if (result->total.refused > 0) {
        fprintf(stream, ", %s of them refusals", report_whole_text(result->total.refused, text));
    }
    fputc('\n', stream);
}

static void operation_row(struct table *table, const struct load_result *result,
                          const struct load_operation_result *operation, const char *name)
{
    static const double percentiles[] = {50, 90, 99, 99.9};
    char text[REPORT_TEXT_BYTES_MAX];
    size_t column = 0;
    table_row(table);
    cell(table, column++, name);
    cell(table, column++, report_count_text(report_rate(result, operation), text));
    cell(table, column++, report_whole_text(operation->ok, text));
    cell(table, column++, report_whole_text(report_error_count(operation), text));
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        const int64_t ns = load_histogram_percentile_ns(operation->latency, percentiles[i]);
        cell(table, column++, operation->ok == 0 ? "-" : report_duration_text((double)ns, text));
    }
    const int64_t max_ns = load_histogram_max_ns(operation->latency);
    cell(table, column++, operation->ok == 0 ? "-" : report_duration_text((double)max_ns, text));
}

static void write_operations(const struct load_result *result,
                             const struct load_report_style *style, FILE *stream)
{
    static const struct table_column columns[] = {
        {"operation", false}, {"ok/s", true}, {"ok", true},    {"errors", true}, {"p50", true},
        {"p90", true},        {"p99", true},  {"p99.9", true}, {"max", true}};
    struct table *table = table_begin(columns, sizeof(columns) / sizeof(columns[0]), style, stream);
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        operation_row(table, result, &result->operations[i], result->operations[i].name);
    }
    if (result->plan->operation_count > 1) {
        operation_row(table, result, &result->total, "all");
    }
    table_destroy(table);
}

static void write_codes(const struct load_result *result, const struct load_report_style *style,
                        FILE *stream)
{
    static const struct table_column columns[] = {
        {"operation", false}, {"answer", false}, {"count", true}, {"p50", true}, {"p99", true}};
    char text[REPORT_TEXT_BYTES_MAX];
    struct table *table = table_begin(columns, sizeof(columns) / sizeof(columns[0]), style, stream);
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        const struct load_operation_result *operation = &result->operations[i];
        for (size_t k = 0; k < operation->code_count; k++) {
            const struct load_code_result *code = &operation->codes[k];
            table_row(table);
            cell(table, 0, operation->name);
            cell(table, 1, code->code);
            cell(table, 2, report_whole_text(code->count, text));
            const int64_t p50_ns = load_histogram_percentile_ns(code->latency, 50);
            cell(table, 3, report_duration_text((double)p50_ns, text));
            const int64_t p99_ns = load_histogram_percentile_ns(code->latency, 99);
            cell(table, 4, report_duration_text((double)p99_ns, text));
        }
        if (operation->unsent > 0) {
            table_row(table);
            cell(table, 0, operation->name);
            cell(table, 1, "(never sent)");
            cell(table, 2, report_whole_text(operation->unsent, text));
        }
    }
    table_destroy(table);
}

static void write_servers(const struct load_result *result, const struct load_report_style *style,
                          FILE *stream)
{
    static const struct table_column columns[] = {
        {"server", false}, {"cores", true}, {"ok per CPU second", true}, {"memory", true}};
    const double seconds = report_measured_seconds(result);
    char text[REPORT_TEXT_BYTES_MAX];
    struct table *table = table_begin(columns, sizeof(columns) / sizeof(columns[0]), style, stream);
    for (size_t i = 0; i < result->plan->watched_count; i++) {
        const struct load_watched_result *watched = &result->watched[i];
        table_row(table);
        cell(table, 0, watched->name);
        cell(table, 1, report_count_text(seconds > 0 ? watched->cpu_seconds / seconds : 0, text));
        cell(table, 2, report_count_text(watched->calls_per_cpu_second, text));
        cell(table, 3, report_bytes_text((double)watched->memory_bytes_max, text));
    }
    table_destroy(table);
}

static void write_objectives(const struct load_result *result,
                             const struct load_report_style *style, FILE *stream)
{
    static const struct table_column columns[] = {
        {"objective", false}, {"", false}, {"measured", true}};
    char text[REPORT_OBJECTIVE_TEXT_BYTES_MAX];
    struct table *table = table_begin(columns, sizeof(columns) / sizeof(columns[0]), style, stream);
    for (size_t i = 0; i < result->plan->objective_count; i++) {
        const struct load_objective_result *objective = &result->objectives[i];
        table_row(table);
        cell(table, 0, objective->objective->text);
        cell(table, 1, objective->is_met ? "met" : "MISSED");
        cell(table, 2, report_objective_value_text(objective, text));
    }
    table_destroy(table);
}

static void write_warning(void *context, const char *text)
{
    FILE *stream = context;
    fputs("note: ", stream);
    plain(stream, text);
    fputc('\n', stream);
}

void load_report_summary(const struct load_result *result, const struct load_report_style *style,
                         FILE *stream)
{
    write_head(result, stream);
    write_operations(result, style, stream);
    if (report_error_count(&result->total) > 0) {
        write_codes(result, style, stream);
    }
    if (result->plan->watched_count > 0) {
        write_servers(result, style, stream);
    }
    if (result->plan->objective_count > 0) {
        write_objectives(result, style, stream);
    }
    if (report_has_warnings(result)) {
        fputc('\n', stream);
        report_warnings(result, write_warning, stream);
    }
}
