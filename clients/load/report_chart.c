#include "clients/load/memory.h"
#include "clients/load/report_html.h"
#include "clients/load/report_markup.h"
#include "clients/load/report_values.h"

#include <math.h>
#include <stdlib.h>

/* Of the drawing; it is scaled to the page. */
#define WIDTH 480.0
#define HEIGHT 220.0
#define LEFT 58.0
#define RIGHT 10.0
#define TOP 10.0
#define BOTTOM 26.0
/* More points than this are not told apart: the largest of neighbours stands for them. */
#define POINTS_MAX 400
#define SECOND_TICKS_WANTED 6
#define CURVE_STEPS_A_DECADE 40
#define CURVE_DECADES_MAX 5.0

static double x_of(double place)
{
    return LEFT + place * (WIDTH - LEFT - RIGHT);
}

static double y_of(double place)
{
    return HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM);
}

static void write_keys(FILE *stream, const char *label, const char *style)
{
    fprintf(stream, "<span class=\"key %s\">", style);
    report_html_text(stream, label);
    fputs("</span>", stream);
}

static void begin_figure(FILE *stream, const char *title, const char *note)
{
    fputs("<figure><figcaption><b>", stream);
    report_html_text(stream, title);
    fputs("</b> ", stream);
    if (note != NULL) {
        fputs("<small>", stream);
        report_html_text(stream, note);
        fputs("</small> ", stream);
    }
}

static void begin_drawing(FILE *stream, const char *title)
{
    fprintf(stream, "</figcaption><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", WIDTH,
            HEIGHT);
    report_html_text(stream, title);
    fputs("\">\n", stream);
}

static void write_value_lines(FILE *stream, const struct report_axis *axis)
{
    char text[REPORT_AXIS_TEXT_BYTES_MAX];
    for (size_t i = 0; i < axis->tick_count; i++) {
        const double y = y_of(report_axis_place(axis, axis->ticks[i]));
        fprintf(stream,
                "<path class=\"grid\" d=\"M%.0f %.1fH%.0f\"/><text class=\"end\" x=\"%.0f\" "
                "y=\"%.1f\">%s</text>\n",
                LEFT, y, WIDTH - RIGHT, LEFT - 5, y + 4,
                report_axis_text(axis->ticks[i], axis->unit, text));
    }
}

static void write_path(FILE *stream, const struct report_chart *chart,
                       const struct report_series *series, const struct report_axis *x_axis,
                       const struct report_axis *y_axis)
{
    bool is_drawing = false;
    fprintf(stream, "<path class=\"line %s\" d=\"", series->style);
    for (size_t i = 0; i < chart->count; i++) {
        const double value = series->values[i];
        const bool has_value = isfinite(value) && (!chart->is_logarithmic || value > 0);
        if (has_value) {
            fprintf(stream, "%c%.1f %.1f", is_drawing ? 'L' : 'M',
                    x_of(report_axis_place(x_axis, chart->seconds[i])),
                    y_of(report_axis_place(y_axis, value)));
        }
        is_drawing = has_value;
    }
    fputs("\"/>\n", stream);
}

static const char *value_text(double value, enum report_unit unit,
                              char target[REPORT_TEXT_BYTES_MAX])
{
    switch (unit) {
    case REPORT_UNIT_NS:
        return report_duration_text(value, target);
    case REPORT_UNIT_BYTES:
        return report_bytes_text(value, target);
    default:
        return report_count_text(value, target);
    }
}

/* An unseen column a second, whose title browsers show under the pointer: no script is needed. */
static void write_columns(FILE *stream, const struct report_chart *chart,
                          const struct report_axis *x_axis)
{
    char text[REPORT_TEXT_BYTES_MAX];
    const double width = (WIDTH - LEFT - RIGHT) / (double)(chart->count + 1);
    for (size_t i = 0; i < chart->count; i++) {
        fprintf(stream,
                "<rect class=\"over\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"><title>"
                "second %.0f",
                x_of(report_axis_place(x_axis, chart->seconds[i])) - width / 2, TOP, width,
                HEIGHT - TOP - BOTTOM, chart->seconds[i]);
        for (size_t k = 0; k < chart->series_count; k++) {
            const double value = chart->series[k].values[i];
            fputs("\n", stream);
            report_html_text(stream, chart->series[k].label);
            fprintf(stream, ": %s", isfinite(value) ? value_text(value, chart->unit, text) : "-");
        }
        fputs("</title></rect>\n", stream);
    }
}

static struct report_axis axis_of_values(const struct report_chart *chart)
{
    double low = INFINITY;
    double high = 0;
    for (size_t k = 0; k < chart->series_count; k++) {
        for (size_t i = 0; i < chart->count; i++) {
            const double value = chart->series[k].values[i];
            if (isfinite(value) && value > 0) {
                low = fmin(low, value);
                high = fmax(high, value);
            }
        }
    }
    if (chart->is_logarithmic && high > 0) {
        return report_axis_logarithmic(low, high, chart->unit);
    }
    return report_axis_linear(high, chart->unit);
}

static void write_seconds_axis(FILE *stream, const struct report_chart *chart,
                               const struct report_axis *x_axis)
{
    const double span = x_axis->high - x_axis->low;
    double step = 1;
    for (size_t i = 0; span / step > SECOND_TICKS_WANTED; i++) {
        step *= i % 3 == 1 ? 2.5 : 2;
    }
    for (double second = ceil(x_axis->low / step) * step; second <= x_axis->high; second += step) {
        fprintf(stream, "<text class=\"mid\" x=\"%.1f\" y=\"%.0f\">%.0f s</text>\n",
                x_of(report_axis_place(x_axis, second)), HEIGHT - 8, second);
    }
    if (chart->shaded_to > x_axis->low) {
        const double right = x_of(report_axis_place(x_axis, chart->shaded_to));
        fprintf(stream,
                "<rect class=\"warm\" x=\"%.0f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"/>\n",
                LEFT, TOP, right - LEFT, HEIGHT - TOP - BOTTOM);
    }
}

static void draw(FILE *stream, const struct report_chart *chart)
{
    const struct report_axis y_axis = axis_of_values(chart);
    /* All charts of a page begin with the run, so that they lie below one another. */
    const double last = chart->seconds[chart->count - 1];
    const struct report_axis x_axis = {.low = 0, .high = last > 0 ? last : 1};
    write_seconds_axis(stream, chart, &x_axis);
    write_value_lines(stream, &y_axis);
    for (size_t i = 0; i < chart->series_count; i++) {
        write_path(stream, chart, &chart->series[i], &x_axis, &y_axis);
    }
    write_columns(stream, chart, &x_axis);
}

/* The largest of every `step` neighbours. */
static double *thin(const double *values, size_t count, size_t step)
{
    double *thinned = load_allocate(count / step + 1, sizeof(thinned[0]));
    for (size_t i = 0; i < count; i++) {
        thinned[i / step] = i % step == 0 ? values[i] : fmax(thinned[i / step], values[i]);
    }
    return thinned;
}

#define SERIES_MAX 8

static void draw_thinned(FILE *stream, const struct report_chart *chart, size_t step)
{
    struct report_series series[SERIES_MAX];
    double *values[SERIES_MAX];
    struct report_chart thinned = *chart;
    double *seconds = thin(chart->seconds, chart->count, step);
    for (size_t i = 0; i < chart->series_count; i++) {
        values[i] = thin(chart->series[i].values, chart->count, step);
        series[i] = chart->series[i];
        series[i].values = values[i];
    }
    thinned.seconds = seconds;
    thinned.count = (chart->count + step - 1) / step;
    thinned.series = series;
    draw(stream, &thinned);
    for (size_t i = 0; i < chart->series_count; i++) {
        free(values[i]);
    }
    free(seconds);
}

void report_html_chart(FILE *stream, const struct report_chart *chart)
{
    char thinned_note[96];
    const size_t step = (chart->count + POINTS_MAX - 1) / POINTS_MAX;
    if (chart->count == 0) {
        return;
    }
    snprintf(thinned_note, sizeof(thinned_note), "each point is the largest of %zu seconds", step);
    begin_figure(stream, chart->title, step > 1 ? thinned_note : chart->note);
    for (size_t i = 0; i < chart->series_count; i++) {
        write_keys(stream, chart->series[i].label, chart->series[i].style);
    }
    begin_drawing(stream, chart->title);
    if (step > 1) {
        draw_thinned(stream, chart, step);
    } else {
        draw(stream, chart);
    }
    fputs("</svg></figure>\n", stream);
}

/* 0 for the smallest value, 1 for 90 percent, 2 for 99 percent and so on. */
static double percentile_of_decade(double decade)
{
    return 100 * (1 - pow(10, -decade));
}

static void write_percentile_axis(FILE *stream, double decades)
{
    static const struct {
        const char *text;
        double percentile;
    } ticks[] = {{"p50", 50},     {"p90", 90},       {"p99", 99},
                 {"p99.9", 99.9}, {"p99.99", 99.99}, {"p99.999", 99.999}};
    for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        const double place = -log10(1 - ticks[i].percentile / 100) / decades;
        if (place <= 1 + 1e-9) {
            fprintf(stream,
                    "<path class=\"grid\" d=\"M%.1f %.0fV%.0f\"/><text class=\"mid\" x=\"%.1f\" "
                    "y=\"%.0f\">%s</text>\n",
                    x_of(place), TOP, HEIGHT - BOTTOM, x_of(place) - (place > 0.97 ? 12 : 0),
                    HEIGHT - 8, ticks[i].text);
        }
    }
}

static void write_curve(FILE *stream, const struct report_curve *curve,
                        const struct report_axis *y_axis, double decades)
{
    const int steps = (int)(decades * CURVE_STEPS_A_DECADE);
    fprintf(stream, "<path class=\"line %s\" d=\"", curve->style);
    for (int i = 0; i <= steps; i++) {
        const double decade = decades * i / steps;
        const int64_t ns = load_histogram_percentile_ns(curve->times, percentile_of_decade(decade));
        fprintf(stream, "%c%.1f %.1f", i == 0 ? 'M' : 'L', x_of(decade / decades),
                y_of(report_axis_place(y_axis, (double)ns)));
    }
    fputs("\"/>\n", stream);
}

void report_html_curves(FILE *stream, const char *title, const struct report_curve *curves,
                        size_t count)
{
    double low = INFINITY;
    double high = 0;
    double decades = 1;
    begin_figure(stream, title, NULL);
    for (size_t i = 0; i < count; i++) {
        const uint64_t values = load_histogram_count(curves[i].times);
        if (values > 0) {
            /* A few that are much faster than all others are not worth most of the scale. */
            low = fmin(low, (double)load_histogram_percentile_ns(curves[i].times, 5));
            high = fmax(high, (double)load_histogram_max_ns(curves[i].times));
            decades = fmax(decades, log10((double)values));
        }
        write_keys(stream, curves[i].label, curves[i].style);
    }
    decades = fmin(decades, CURVE_DECADES_MAX);
    begin_drawing(stream, title);
    if (high > 0) {
        const struct report_axis y_axis = report_axis_logarithmic(low, high, REPORT_UNIT_NS);
        write_percentile_axis(stream, decades);
        write_value_lines(stream, &y_axis);
        for (size_t i = 0; i < count; i++) {
            if (load_histogram_count(curves[i].times) > 0) {
                write_curve(stream, &curves[i], &y_axis, decades);
            }
        }
    }
    fputs("</svg></figure>\n", stream);
}
