#include "clients/load/report_values.h"

#include "ds/time.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What can't be worked out, such as a percentile of nothing. */
#define NO_FIGURE "-"

const struct report_percentile report_percentiles[REPORT_PERCENTILE_COUNT] = {
    {"p50", 50}, {"p75", 75},     {"p90", 90},       {"p95", 95},
    {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99},
};

double report_measured_seconds(const struct load_result *result)
{
    return (double)result->measured_ns / 1e9;
}

double report_rate(const struct load_result *result, const struct load_operation_result *operation)
{
    return result->measured_ns <= 0
               ? 0
               : (double)operation->ok_in_window / report_measured_seconds(result);
}

uint64_t report_error_count(const struct load_operation_result *operation)
{
    return operation->failed + operation->timed_out + operation->unsent;
}

double report_error_share(const struct load_operation_result *operation)
{
    const uint64_t ended = operation->ok + report_error_count(operation);
    return ended == 0 ? 0 : (double)report_error_count(operation) / (double)ended;
}

uint64_t report_under_way(const struct load_operation_result *operation)
{
    const uint64_t ended = operation->ok + report_error_count(operation);
    return operation->planned < ended ? 0 : operation->planned - ended;
}

const char *const report_end_names[] = {[LOAD_END_DONE] = "done",
                                        [LOAD_END_INTERRUPTED] = "interrupted",
                                        [LOAD_END_ABORTED] = "aborted",
                                        NULL};
const char *const report_pace_names[] = {
    [LOAD_CLOSED] = "closed", [LOAD_CONSTANT] = "constant", [LOAD_POISSON] = "poisson", NULL};
const char *const report_protocol_names[] = {[LOAD_NATIVE] = "native", [LOAD_REST] = "rest", NULL};
const char *const report_measure_names[] = {
    [LOAD_PERCENTILE] = "percentile", [LOAD_MEAN] = "mean", [LOAD_MAX] = "max",
    [LOAD_ERROR_SHARE] = "errors",    [LOAD_RATE] = "rate", NULL};

bool report_name_find(const char *const *names, const char *name, unsigned int *ret_value)
{
    for (unsigned int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_value = i;
            return true;
        }
    }
    return false;
}

bool report_objectives_are_met(const struct load_result *result)
{
    for (size_t i = 0; i < result->plan->objective_count; i++) {
        if (!result->objectives[i].is_met) {
            return false;
        }
    }
    return true;
}

struct report_span report_measured_span(const struct load_plan *plan,
                                        const struct load_second *seconds, size_t second_count)
{
    const int64_t warm_up_seconds = (plan->warm_up_ns + 999999999) / 1000000000;
    size_t first = 0;
    while (first < second_count && (int64_t)seconds[first].second < warm_up_seconds) {
        first++;
    }
    return (struct report_span){.first = first,
                                .count = second_count > first + 1 ? second_count - first - 1 : 0};
}

/* Three digits, as people write them: 1.23, 12.3, 123. */
static void write_figure(double value, const char *unit, char target[REPORT_TEXT_BYTES_MAX])
{
    const int decimals = value < 9.995 ? 2 : (value < 99.95 ? 1 : 0);
    snprintf(target, REPORT_TEXT_BYTES_MAX, "%.*f%s", decimals, value, unit);
}

static const char *write_scaled(double value, double step, const char *const *units,
                                char target[REPORT_TEXT_BYTES_MAX])
{
    bool is_scaled = false;
    if (!isfinite(value)) {
        snprintf(target, REPORT_TEXT_BYTES_MAX, NO_FIGURE);
        return target;
    }
    while (value >= step * 0.9995 && units[1] != NULL) {
        value /= step;
        units++;
        is_scaled = true;
    }
    if (!is_scaled && value == floor(value)) {
        snprintf(target, REPORT_TEXT_BYTES_MAX, "%.0f%s", value, units[0]);
    } else {
        write_figure(value, units[0], target);
    }
    return target;
}

const char *report_duration_text(double ns, char target[REPORT_TEXT_BYTES_MAX])
{
    static const char *const units[] = {" ns", " \xC2\xB5s", " ms", " s", NULL};
    if (isfinite(ns) && ns >= 119.5e9) {
        const int64_t seconds = (int64_t)(ns / 1e9 + 0.5);
        snprintf(target, REPORT_TEXT_BYTES_MAX, "%" PRId64 " min %" PRId64 " s", seconds / 60,
                 seconds % 60);
        return target;
    }
    return write_scaled(ns, 1000, units, target);
}

const char *report_count_text(double count, char target[REPORT_TEXT_BYTES_MAX])
{
    static const char *const units[] = {"", "k", "M", "G", NULL};
    return write_scaled(count, 1000, units, target);
}

const char *report_whole_text(uint64_t count, char target[REPORT_TEXT_BYTES_MAX])
{
    char digits[24];
    const size_t size = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
    size_t written = 0;
    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            target[written++] = ',';
        }
        target[written++] = digits[i];
    }
    target[written] = '\0';
    return target;
}

const char *report_share_text(double share, char target[REPORT_TEXT_BYTES_MAX])
{
    const double percent = share * 100;
    if (!isfinite(percent)) {
        snprintf(target, REPORT_TEXT_BYTES_MAX, NO_FIGURE);
    } else if (percent == 0) {
        snprintf(target, REPORT_TEXT_BYTES_MAX, "0 %%");
    } else if (percent < 0.00095) {
        snprintf(target, REPORT_TEXT_BYTES_MAX, "< 0.001 %%");
    } else {
        const int decimals = percent < 0.995 ? 3 : (percent < 9.995 ? 2 : 1);
        snprintf(target, REPORT_TEXT_BYTES_MAX, "%.*f %%", decimals, percent);
    }
    return target;
}

const char *report_bytes_text(double bytes, char target[REPORT_TEXT_BYTES_MAX])
{
    static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", NULL};
    return write_scaled(bytes, 1024, units, target);
}

const char *report_time_text(int64_t unix_us, char target[REPORT_TEXT_BYTES_MAX])
{
    char text[DS_TIME_TEXT_MAX];
    ds_time_format(unix_us / DS_MICROSECONDS, 0, text);
    snprintf(target, REPORT_TEXT_BYTES_MAX, "%.10s %.8s UTC", text, text + sizeof("2026-11-23"));
    return target;
}

const char *report_objective_value_text(const struct load_objective_result *objective,
                                        char target[REPORT_OBJECTIVE_TEXT_BYTES_MAX])
{
    char text[REPORT_TEXT_BYTES_MAX];
    switch (objective->objective->measure) {
    case LOAD_ERROR_SHARE:
        report_share_text(objective->value, text);
        break;
    case LOAD_RATE:
        report_count_text(objective->value, text);
        break;
    default:
        report_duration_text(objective->value, text);
        break;
    }
    snprintf(target, REPORT_OBJECTIVE_TEXT_BYTES_MAX, "%s%s", text,
             objective->objective->measure == LOAD_RATE ? " /s" : "");
    return target;
}
