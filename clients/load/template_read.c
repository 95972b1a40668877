#include "clients/load/template_read.h"

#include "clients/load/template_internal.h"
#include "ds/json.h"
#include "ds/number.h"

#include <string.h>

static bool value_add(struct template_builder *builder, const json_t *value, int depth);

static void text_piece_add(struct template_builder *builder, struct ds_bytes text)
{
    const size_t begin = builder->constant.size;
    ds_json_append_string(&builder->constant, text);
    memmove(builder->constant.data + begin, builder->constant.data + begin + 1,
            builder->constant.size - begin - 2);
    builder->constant.size -= 2;
}

/* A text that is one place and nothing else. */
static bool is_sole_place(const struct template_stretch *first)
{
    return first->has_name && first->constant.size == 0 && first->rest[0] == '\0';
}

static bool sole_place_add(struct template_builder *builder, struct ds_bytes name, bool is_key)
{
    struct template_piece piece;
    if (!template_place_find(builder, name, &piece)) {
        return false;
    }
    const bool is_number =
        !is_key && piece.kind == PIECE_GENERATOR && load_generator_is_number(piece.generator);
    piece.writing = is_number ? WRITE_BARE : WRITE_QUOTED;
    template_piece_add(builder, &piece);
    return true;
}

static bool string_add(struct template_builder *builder, const char *text, bool is_key)
{
    struct template_stretch stretch;
    if (!template_stretch_next(builder, text, &stretch)) {
        return false;
    }
    if (is_sole_place(&stretch)) {
        return sole_place_add(builder, stretch.name, is_key);
    }
    ds_buffer_append_byte(&builder->constant, '"');
    for (;;) {
        text_piece_add(builder, stretch.constant);
        if (stretch.is_escape) {
            ds_buffer_append_text(&builder->constant, "${");
        }
        struct template_piece piece;
        if (stretch.has_name) {
            if (!template_place_find(builder, stretch.name, &piece)) {
                return false;
            }
            piece.writing = WRITE_INSIDE;
            template_piece_add(builder, &piece);
        }
        if (stretch.rest[0] == '\0') {
            break;
        }
        if (!template_stretch_next(builder, stretch.rest, &stretch)) {
            return false;
        }
    }
    ds_buffer_append_byte(&builder->constant, '"');
    return true;
}

static void number_add(struct template_builder *builder, const json_t *value)
{
    char text[DS_DOUBLE_TEXT_MAX];
    const size_t bytes = json_is_integer(value) ? ds_int64_format(json_integer_value(value), text)
                                                : ds_double_format(json_real_value(value), text);
    ds_buffer_append(&builder->constant, text, bytes);
}

static bool list_add(struct template_builder *builder, const json_t *list, int depth)
{
    ds_buffer_append_byte(&builder->constant, '[');
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0) {
            ds_buffer_append_byte(&builder->constant, ',');
        }
        if (!value_add(builder, json_array_get(list, i), depth)) {
            return false;
        }
    }
    ds_buffer_append_byte(&builder->constant, ']');
    return true;
}

static bool fail(struct template_builder *builder, const char *what)
{
    snprintf(builder->reason, LOAD_TEMPLATE_REASON_BYTES_MAX, "%s", what);
    return false;
}

/* {"$repeat": count, "$of": element} */
static bool repeat_add(struct template_builder *builder, const json_t *object, int depth)
{
    const json_t *count = json_object_get(object, "$repeat");
    const json_t *element = json_object_get(object, "$of");
    if (element == NULL || json_object_size(object) != 2) {
        return fail(builder, "\"$repeat\" takes one other member, \"$of\": what is repeated");
    }
    if (!json_is_integer(count) || json_integer_value(count) < 1 ||
        json_integer_value(count) > LOAD_REPEAT_MAX) {
        return fail(builder, "\"$repeat\" takes a whole number from 1 to 100000");
    }
    if (builder->is_repeated) {
        return fail(builder, "\"$repeat\" can't stand in another one");
    }
    struct template_builder rows;
    template_builder_init(&rows, builder->arena, builder->names, builder->reason);
    rows.is_repeated = true;
    rows.row_count = (uint64_t)json_integer_value(count);
    const bool is_added = value_add(&rows, element, depth);
    if (is_added) {
        ds_buffer_append_byte(&builder->constant, '[');
        const struct template_piece piece = {
            .kind = PIECE_REPEAT, .rows = template_finish(&rows), .row_count = rows.row_count};
        template_piece_add(builder, &piece);
        ds_buffer_append_byte(&builder->constant, ']');
    }
    template_builder_deinit(&rows);
    return is_added;
}

static bool object_add(struct template_builder *builder, const json_t *object, int depth)
{
    if (json_object_get(object, "$repeat") != NULL) {
        return repeat_add(builder, object, depth);
    }
    const char *name = NULL;
    const json_t *value = NULL;
    bool is_first = true;
    ds_buffer_append_byte(&builder->constant, '{');
    json_object_foreach((json_t *)object, name, value)
    {
        if (!is_first) {
            ds_buffer_append_byte(&builder->constant, ',');
        }
        is_first = false;
        if (!string_add(builder, name, true)) {
            return false;
        }
        ds_buffer_append_byte(&builder->constant, ':');
        if (!value_add(builder, value, depth)) {
            return false;
        }
    }
    ds_buffer_append_byte(&builder->constant, '}');
    return true;
}

static bool value_add(struct template_builder *builder, const json_t *value, int depth)
{
    if (depth == LOAD_TEMPLATE_DEPTH_MAX) {
        return fail(builder, "lists and objects lie too deep in one another");
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_add(builder, value, depth + 1);
    case JSON_ARRAY:
        return list_add(builder, value, depth + 1);
    case JSON_STRING:
        return string_add(builder, json_string_value(value), false);
    case JSON_INTEGER:
    case JSON_REAL:
        number_add(builder, value);
        return true;
    case JSON_TRUE:
        ds_buffer_append_text(&builder->constant, "true");
        return true;
    case JSON_FALSE:
        ds_buffer_append_text(&builder->constant, "false");
        return true;
    case JSON_NULL:
        ds_buffer_append_text(&builder->constant, "null");
        return true;
    }
    return true;
}

const struct load_template *load_template_of_json(struct ds_arena *arena, const json_t *value,
                                                  const struct load_names *names,
                                                  char ret_reason[LOAD_TEMPLATE_REASON_BYTES_MAX])
{
    struct template_builder builder;
    template_builder_init(&builder, arena, names, ret_reason);
    const struct load_template *template =
        value_add(&builder, value, 0) ? template_finish(&builder) : NULL;
    template_builder_deinit(&builder);
    return template;
}
