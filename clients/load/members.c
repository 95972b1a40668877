#include "clients/load/members.h"

#include "clients/load/plan_read_units.h"
#include "ds/buffer.h"
#include "ds/suggest.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static void place_write(const struct member_place *place, struct ds_buffer *text)
{
    if (place == NULL) {
        return;
    }
    place_write(place->parent, text);
    if (place->name == NULL) {
        ds_buffer_printf(text, "[%zu]", place->index);
    } else {
        ds_buffer_printf(text, "%s%s", text->size == 0 ? "" : ".", place->name);
    }
}

/* `joint` stands between the place and the complaint. The first complaint is the one that counts.
 */
static bool fail_at(struct member_reader *reader, const struct member_place *place,
                    const char *joint, const char *format, va_list arguments)
{
    if (reader->has_failed) {
        return false;
    }
    reader->has_failed = true;
    struct ds_buffer text;
    ds_buffer_init(&text, MEMBER_REASON_BYTES_MAX / 2);
    place_write(place, &text);
    if (text.size > 0) {
        ds_buffer_append_text(&text, joint);
        memcpy(reader->reason, text.data, text.size);
    }
    vsnprintf(reader->reason + text.size, MEMBER_REASON_BYTES_MAX - text.size, format, arguments);
    ds_buffer_deinit(&text);
    return false;
}

bool place_fail(struct member_reader *reader, const struct member_place *place, const char *format,
                ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_at(reader, place, ": ", format, arguments);
    va_end(arguments);
    return false;
}

bool member_fail(struct member_reader *reader, const struct member_place *place, const char *name,
                 const char *format, ...)
{
    const struct member_place member = {.parent = place, .name = name};
    va_list arguments;
    va_start(arguments, format);
    fail_at(reader, &member, ": ", format, arguments);
    va_end(arguments);
    return false;
}

bool member_expect(struct member_reader *reader, const struct member_place *place, const char *name,
                   const char *format, ...)
{
    const struct member_place member = {.parent = place, .name = name};
    va_list arguments;
    va_start(arguments, format);
    fail_at(reader, &member, reader->requires_all ? " must be " : ": takes ", format, arguments);
    va_end(arguments);
    return false;
}

static bool is_left_out(const struct member_reader *reader, const json_t *value)
{
    return value == NULL && !reader->requires_all;
}

static bool is_among(const char *const *names, const char *name)
{
    for (; *names != NULL; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The nearest one, or all of them where none is near. */
static const char *advice_of(struct member_reader *reader, const char *const *names,
                             const char *name)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, name);
    struct ds_buffer all;
    ds_buffer_init(&all, MEMBER_REASON_BYTES_MAX / 2);
    for (const char *const *next = names; *next != NULL; next++) {
        ds_suggest_offer(&suggestion, *next);
        ds_buffer_printf(&all, "%s%s", all.size == 0 ? "" : ", ", *next);
    }
    const char *advice =
        suggestion.best != NULL
            ? ds_arena_printf(reader->arena, "did you mean \"%s\"?", suggestion.best)
            : ds_arena_printf(reader->arena, "there are: %.*s", (int)all.size,
                              (const char *)all.data);
    ds_buffer_deinit(&all);
    return advice;
}

bool place_object(struct member_reader *reader, const struct member_place *place,
                  const json_t *value, const char *const *names)
{
    if (!json_is_object(value)) {
        return place_fail(reader, place, "takes an object {…}");
    }
    const char *name = NULL;
    const json_t *member = NULL;
    json_object_foreach((json_t *)value, name, member)
    {
        if (!is_among(names, name)) {
            return member_fail(reader, place, name, "is not known here; %s",
                               advice_of(reader, names, name));
        }
    }
    return true;
}

bool member_text(struct member_reader *reader, const struct member_place *place,
                 const json_t *object, const char *name, const char **ret_text)
{
    const json_t *value = json_object_get(object, name);
    if (is_left_out(reader, value)) {
        return true;
    }
    if (!json_is_string(value)) {
        return member_expect(reader, place, name, "a text in quotes");
    }
    *ret_text = json_string_value(value);
    return true;
}

bool member_boolean(struct member_reader *reader, const struct member_place *place,
                    const json_t *object, const char *name, bool *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (is_left_out(reader, value)) {
        return true;
    }
    if (!json_is_boolean(value)) {
        return member_expect(reader, place, name, "true or false");
    }
    *ret_value = json_is_true(value);
    return true;
}

bool member_integer(struct member_reader *reader, const struct member_place *place,
                    const json_t *object, const char *name, int64_t minimum, int64_t maximum,
                    int64_t *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (is_left_out(reader, value)) {
        return true;
    }
    const int64_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    if (!json_is_integer(value) || number < minimum || number > maximum) {
        return member_expect(reader, place, name, "a whole number from %lld to %lld",
                             (long long)minimum, (long long)maximum);
    }
    *ret_value = number;
    return true;
}

bool member_number(struct member_reader *reader, const struct member_place *place,
                   const json_t *object, const char *name, double minimum, double maximum,
                   double *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (is_left_out(reader, value)) {
        return true;
    }
    const double number = json_number_value(value);
    if (!json_is_number(value) || number < minimum || number > maximum) {
        return member_expect(reader, place, name, "a number from %g to %g", minimum, maximum);
    }
    *ret_value = number;
    return true;
}

bool member_duration(struct member_reader *reader, const struct member_place *place,
                     const json_t *object, const char *name, int64_t minimum_ns, int64_t *ret_ns)
{
    const json_t *value = json_object_get(object, name);
    if (is_left_out(reader, value)) {
        return true;
    }
    int64_t ns = 0;
    if (!json_is_string(value) || !load_duration_parse(json_string_value(value), &ns)) {
        return member_expect(reader, place, name,
                             "a duration in quotes: \"500ms\", \"10s\", \"2m\", \"1h\"");
    }
    if (ns < minimum_ns) {
        return member_fail(reader, place, name, "\"%s\" is too short", json_string_value(value));
    }
    *ret_ns = ns;
    return true;
}

bool member_choice(struct member_reader *reader, const struct member_place *place,
                   const json_t *object, const char *name, const char *const *choices,
                   int *ret_choice)
{
    const char *text = NULL;
    if (!member_text(reader, place, object, name, &text)) {
        return false;
    }
    for (int i = 0; text != NULL && choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *ret_choice = i;
            return true;
        }
    }
    return text == NULL || member_fail(reader, place, name, "no \"%s\"; %s", text,
                                       advice_of(reader, choices, text));
}

bool member_list(struct member_reader *reader, const struct member_place *place,
                 const json_t *object, const char *name, size_t maximum, const json_t **ret_list)
{
    const json_t *value = json_object_get(object, name);
    if (is_left_out(reader, value)) {
        *ret_list = NULL;
        return true;
    }
    if (!json_is_array(value)) {
        return member_expect(reader, place, name, "a list […]");
    }
    if (json_array_size(value) > maximum) {
        return member_expect(reader, place, name, "at most %zu elements", maximum);
    }
    *ret_list = value;
    return true;
}

void *reader_memory(struct member_reader *reader, size_t count, size_t size)
{
    void *memory = ds_arena_zalloc(reader->arena, count * size);
    assert(memory != NULL);
    return memory;
}

const char *reader_copy(struct member_reader *reader, const char *text)
{
    const char *copy = ds_arena_copy_text(reader->arena, text, strlen(text));
    assert(copy != NULL);
    return copy;
}
