#include "clients/load/plan_read_json.h"

#include "clients/load/plan_read_units.h"
#include "ds/buffer.h"
#include "ds/suggest.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static void place_write(const struct plan_place *place, struct ds_buffer *text)
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

static bool fail_at(struct plan_reader *reader, const struct plan_place *place, const char *format,
                    va_list arguments)
{
    struct ds_buffer where;
    ds_buffer_init(&where, LOAD_PLAN_REASON_BYTES_MAX / 2);
    place_write(place, &where);
    if (where.size > 0) {
        ds_buffer_append_text(&where, ": ");
        memcpy(reader->reason, where.data, where.size);
    }
    vsnprintf(reader->reason + where.size, LOAD_PLAN_REASON_BYTES_MAX - where.size, format,
              arguments);
    ds_buffer_deinit(&where);
    return false;
}

bool plan_fail(struct plan_reader *reader, const struct plan_place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_at(reader, place, format, arguments);
    va_end(arguments);
    return false;
}

bool plan_fail_member(struct plan_reader *reader, const struct plan_place *place, const char *name,
                      const char *format, ...)
{
    const struct plan_place member = {.parent = place, .name = name};
    va_list arguments;
    va_start(arguments, format);
    fail_at(reader, &member, format, arguments);
    va_end(arguments);
    return false;
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
static const char *advice_of(struct plan_reader *reader, const char *const *names, const char *name)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, name);
    struct ds_buffer all;
    ds_buffer_init(&all, LOAD_PLAN_REASON_BYTES_MAX / 2);
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

bool plan_object(struct plan_reader *reader, const struct plan_place *place, const json_t *value,
                 const char *const *names)
{
    if (!json_is_object(value)) {
        return plan_fail(reader, place, "takes an object {…}");
    }
    const char *name = NULL;
    const json_t *member = NULL;
    json_object_foreach((json_t *)value, name, member)
    {
        if (!is_among(names, name)) {
            return plan_fail_member(reader, place, name, "is not known here; %s",
                                    advice_of(reader, names, name));
        }
    }
    return true;
}

bool plan_text(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
               const char *name, const char **ret_text)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        return true;
    }
    if (!json_is_string(value)) {
        return plan_fail_member(reader, place, name, "takes a text in quotes");
    }
    *ret_text = json_string_value(value);
    return true;
}

bool plan_boolean(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                  const char *name, bool *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        return true;
    }
    if (!json_is_boolean(value)) {
        return plan_fail_member(reader, place, name, "takes true or false");
    }
    *ret_value = json_is_true(value);
    return true;
}

bool plan_integer(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                  const char *name, int64_t minimum, int64_t maximum, int64_t *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        return true;
    }
    const int64_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    if (!json_is_integer(value) || number < minimum || number > maximum) {
        return plan_fail_member(reader, place, name, "takes a whole number from %lld to %lld",
                                (long long)minimum, (long long)maximum);
    }
    *ret_value = number;
    return true;
}

bool plan_number(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                 const char *name, double minimum, double maximum, double *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        return true;
    }
    const double number = json_number_value(value);
    if (!json_is_number(value) || number < minimum || number > maximum) {
        return plan_fail_member(reader, place, name, "takes a number from %g to %g", minimum,
                                maximum);
    }
    *ret_value = number;
    return true;
}

bool plan_duration(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                   const char *name, int64_t minimum_ns, int64_t *ret_ns)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        return true;
    }
    int64_t ns = 0;
    if (!json_is_string(value) || !load_duration_parse(json_string_value(value), &ns)) {
        return plan_fail_member(reader, place, name,
                                "takes a duration in quotes: \"500ms\", \"10s\", \"2m\", \"1h\"");
    }
    if (ns < minimum_ns) {
        return plan_fail_member(reader, place, name, "\"%s\" is too short",
                                json_string_value(value));
    }
    *ret_ns = ns;
    return true;
}

bool plan_choice(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                 const char *name, const char *const *choices, int *ret_choice)
{
    const char *text = NULL;
    if (!plan_text(reader, place, object, name, &text)) {
        return false;
    }
    for (int i = 0; text != NULL && choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *ret_choice = i;
            return true;
        }
    }
    return text == NULL || plan_fail_member(reader, place, name, "no \"%s\"; %s", text,
                                            advice_of(reader, choices, text));
}

bool plan_list(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
               const char *name, size_t maximum, const json_t **ret_list)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        *ret_list = NULL;
        return true;
    }
    if (!json_is_array(value)) {
        return plan_fail_member(reader, place, name, "takes a list […]");
    }
    if (json_array_size(value) > maximum) {
        return plan_fail_member(reader, place, name, "takes at most %zu elements", maximum);
    }
    *ret_list = value;
    return true;
}

void *plan_memory(struct plan_reader *reader, size_t count, size_t size)
{
    void *memory = ds_arena_zalloc(reader->arena, count * size);
    assert(memory != NULL);
    return memory;
}

const char *plan_copy(struct plan_reader *reader, const char *text)
{
    const char *copy = ds_arena_copy_text(reader->arena, text, strlen(text));
    assert(copy != NULL);
    return copy;
}
