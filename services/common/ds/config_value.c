#include "ds/config_value.h"

#include "ds/number.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"GiB", 1024LL * 1024 * 1024}, {"MiB", 1024LL * 1024}, {"KiB", 1024}, {"", 1}, {NULL, 0}};

static const struct unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000},
                                             {"m", 60000},    {"s", 1000},    {"ms", 1},
                                             {NULL, 0}};

static void *place_of(const struct ds_setting *setting, void *options)
{
    return (char *)options + setting->offset;
}

static const void *value_of(const struct ds_setting *setting, const void *options)
{
    return (const char *)options + setting->offset;
}

static bool has_range(const struct ds_setting *setting)
{
    return setting->minimum != 0 || setting->maximum != 0;
}

static bool is_in_range(const struct ds_setting *setting, int64_t value)
{
    if (!has_range(setting)) {
        return value >= 0;
    }
    return value >= setting->minimum && value <= setting->maximum;
}

static bool parse_boolean(const char *text, bool *ret_value)
{
    static const char *const words[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret_value = i < 4;
            return true;
        }
    }
    return false;
}

static bool parse_with_unit(const char *text, const struct unit *units, int64_t *ret_value)
{
    const size_t digits = strspn(text, "0123456789");
    int64_t number = 0;
    if (!ds_int64_parse(ds_bytes_of(text, digits), &number)) {
        return false;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcasecmp(text + digits, unit->name) == 0) {
            return !__builtin_mul_overflow(number, unit->factor, ret_value);
        }
    }
    return false;
}

static bool parse_number(const struct ds_setting *setting, const char *text, int64_t *ret_value)
{
    switch (setting->kind) {
    case DS_SETTING_SIZE:
        return parse_with_unit(text, size_units, ret_value);
    case DS_SETTING_DURATION:
        return parse_with_unit(text, duration_units, ret_value);
    default:
        return ds_int64_parse(ds_bytes_of_text(text), ret_value);
    }
}

static int choice_index(const struct ds_setting *setting, const char *text)
{
    for (int i = 0; setting->choices[i] != NULL; i++) {
        if (strcasecmp(text, setting->choices[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static const struct unit *units_of(const struct ds_setting *setting)
{
    return setting->kind == DS_SETTING_SIZE ? size_units : duration_units;
}

/* The number in the largest unit that leaves nothing over. */
static void format_with_unit(int64_t value, const struct unit *units, char *target,
                             size_t target_bytes)
{
    const struct unit *unit = units;
    while (unit[1].name != NULL && (value == 0 || value % unit->factor != 0)) {
        unit++;
    }
    snprintf(target, target_bytes, "%" PRId64 "%s", value / unit->factor, unit->name);
}

static void format_number(const struct ds_setting *setting, int64_t value, char target[32])
{
    if (setting->kind == DS_SETTING_INTEGER) {
        snprintf(target, 32, "%" PRId64, value);
    } else {
        format_with_unit(value, units_of(setting), target, 32);
    }
}

static void say_wanted_number(const struct ds_setting *setting, char *target, size_t target_bytes)
{
    const char *noun = "a whole number";
    if (setting->kind == DS_SETTING_SIZE) {
        noun = "a size such as 64KiB or 16MiB";
    } else if (setting->kind == DS_SETTING_DURATION) {
        noun = "a duration such as 250ms, 10s or 5min";
    }
    if (!has_range(setting)) {
        snprintf(target, target_bytes, "%s", noun);
        return;
    }
    char minimum[32];
    char maximum[32];
    format_number(setting, setting->minimum, minimum);
    format_number(setting, setting->maximum, maximum);
    snprintf(target, target_bytes, "%s from %s to %s", noun, minimum, maximum);
}

static void say_wanted_choice(const struct ds_setting *setting, char *target, size_t target_bytes)
{
    size_t used = (size_t)snprintf(target, target_bytes, "one of ");
    for (size_t i = 0; setting->choices[i] != NULL && used < target_bytes; i++) {
        used += (size_t)snprintf(target + used, target_bytes - used, "%s%s", i == 0 ? "" : ", ",
                                 setting->choices[i]);
    }
}

bool ds_setting_parse(const struct ds_setting *setting, const char *text, void *options,
                      char ret_wanted[DS_SETTING_WANTED_BYTES_MAX])
{
    void *place = place_of(setting, options);
    bool truth = false;
    int64_t number = 0;
    int choice = 0;

    switch (setting->kind) {
    case DS_SETTING_TEXT:
        *(const char **)place = text;
        return true;
    case DS_SETTING_BOOLEAN:
        if (!parse_boolean(text, &truth)) {
            snprintf(ret_wanted, DS_SETTING_WANTED_BYTES_MAX, "true or false");
            return false;
        }
        *(bool *)place = truth;
        return true;
    case DS_SETTING_CHOICE:
        choice = choice_index(setting, text);
        if (choice < 0) {
            say_wanted_choice(setting, ret_wanted, DS_SETTING_WANTED_BYTES_MAX);
            return false;
        }
        *(int *)place = choice;
        return true;
    default:
        assert(setting->kind != DS_SETTING_LIST);
        if (!parse_number(setting, text, &number) || !is_in_range(setting, number)) {
            say_wanted_number(setting, ret_wanted, DS_SETTING_WANTED_BYTES_MAX);
            return false;
        }
        *(int64_t *)place = number;
        return true;
    }
}

const char *ds_setting_mask(const struct ds_setting *setting, const char *text,
                            struct ds_arena *arena)
{
    if (setting->is_secret) {
        return text[0] == '\0' ? "" : "***";
    }
    const char *scheme_end = strstr(text, "://");
    const char *at = scheme_end == NULL ? NULL : strrchr(scheme_end, '@');
    if (at == NULL) {
        return text;
    }
    return ds_arena_printf(arena, "%.*s://***%s", (int)(scheme_end - text), text, at);
}

const char *ds_setting_show(const struct ds_setting *setting, const void *options, size_t index,
                            struct ds_arena *arena)
{
    const void *value = value_of(setting, options);
    char number[32];
    const char *text = NULL;

    switch (setting->kind) {
    case DS_SETTING_TEXT:
        text = *(const char *const *)value;
        return text == NULL ? "" : ds_setting_mask(setting, text, arena);
    case DS_SETTING_BOOLEAN:
        return *(const bool *)value ? "true" : "false";
    case DS_SETTING_CHOICE:
        return setting->choices[*(const int *)value];
    case DS_SETTING_LIST:
        text = ((const struct ds_text_list *)value)->items[index];
        return ds_setting_mask(setting, text, arena);
    default:
        format_number(setting, *(const int64_t *)value, number);
        return ds_arena_copy_text(arena, number, strlen(number));
    }
}
