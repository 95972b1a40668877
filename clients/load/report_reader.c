#include "clients/load/report_reader.h"

#include "clients/load/report_values.h"

#include <math.h>

void report_reader_init(struct report_reader *reader, struct ds_arena *arena)
{
    *reader = (struct report_reader){
        .members = {.arena = arena, .reason = reader->reason, .requires_all = true}};
}

void report_reader_at(struct report_reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->where, sizeof(reader->where), format, arguments);
    va_end(arguments);
}

static struct member_place place_of(const struct report_reader *reader)
{
    return (struct member_place){.name = reader->where};
}

void report_reader_fail(struct report_reader *reader, const char *name, const char *expected)
{
    const struct member_place place = place_of(reader);
    member_expect(&reader->members, &place, name, "%s", expected);
}

int64_t report_read_integer(struct report_reader *reader, const json_t *object, const char *name,
                            int64_t maximum)
{
    const struct member_place place = place_of(reader);
    int64_t value = 0;
    (void)member_integer(&reader->members, &place, object, name, 0, maximum, &value);
    return value;
}

double report_read_number(struct report_reader *reader, const json_t *object, const char *name)
{
    const struct member_place place = place_of(reader);
    double value = 0;
    if (json_is_null(json_object_get(object, name))) {
        return NAN;
    }
    (void)member_number(&reader->members, &place, object, name, -REPORT_NUMBER_MAX,
                        REPORT_NUMBER_MAX, &value);
    return value;
}

bool report_read_flag(struct report_reader *reader, const json_t *object, const char *name)
{
    const struct member_place place = place_of(reader);
    bool value = false;
    (void)member_boolean(&reader->members, &place, object, name, &value);
    return value;
}

const char *report_read_text(struct report_reader *reader, const json_t *object, const char *name)
{
    const struct member_place place = place_of(reader);
    const char *value = "";
    (void)member_text(&reader->members, &place, object, name, &value);
    return reader_copy(&reader->members, value);
}

unsigned int report_read_name(struct report_reader *reader, const json_t *object, const char *name,
                              const char *const *names)
{
    const char *text = report_read_text(reader, object, name);
    unsigned int value = 0;
    if (reader->members.has_failed || report_name_find(names, text, &value)) {
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
