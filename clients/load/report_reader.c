#include "clients/load/report_reader.h"

#include "clients/load/report_values.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

void report_reader_at(struct report_reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->where, sizeof(reader->where), format, arguments);
    va_end(arguments);
}

void report_reader_fail(struct report_reader *reader, const char *name, const char *expected)
{
    if (reader->has_failed) {
        return;
    }
    reader->has_failed = true;
    snprintf(reader->reason, sizeof(reader->reason), "%s%s%s must be %s", reader->where,
             reader->where[0] == '\0' ? "" : ".", name, expected);
}

int64_t report_read_integer(struct report_reader *reader, const json_t *object, const char *name,
                            int64_t maximum)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        json_integer_value(value) <= maximum) {
        return json_integer_value(value);
    }
    char expected[64];
    snprintf(expected, sizeof(expected), "a whole number from 0 to %" PRId64, maximum);
    report_reader_fail(reader, name, expected);
    return 0;
}

double report_read_number(struct report_reader *reader, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_null(value)) {
        return NAN;
    }
    if (json_is_number(value) && fabs(json_number_value(value)) <= REPORT_NUMBER_MAX) {
        return json_number_value(value);
    }
    report_reader_fail(reader, name, "a number");
    return 0;
}

bool report_read_flag(struct report_reader *reader, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_boolean(value)) {
        report_reader_fail(reader, name, "true or false");
    }
    return json_is_true(value);
}

const char *report_read_text(struct report_reader *reader, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value)) {
        report_reader_fail(reader, name, "a text");
        return "";
    }
    const char *text =
        ds_arena_copy_text(reader->arena, json_string_value(value), json_string_length(value));
    return text == NULL ? "" : text;
}

unsigned int report_read_name(struct report_reader *reader, const json_t *object, const char *name,
                              const char *const *names)
{
    const char *text = report_read_text(reader, object, name);
    unsigned int value = 0;
    if (reader->has_failed || report_name_find(names, text, &value)) {
        return value;
    }
    char expected[128] = "one of";
    size_t size = sizeof("one of") - 1;
    for (size_t i = 0; names[i] != NULL && size < sizeof(expected); i++) {
        size += (size_t)snprintf(expected + size, sizeof(expected) - size, "%s %s",
                                 i == 0 ? "" : ",", names[i]);
    }
    report_reader_fail(reader, name, expected);
    return 0;
}

const json_t *report_read_object(struct report_reader *reader, const json_t *object,
                                 const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_object(value)) {
        return value;
    }
    report_reader_fail(reader, name, "an object");
    return NULL;
}

const json_t *report_read_objects(struct report_reader *reader, const json_t *object,
                                  const char *name, size_t count_max)
{
    const json_t *value = json_object_get(object, name);
    bool is_fine = json_is_array(value) && json_array_size(value) <= count_max;
    for (size_t i = 0; is_fine && i < json_array_size(value); i++) {
        is_fine = json_is_object(json_array_get(value, i));
    }
    if (is_fine) {
        return value;
    }
    char expected[64];
    snprintf(expected, sizeof(expected), "a list of at most %zu objects", count_max);
    report_reader_fail(reader, name, expected);
    return NULL;
}

void *report_reader_items(struct report_reader *reader, size_t count, size_t size)
{
    void *items = ds_arena_zalloc(reader->arena, count * size);
    if (items == NULL) {
        abort(); /* The arena has no budget: the file's size is the bound. */
    }
    return items;
}
