#include "clients/load/report_html_tables.h"

#include "clients/load/report_html.h"
#include "clients/load/report_markup.h"
#include "clients/load/report_values.h"

#include <inttypes.h>

/* `names` begin with '#' where the column has numbers; NULL at the end. */
static void begin_table(FILE *stream, const char *title, const char *const *names)
{
    fprintf(stream, "<h2>%s</h2>\n<div class=\"scroll\"><table><tr>", title);
    for (size_t i = 0; names[i] != NULL; i++) {
        const bool is_number = names[i][0] == '#';
        fprintf(stream, "<th%s>%s", is_number ? " class=\"n\"" : "", names[i] + is_number);
    }
    fputs("\n", stream);
}

static void end_table(FILE *stream)
{
    fputs("</table></div>\n", stream);
}

void report_html_objectives(const struct load_result *result, FILE *stream)
{
    static const char *const names[] = {"objective", "", "#measured", NULL};
    char text[REPORT_OBJECTIVE_TEXT_BYTES_MAX];
    if (result->plan->objective_count == 0) {
        return;
    }
    begin_table(stream, "Objectives", names);
    for (size_t i = 0; i < result->plan->objective_count; i++) {
        const struct load_objective_result *objective = &result->objectives[i];
        fputs("<tr>", stream);
        report_html_cell(stream, objective->objective->text);
        fprintf(stream, "<td class=\"%s\">%s", objective->is_met ? "good" : "bad",
                objective->is_met ? "\xE2\x9C\x93 met" : "\xE2\x9C\x97 missed");
        report_html_number(stream, report_objective_value_text(objective, text));
        fputs("\n", stream);
    }
    end_table(stream);
}

static void write_count(FILE *stream, uint64_t count)
{
    char text[REPORT_TEXT_BYTES_MAX];
    report_html_number(stream, report_whole_text(count, text));
}

static void write_duration(FILE *stream, double ns, bool is_known)
{
    char text[REPORT_TEXT_BYTES_MAX];
    report_html_number(stream, is_known ? report_duration_text(ns, text) : "\xE2\x80\x93");
}

static void write_times(FILE *stream, const struct load_histogram *times)
{
    const bool is_known = load_histogram_count(times) > 0;
    write_duration(stream, (double)load_histogram_min_ns(times), is_known);
    write_duration(stream, load_histogram_mean_ns(times), is_known);
    for (size_t i = 0; i < REPORT_PERCENTILE_COUNT; i++) {
        write_duration(
            stream, (double)load_histogram_percentile_ns(times, report_percentiles[i].percentile),
            is_known);
    }
    write_duration(stream, (double)load_histogram_max_ns(times), is_known);
}

static void write_counts_row(const struct load_result *result,
                             const struct load_operation_result *operation, const char *name,
                             FILE *stream)
{
    char text[REPORT_TEXT_BYTES_MAX];
    report_html_cell(stream, name);
    report_html_number(stream, report_count_text(report_rate(result, operation), text));
    write_count(stream, operation->planned);
    write_count(stream, operation->ok);
    write_count(stream, operation->failed);
    write_count(stream, operation->refused);
    write_count(stream, operation->timed_out);
    write_count(stream, operation->unsent);
    write_count(stream, report_under_way(operation));
    report_html_number(stream, report_share_text(report_error_share(operation), text));
    report_html_number(stream, report_bytes_text((double)operation->bytes_sent, text));
    report_html_number(stream, report_bytes_text((double)operation->bytes_received, text));
    fputs("\n", stream);
}

static void write_times_rows(const struct load_operation_result *operation, const char *name,
                             const char *style, FILE *stream)
{
    const struct {
        const char *name;
        const struct load_histogram *times;
    } kinds[] = {
        {"latency", operation->latency}, {"service", operation->service}, {"lag", operation->lag}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        fprintf(stream, "<tr class=\"%s\">", i == 0 ? style : "part");
        report_html_cell(stream, i == 0 ? name : "");
        report_html_cell(stream, kinds[i].name);
        write_times(stream, kinds[i].times);
        fputs("\n", stream);
    }
}

void report_html_operations(const struct load_result *result, FILE *stream)
{
    static const char *const counts[] = {
        "operation",  "#ok/s",   "#planned",   "#ok",     "#failed", "#of them refused",
        "#timed out", "#unsent", "#under way", "#errors", "#sent",   "#received",
        NULL};
    static const char *const times[] = {"operation", "",     "#min", "#mean", "#p50",
                                        "#p75",      "#p90", "#p95", "#p99",  "#p99.9",
                                        "#p99.99",   "#max", NULL};
    const size_t count = result->plan->operation_count;
    begin_table(stream, "Operations", counts);
    for (size_t i = 0; i < count; i++) {
        fputs("<tr>", stream);
        write_counts_row(result, &result->operations[i], result->operations[i].name, stream);
    }
    if (count > 1) {
        fputs("<tr class=\"sum\">", stream);
        write_counts_row(result, &result->total, "all", stream);
    }
    end_table(stream);
    begin_table(stream, "Times", times);
    for (size_t i = 0; i < count; i++) {
        write_times_rows(&result->operations[i], result->operations[i].name, "", stream);
    }
    if (count > 1) {
        write_times_rows(&result->total, "all", "sum", stream);
    }
    end_table(stream);
}

void report_html_codes(const struct load_result *result, FILE *stream)
{
    static const char *const names[] = {"operation", "answer", "#count", "#p50",
                                        "#p99",      "#max",   NULL};
    begin_table(stream, "Answers", names);
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        const struct load_operation_result *operation = &result->operations[i];
        for (size_t k = 0; k < operation->code_count; k++) {
            const struct load_code_result *code = &operation->codes[k];
            const bool is_known = load_histogram_count(code->latency) > 0;
            fputs("<tr>", stream);
            report_html_cell(stream, operation->name);
            report_html_cell(stream, code->code);
            write_count(stream, code->count);
            write_duration(stream, (double)load_histogram_percentile_ns(code->latency, 50),
                           is_known);
            write_duration(stream, (double)load_histogram_percentile_ns(code->latency, 99),
                           is_known);
            write_duration(stream, (double)load_histogram_max_ns(code->latency), is_known);
            fputs("\n", stream);
        }
    }
    end_table(stream);
}

void report_html_servers(const struct load_result *result, FILE *stream)
{
    static const char *const names[] = {
        "server",           "#CPU", "#cores", "#answers a CPU second", "#memory, most",
        "#seconds sampled", NULL};
    const double seconds = report_measured_seconds(result);
    char text[REPORT_TEXT_BYTES_MAX];
    if (result->plan->watched_count == 0) {
        return;
    }
    begin_table(stream, "Servers", names);
    for (size_t i = 0; i < result->plan->watched_count; i++) {
        const struct load_watched_result *watched = &result->watched[i];
        fputs("<tr>", stream);
        report_html_cell(stream, watched->name);
        report_html_number(stream, report_duration_text(watched->cpu_seconds * 1e9, text));
        report_html_number(
            stream, report_count_text(seconds > 0 ? watched->cpu_seconds / seconds : 0, text));
        report_html_number(stream, report_count_text(watched->calls_per_cpu_second, text));
        report_html_number(stream, report_bytes_text((double)watched->memory_bytes_max, text));
        write_count(stream, watched->sample_count);
        fputs("\n", stream);
    }
    end_table(stream);
}

static void write_term(FILE *stream, const char *name, const char *text)
{
    fprintf(stream, "<dt>%s<dd>", name);
    report_html_text(stream, text);
    fputs("\n", stream);
}

static void write_stages(const struct load_plan *plan, FILE *stream)
{
    char from[REPORT_TEXT_BYTES_MAX];
    char to[REPORT_TEXT_BYTES_MAX];
    char duration[REPORT_TEXT_BYTES_MAX];
    const char *unit = plan->pace == LOAD_CLOSED ? "users" : "flows a second";
    fputs("<dt>Stages<dd>", stream);
    for (size_t i = 0; i < plan->stage_count; i++) {
        const struct load_stage *stage = &plan->stages[i];
        report_duration_text((double)stage->duration_ns, duration);
        report_count_text(stage->to, to);
        if (stage->from == stage->to) {
            fprintf(stream, "%s at %s %s<br>", duration, to, unit);
        } else {
            fprintf(stream, "%s from %s to %s %s<br>", duration,
                    report_count_text(stage->from, from), to, unit);
        }
    }
    fputs("\n", stream);
}

static void write_flow(const struct load_flow *flow, FILE *stream)
{
    fprintf(stream, "<dt>Flow<dd>");
    report_html_text(stream, flow->name);
    fprintf(stream, " (weight %.4g): ", flow->weight);
    for (size_t i = 0; i < flow->step_count; i++) {
        const struct load_step *step = &flow->steps[i];
        fputs(i == 0 ? "" : " \xE2\x86\x92 ", stream);
        report_html_text(stream, step->name);
        fprintf(stream, " <span class=\"soft\">%s ", report_protocol_names[step->protocol]);
        report_html_text(stream, step->url);
        fputs("</span>", stream);
    }
    fputs("\n", stream);
}

void report_html_plan(const struct load_result *result, FILE *stream)
{
    static const char *const paces[] = {[LOAD_CLOSED] = "closed: users who wait for answers",
                                        [LOAD_CONSTANT] = "open: at equal distances",
                                        [LOAD_POISSON] = "open: at random (Poisson)"};
    const struct load_plan *plan = result->plan;
    char text[REPORT_TEXT_BYTES_MAX];
    fputs("<h2>Plan</h2>\n<dl>\n", stream);
    write_term(stream, "Arrivals", paces[plan->pace]);
    write_stages(plan, stream);
    write_term(stream, "Warm-up", report_duration_text((double)plan->warm_up_ns, text));
    for (size_t i = 0; i < plan->flow_count; i++) {
        write_flow(&plan->flows[i], stream);
    }
    fprintf(stream,
            "<dt>Client<dd>%" PRIu32 " threads, %" PRIu32
            " connections each a target, at most %" PRIu32
            " flows under way; %.3g CPU seconds used, the busiest thread %.0f %% of a core\n",
            plan->thread_count, plan->connection_count, plan->in_flight_max,
            result->client_cpu_seconds, result->client_cpu_share * 100);
    fprintf(stream, "<dt>Seed<dd>%" PRIu64 "\n</dl>\n", plan->seed);
}
