#include "clients/load/generator_read.h"

#include "clients/feed/random.h"
#include "clients/load/generator_internal.h"
#include "clients/load/plan_read_units.h"
#include "clients/load/template.h"
#include "ds/time.h"

#include <math.h>
#include <string.h>

#define ZIPF_EXPONENT_MAX 10.0
#define VOLATILITY_MAX 0.005
/* How far a price may go from where it begins, at the most. */
#define PRICE_FACTOR_MAX 100.0
#define NUMBER_MAX 1e15

static const char *const kinds[] = {"choice", "zipf", "uniform",      "sequence", "csv",
                                    "now",    "time", "random_price", NULL};
static const char *const time_forms[] = {"rfc3339", "ms", "us", "seconds", NULL};

/* "of": a list of texts; or "prefix" and "count". */
static bool values_read(struct member_reader *reader, const struct member_place *place,
                        const json_t *object, struct load_generator *generator)
{
    const json_t *list = NULL;
    int64_t count = 0;
    if (!member_list(reader, place, object, "of", LOAD_GENERATOR_VALUES_MAX, &list) ||
        !member_integer(reader, place, object, "count", 1, LOAD_GENERATOR_VALUES_MAX, &count)) {
        return false;
    }
    if ((list == NULL || json_array_size(list) == 0) == (count == 0)) {
        return place_fail(reader, place,
                          "takes either \"of\", a list of texts, or \"prefix\" and \"count\"");
    }
    generator->value_count = (uint64_t)count;
    if (list == NULL) {
        return true;
    }
    generator->value_count = json_array_size(list);
    struct ds_bytes *values = reader_memory(reader, generator->value_count, sizeof(*values));
    const struct member_place of = {.parent = place, .name = "of"};
    for (size_t i = 0; i < generator->value_count; i++) {
        const json_t *value = json_array_get(list, i);
        const struct member_place element = {.parent = &of, .index = i};
        if (!json_is_string(value)) {
            return place_fail(reader, &element, "takes a text in quotes");
        }
        values[i] = ds_bytes_of_text(reader_copy(reader, json_string_value(value)));
    }
    generator->values = values;
    return true;
}

static bool prefix_read(struct member_reader *reader, const struct member_place *place,
                        const json_t *object, struct load_generator *generator)
{
    const char *prefix = "";
    if (!member_text(reader, place, object, "prefix", &prefix)) {
        return false;
    }
    if (strlen(prefix) > LOAD_GENERATOR_PREFIX_BYTES_MAX) {
        return member_fail(reader, place, "prefix", "is longer than %d bytes",
                           LOAD_GENERATOR_PREFIX_BYTES_MAX);
    }
    generator->prefix = reader_copy(reader, prefix);
    return true;
}

static bool choice_read(struct member_reader *reader, const struct member_place *place,
                        const json_t *object, struct load_generator *generator)
{
    static const char *const names[] = {"kind", "of", "prefix", "count", NULL};
    return place_object(reader, place, object, names) &&
           values_read(reader, place, object, generator) &&
           prefix_read(reader, place, object, generator);
}

/* The n-th value comes in proportion to 1 / n ^ exponent. */
static void zipf_weigh(struct member_reader *reader, struct load_generator *generator,
                       double exponent)
{
    double *shares = reader_memory(reader, generator->value_count, sizeof(*shares));
    double sum = 0;
    for (size_t i = 0; i < generator->value_count; i++) {
        sum += pow((double)i + 1, -exponent);
        shares[i] = sum;
    }
    for (size_t i = 0; i < generator->value_count; i++) {
        shares[i] /= sum;
    }
    generator->shares = shares;
}

static bool zipf_read(struct member_reader *reader, const struct member_place *place,
                      const json_t *object, struct load_generator *generator)
{
    static const char *const names[] = {"kind", "of", "prefix", "count", "exponent", NULL};
    double exponent = 1;
    if (!place_object(reader, place, object, names) ||
        !values_read(reader, place, object, generator) ||
        !prefix_read(reader, place, object, generator) ||
        !member_number(reader, place, object, "exponent", 0, ZIPF_EXPONENT_MAX, &exponent)) {
        return false;
    }
    zipf_weigh(reader, generator, exponent);
    return true;
}

static bool decimals_read(struct member_reader *reader, const struct member_place *place,
                          const json_t *object, struct load_generator *generator)
{
    int64_t decimals = generator->decimals;
    if (!member_integer(reader, place, object, "decimals", 0, LOAD_GENERATOR_DECIMALS_MAX,
                        &decimals)) {
        return false;
    }
    generator->decimals = (unsigned int)decimals;
    return true;
}

static bool scale_check(struct member_reader *reader, const struct member_place *place,
                        double largest, unsigned int decimals)
{
    return largest * pow(10, decimals) < LOAD_GENERATOR_SCALED_MAX ||
           place_fail(reader, place, "such large numbers can't have %u decimals", decimals);
}

static bool uniform_read(struct member_reader *reader, const struct member_place *place,
                         const json_t *object, struct load_generator *generator)
{
    static const char *const names[] = {"kind", "minimum", "maximum", "decimals", NULL};
    generator->maximum = 1;
    if (!place_object(reader, place, object, names) ||
        !member_number(reader, place, object, "minimum", -NUMBER_MAX, NUMBER_MAX,
                       &generator->minimum) ||
        !member_number(reader, place, object, "maximum", -NUMBER_MAX, NUMBER_MAX,
                       &generator->maximum) ||
        !decimals_read(reader, place, object, generator)) {
        return false;
    }
    if (generator->minimum > generator->maximum) {
        return member_fail(reader, place, "minimum", "is above the maximum");
    }
    return scale_check(reader, place, fmax(fabs(generator->minimum), fabs(generator->maximum)),
                       generator->decimals);
}

static bool sequence_read(struct member_reader *reader, const struct member_place *place,
                          const json_t *object, struct load_generator *generator)
{
    static const char *const names[] = {"kind", "start", "step", "prefix", NULL};
    generator->step = 1;
    return place_object(reader, place, object, names) &&
           member_integer(reader, place, object, "start", INT64_MIN, INT64_MAX,
                          &generator->start) &&
           member_integer(reader, place, object, "step", INT64_MIN, INT64_MAX, &generator->step) &&
           prefix_read(reader, place, object, generator);
}

static bool csv_read(struct member_reader *reader, const struct member_place *place,
                     const json_t *object, struct load_generator *generator)
{
    static const char *const names[] = {"kind", "file", "rows", NULL};
    static const char *const orders[] = {"in turn", "at random", NULL};
    const char *file = NULL;
    int order = 0;
    if (!place_object(reader, place, object, names) ||
        !member_text(reader, place, object, "file", &file) ||
        !member_choice(reader, place, object, "rows", orders, &order)) {
        return false;
    }
    if (file == NULL) {
        return member_fail(reader, place, "file", "takes the path of a CSV file");
    }
    generator->is_random = order == 1;
    const struct member_place member = {.parent = place, .name = "file"};
    return load_generator_csv_read(reader, &member, file, generator);
}

static bool time_form_read(struct member_reader *reader, const struct member_place *place,
                           const json_t *object, struct load_generator *generator)
{
    int form = LOAD_TIME_RFC3339;
    if (!member_choice(reader, place, object, "as", time_forms, &form)) {
        return false;
    }
    generator->time_form = (enum load_time_form)form;
    return true;
}

/* "step": the time from one value to the next, whole microseconds. */
static bool time_step_read(struct member_reader *reader, const struct member_place *place,
                           const json_t *object, struct load_generator *generator)
{
    int64_t step_ns = generator->step * 1000;
    if (!member_duration(reader, place, object, "step", 0, &step_ns)) {
        return false;
    }
    generator->step = step_ns / 1000;
    return true;
}

/* "offset": a duration, with a minus in front where the past is meant. */
static bool offset_read(struct member_reader *reader, const struct member_place *place,
                        const json_t *object, struct load_generator *generator)
{
    const char *text = "0";
    if (!member_text(reader, place, object, "offset", &text)) {
        return false;
    }
    int64_t offset_ns = 0;
    if (!load_duration_parse(text[0] == '-' ? text + 1 : text, &offset_ns)) {
        return member_fail(reader, place, "offset", "takes a duration: \"2m\", \"-1h\"");
    }
    generator->start = (text[0] == '-' ? -offset_ns : offset_ns) / 1000;
    return true;
}

static bool now_read(struct member_reader *reader, const struct member_place *place,
                     const json_t *object, struct load_generator *generator)
{
    static const char *const names[] = {"kind", "as", "offset", "step", NULL};
    return place_object(reader, place, object, names) &&
           time_form_read(reader, place, object, generator) &&
           time_step_read(reader, place, object, generator) &&
           offset_read(reader, place, object, generator);
}

static bool time_read(struct member_reader *reader, const struct member_place *place,
                      const json_t *object, struct load_generator *generator)
{
    static const char *const names[] = {"kind", "as", "start", "step", NULL};
    const char *start = NULL;
    generator->step = 1000;
    if (!place_object(reader, place, object, names) ||
        !time_form_read(reader, place, object, generator) ||
        !time_step_read(reader, place, object, generator) ||
        !member_text(reader, place, object, "start", &start)) {
        return false;
    }
    int64_t seconds = 0;
    int32_t nanoseconds = 0;
    if (start == NULL || !ds_time_parse(ds_bytes_of_text(start), true, &seconds, &nanoseconds)) {
        return member_fail(reader, place, "start", "takes a time: \"2025-01-25T09:15:00Z\"");
    }
    generator->start = seconds * DS_MICROSECONDS + nanoseconds / 1000;
    return true;
}

static bool random_price_read(struct member_reader *reader, const struct member_place *place,
                              const json_t *object, struct load_generator *generator)
{
    static const char *const names[] = {"kind", "start", "volatility", "decimals", NULL};
    generator->price = 100;
    generator->volatility = 0.0001;
    generator->decimals = 2;
    return place_object(reader, place, object, names) &&
           member_number(reader, place, object, "start", 0, NUMBER_MAX, &generator->price) &&
           member_number(reader, place, object, "volatility", 0, VOLATILITY_MAX,
                         &generator->volatility) &&
           decimals_read(reader, place, object, generator) &&
           scale_check(reader, place, generator->price * PRICE_FACTOR_MAX, generator->decimals);
}

static bool generator_read(struct member_reader *reader, const struct member_place *place,
                           const json_t *object, struct load_generator *generator)
{
    static bool (*const readers[])(struct member_reader *, const struct member_place *,
                                   const json_t *, struct load_generator *) = {
        [LOAD_GENERATOR_CHOICE] = choice_read,   [LOAD_GENERATOR_ZIPF] = zipf_read,
        [LOAD_GENERATOR_UNIFORM] = uniform_read, [LOAD_GENERATOR_SEQUENCE] = sequence_read,
        [LOAD_GENERATOR_CSV] = csv_read,         [LOAD_GENERATOR_NOW] = now_read,
        [LOAD_GENERATOR_TIME] = time_read,       [LOAD_GENERATOR_RANDOM_PRICE] = random_price_read,
    };
    if (!json_is_object(object)) {
        return place_fail(reader, place, "takes an object {…}");
    }
    int kind = -1;
    if (!member_choice(reader, place, object, "kind", kinds, &kind)) {
        return false;
    }
    if (kind < 0) {
        return member_fail(reader, place, "kind",
                           "is missing: choice, zipf, uniform, sequence, csv, now, time or "
                           "random_price");
    }
    generator->kind = (enum load_generator_kind)kind;
    return readers[kind](reader, place, object, generator);
}

/* Names of places: letters, digits, _ and -; the dot parts a csv's name from its column's. */
static bool name_check(struct member_reader *reader, const struct member_place *place,
                       const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const size_t bytes = strlen(name);
    return (bytes > 0 && bytes < LOAD_PLACE_NAME_BYTES_MAX && strspn(name, letters) == bytes) ||
           place_fail(reader, place, "a name has 1 to %d letters, digits, _ and -",
                      LOAD_PLACE_NAME_BYTES_MAX - 1);
}

bool load_generators_read(struct member_reader *reader, const struct member_place *place,
                          const json_t *data, struct load_generators *ret_generators)
{
    if (data == NULL) {
        *ret_generators = (struct load_generators){0};
        return true;
    }
    if (!json_is_object(data)) {
        return place_fail(reader, place, "takes an object {…}");
    }
    const size_t count = json_object_size(data);
    if (count > LOAD_GENERATORS_MAX) {
        return place_fail(reader, place, "takes at most %d members", LOAD_GENERATORS_MAX);
    }
    struct load_generator **items = reader_memory(reader, count, sizeof(*items));
    size_t next = 0;
    const char *name = NULL;
    json_t *object = NULL;
    json_object_foreach((json_t *)data, name, object)
    {
        const struct member_place member = {.parent = place, .name = name};
        struct load_generator *generator = reader_memory(reader, 1, sizeof(*generator));
        *generator = (struct load_generator){.name = reader_copy(reader, name),
                                             .key = random_key_of_text(0, name),
                                             .row_count = 1,
                                             .prefix = ""};
        if (!name_check(reader, &member, name) ||
            !generator_read(reader, &member, object, generator)) {
            return false;
        }
        items[next++] = generator;
    }
    *ret_generators = (struct load_generators){.items = items, .count = count};
    return true;
}
