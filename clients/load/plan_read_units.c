#include "clients/load/plan_read_units.h"

#include "ds/number.h"

#include <math.h>
#include <string.h>

#define STAGE_DURATION_BYTES_MAX 32

struct unit {
    const char *name;
    double factor;
};

/* The number at the beginning of `text`; false where there is none, or it is negative. */
static bool number_take(const char *text, double *ret_number, const char **ret_rest)
{
    const size_t bytes = strspn(text, "0123456789.");
    *ret_rest = text + bytes;
    return ds_double_parse(ds_bytes_of(text, bytes), ret_number);
}

static bool unit_find(const struct unit *units, const char *name, double *ret_factor)
{
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, name) == 0) {
            *ret_factor = units->factor;
            return true;
        }
    }
    return false;
}

/* A number and one of the units, times its factor. */
static bool measure_parse(const char *text, const struct unit *units, double maximum,
                          double *ret_value)
{
    double number = 0;
    double factor = 0;
    const char *rest = NULL;
    if (!number_take(text, &number, &rest) || !unit_find(units, rest, &factor) ||
        number * factor > maximum) {
        return false;
    }
    *ret_value = number * factor;
    return true;
}

bool load_duration_parse(const char *text, int64_t *ret_ns)
{
    static const struct unit units[] = {{"ns", 1},     {"us", 1e3},        {"ms", 1e6},
                                        {"s", 1e9},    {"m", 60e9},        {"min", 60e9},
                                        {"h", 3600e9}, {"d", 24 * 3600e9}, {NULL, 0}};
    double ns = 0;
    if (strcmp(text, "0") != 0 && !measure_parse(text, units, LOAD_DURATION_NS_MAX, &ns)) {
        return false;
    }
    *ret_ns = (int64_t)llround(ns);
    return true;
}

bool load_rate_parse(const char *text, double *ret_per_second)
{
    static const struct unit units[] = {
        {"", 1}, {"/s", 1}, {"/m", 1.0 / 60}, {"/min", 1.0 / 60}, {"/h", 1.0 / 3600}, {NULL, 0}};
    return measure_parse(text, units, LOAD_LEVEL_MAX, ret_per_second);
}

bool load_stage_parse(const char *text, int64_t *ret_duration_ns, double *ret_level)
{
    const char *colon = strchr(text, ':');
    char duration[STAGE_DURATION_BYTES_MAX];
    if (colon == NULL || (size_t)(colon - text) >= sizeof(duration)) {
        return false;
    }
    memcpy(duration, text, (size_t)(colon - text));
    duration[colon - text] = '\0';
    int64_t duration_ns = 0;
    if (!load_duration_parse(duration, &duration_ns) || !load_rate_parse(colon + 1, ret_level)) {
        return false;
    }
    *ret_duration_ns = duration_ns;
    return true;
}

bool load_share_parse(const char *text, double *ret_share)
{
    static const struct unit units[] = {{"", 1}, {"%", 0.01}, {NULL, 0}};
    return measure_parse(text, units, 1, ret_share);
}
