#include "clients/load/report_axis.h"

#include <math.h>
#include <stdio.h>

#define TICKS_WANTED 4
/* Over so many powers of ten the steps between them get lines too. */
#define DECADES_WITH_STEPS 2

static double unit_step(double value, enum report_unit unit, const char **ret_suffix)
{
    static const char *const suffixes[][4] = {[REPORT_UNIT_NS] = {" ns", " \xC2\xB5s", " ms", " s"},
                                              [REPORT_UNIT_COUNT] = {"", "k", "M", "G"},
                                              [REPORT_UNIT_BYTES] = {" B", " KiB", " MiB", " GiB"},
                                              [REPORT_UNIT_PLAIN] = {"", "", "", ""}};
    const double step = unit == REPORT_UNIT_BYTES ? 1024 : 1000;
    double divisor = 1;
    size_t i = 0;
    /* A little less, so that the rounding of a tick does not write 1000 ms. */
    while (unit != REPORT_UNIT_PLAIN && i < 3 && value >= divisor * step * 0.9999) {
        divisor *= step;
        i++;
    }
    *ret_suffix = suffixes[unit][i];
    return divisor;
}

const char *report_axis_text(double value, enum report_unit unit,
                             char target[REPORT_AXIS_TEXT_BYTES_MAX])
{
    const char *suffix;
    const double divisor = unit_step(value, unit, &suffix);
    snprintf(target, REPORT_AXIS_TEXT_BYTES_MAX, "%.4g%s", value / divisor,
             value == 0 ? "" : suffix);
    return target;
}

/* The next of 1, 2, 5 times a power of ten from `value` on. */
static double round_up(double value)
{
    const double power = pow(10, floor(log10(value)));
    const double digit = value / power;
    return power * (digit <= 1 ? 1 : (digit <= 2 ? 2 : (digit <= 5 ? 5 : 10)));
}

struct report_axis report_axis_linear(double high, enum report_unit unit)
{
    struct report_axis axis = {.unit = unit};
    const char *suffix;
    const double top = high > 0 ? high : 1;
    const double divisor = unit_step(top, unit, &suffix);
    const double step = round_up(top / divisor / TICKS_WANTED) * divisor;
    do {
        axis.ticks[axis.tick_count] = (double)axis.tick_count * step;
        axis.high = axis.ticks[axis.tick_count];
        axis.tick_count++;
    } while (axis.high < top && axis.tick_count < REPORT_AXIS_TICKS_MAX);
    return axis;
}

static void add_tick(struct report_axis *axis, double value)
{
    if (value >= axis->low * 0.999 && value <= axis->high * 1.001 &&
        axis->tick_count < REPORT_AXIS_TICKS_MAX) {
        axis->ticks[axis->tick_count++] = value;
    }
}

static double round_down(double value)
{
    const double power = pow(10, floor(log10(value)));
    const double digit = value / power;
    return power * (digit >= 5 ? 5 : (digit >= 2 ? 2 : 1));
}

struct report_axis report_axis_logarithmic(double low, double high, enum report_unit unit)
{
    struct report_axis axis = {.is_logarithmic = true, .unit = unit};
    axis.low = round_down(low > 0 ? low : 1);
    axis.high = round_up(high > axis.low ? high : axis.low * 2);
    const int first = (int)floor(log10(axis.low) + 1e-9);
    const int last = (int)ceil(log10(axis.high) - 1e-9);
    const bool has_steps = log10(axis.high / axis.low) <= DECADES_WITH_STEPS;
    for (int i = first; i <= last; i++) {
        add_tick(&axis, pow(10, i));
        if (has_steps) {
            add_tick(&axis, 2 * pow(10, i));
            add_tick(&axis, 5 * pow(10, i));
        }
    }
    return axis;
}

double report_axis_place(const struct report_axis *axis, double value)
{
    double place;
    if (axis->is_logarithmic) {
        place = log(fmax(value, axis->low) / axis->low) / log(axis->high / axis->low);
    } else {
        place = (value - axis->low) / (axis->high - axis->low);
    }
    return fmin(fmax(place, 0), 1);
}
