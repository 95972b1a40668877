/* The parts of the HTML pages of a run and of a comparison. Private to the reports. */
#ifndef LOAD_REPORT_HTML_H
#define LOAD_REPORT_HTML_H

#include "clients/load/report_axis.h"
#include "clients/load/result.h"

#include <stdio.h>

/* Everything up to the page's own content: the style, and the title (of others: escaped). */
void report_html_begin(FILE *stream, const char *title);
void report_html_end(FILE *stream);

/* A figure with its name, within <div class=tiles>. */
void report_html_tile(FILE *stream, const char *name, const char *value, const char *note);

/* A cell of a table; texts are escaped. */
void report_html_cell(FILE *stream, const char *text);
void report_html_number(FILE *stream, const char *text);

/* A series of a chart; what has no value there (NAN) is a gap. */
struct report_series {
    const char *label;
    const char *style; /* a class of the style sheet: "s1" to "s3", "bad" */
    const double *values;
};

/* A chart over the seconds of a run. */
struct report_chart {
    const char *title;
    const char *note; /* NULL: none */
    enum report_unit unit;
    bool is_logarithmic;   /* then what is 0 has no value */
    const double *seconds; /* ascending */
    size_t count;
    const struct report_series *series;
    size_t series_count;
    double shaded_to; /* up to this second is warm-up */
};
void report_html_chart(FILE *stream, const struct report_chart *chart);

/* Latency by percentile: the distance to 100 percent is logarithmic, and so is the time. */
struct report_curve {
    const char *label;
    const char *style;
    const struct load_histogram *times;
};
void report_html_curves(FILE *stream, const char *title, const struct report_curve *curves,
                        size_t count);

#endif
