/* What every report works out of a result, and how it writes figures. Private to the reports. */
#ifndef LOAD_REPORT_VALUES_H
#define LOAD_REPORT_VALUES_H

#include "clients/load/result.h"

#include <stdbool.h>
#include <stdio.h>

struct report_percentile {
    const char *name; /* "p99.9" */
    double percentile;
};

#define REPORT_PERCENTILE_COUNT 7
extern const struct report_percentile report_percentiles[REPORT_PERCENTILE_COUNT];

double report_measured_seconds(const struct load_result *result);
/* Ok calls a second. */
double report_rate(const struct load_result *result, const struct load_operation_result *operation);
/* What failed, timed out or was never sent, of all that has ended. */
double report_error_share(const struct load_operation_result *operation);
uint64_t report_error_count(const struct load_operation_result *operation);
uint64_t report_under_way(const struct load_operation_result *operation);

/* The words for the values of the enums of the plan and the result, by value; NULL at the end. */
extern const char *const report_end_names[];
extern const char *const report_pace_names[];
extern const char *const report_protocol_names[];
extern const char *const report_measure_names[];
/* False where `name` is none of them. */
bool report_name_find(const char *const *names, const char *name, unsigned int *ret_value);

/* Of all objectives; true also where there is none. */
bool report_objectives_are_met(const struct load_result *result);

/* Calls `tell` with a sentence for each thing that a reader of the figures has to know; the text
 * lives as long as the call. */
void report_warnings(const struct load_result *result,
                     void (*tell)(void *context, const char *text), void *context);
bool report_has_warnings(const struct load_result *result);

/* The seconds that lie wholly within the measured part of the run: what comes before is warm-up,
 * and the last one is only a part of a second. */
struct report_span {
    size_t first;
    size_t count;
};
struct report_span report_measured_span(const struct load_plan *plan,
                                        const struct load_second *seconds, size_t second_count);

/* Figures for people, in three digits: "850 ns", "1.23 ms", "12.3 s", "3 min 20 s". */
#define REPORT_TEXT_BYTES_MAX 32
const char *report_duration_text(double ns, char target[REPORT_TEXT_BYTES_MAX]);
/* "950", "12.3k", "4.5M". */
const char *report_count_text(double count, char target[REPORT_TEXT_BYTES_MAX]);
/* "12,345,678". */
const char *report_whole_text(uint64_t count, char target[REPORT_TEXT_BYTES_MAX]);
/* "0 %", "0.012 %", "12.3 %". */
const char *report_share_text(double share, char target[REPORT_TEXT_BYTES_MAX]);
/* "12.3 MiB". */
const char *report_bytes_text(double bytes, char target[REPORT_TEXT_BYTES_MAX]);
/* "2026-11-23 00:21:47 UTC". */
const char *report_time_text(int64_t unix_us, char target[REPORT_TEXT_BYTES_MAX]);

#define REPORT_OBJECTIVE_TEXT_BYTES_MAX 64
/* The measured value in the objective's unit. */
const char *report_objective_value_text(const struct load_objective_result *objective,
                                        char target[REPORT_OBJECTIVE_TEXT_BYTES_MAX]);

#endif
