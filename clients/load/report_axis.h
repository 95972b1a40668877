/* The scale of a chart: which values get a line and how they are written. Private to the reports.
 */
#ifndef LOAD_REPORT_AXIS_H
#define LOAD_REPORT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#define REPORT_AXIS_TICKS_MAX 24
#define REPORT_AXIS_TEXT_BYTES_MAX 24

enum report_unit { REPORT_UNIT_NS, REPORT_UNIT_COUNT, REPORT_UNIT_BYTES, REPORT_UNIT_PLAIN };

struct report_axis {
    double low;
    double high;
    bool is_logarithmic;
    double ticks[REPORT_AXIS_TICKS_MAX];
    size_t tick_count;
    enum report_unit unit;
};

/* From 0 to at least `high`, or over whole steps around `low` to `high` (both > 0). */
struct report_axis report_axis_linear(double high, enum report_unit unit);
struct report_axis report_axis_logarithmic(double low, double high, enum report_unit unit);

/* Where the value lies: 0 at the low end, 1 at the high end; what is beyond is at the end. */
double report_axis_place(const struct report_axis *axis, double value);

/* "20 ms", "1.5k", "64 MiB". */
const char *report_axis_text(double value, enum report_unit unit,
                             char target[REPORT_AXIS_TEXT_BYTES_MAX]);

#endif
