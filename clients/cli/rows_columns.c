#include "clients/cli/rows_columns.h"

#include "clients/cli/fields.h"
#include "clients/cli/rows.h"

#include <string.h>

#define COLUMN_NAMES_BYTES_MAX (64 * 1024)
#define COLUMN_VALUE_BYTES_MAX (32 * 1024 * 1024)
#define COLUMN_ROW_BYTES_MAX (64 * 1024 * 1024)

static bool is_repeated(const struct ds_field *field)
{
    return (field->flags & DS_FIELD_REPEATED) != 0;
}

static bool is_number(const struct ds_field *field)
{
    return field->kind != DS_KIND_STRING && field->kind != DS_KIND_MESSAGE &&
           field->kind != DS_KIND_BYTES && field->kind != DS_KIND_ENUM &&
           field->kind != DS_KIND_BOOL;
}

/* Whether the fields of the value have columns of their own. */
static bool is_spread(const struct ds_field *field, size_t depth)
{
    return field->kind == DS_KIND_MESSAGE && !is_repeated(field) &&
           field->message->wellknown == DS_WELLKNOWN_NONE && depth < ROWS_COLUMN_DEPTH_MAX;
}

/* Where the columns of a message begin: their way and their names. */
struct place {
    uint32_t numbers[ROWS_COLUMN_DEPTH_MAX];
    size_t depth;
    const char *prefix; /* "rule." */
};

static void add_column(struct rows_columns *columns, const struct place *place,
                       const struct ds_message *owner, const struct ds_field *field)
{
    const size_t index = columns->count;
    if (index == ROWS_COLUMNS_MAX) {
        return;
    }
    struct rows_column *column = &columns->items[index];
    *column = (struct rows_column){.depth = place->depth + 1, .owner = owner, .field = field};
    memcpy(column->numbers, place->numbers, sizeof(column->numbers));
    column->numbers[place->depth] = field->number;
    columns->heads[index] = (struct table_column){
        .name = ds_arena_printf(columns->arena, "%s%s", place->prefix, field->name),
        .is_number = is_number(field) || is_repeated(field)};
    columns->count++;
}

/* The messages have no cycles, and the depth is bounded. */
static void add_columns(struct rows_columns *columns, const struct place *place,
                        const struct ds_message *message)
{
    for (size_t i = 0; i < message->field_count; i++) {
        const struct ds_field *field = &message->fields[i];
        if (!is_spread(field, place->depth + 1)) {
            add_column(columns, place, message, field);
            continue;
        }
        struct place inner = *place;
        inner.numbers[inner.depth++] = field->number;
        inner.prefix = ds_arena_printf(columns->arena, "%s%s.", place->prefix, field->name);
        add_columns(columns, &inner, field->message);
    }
}

void rows_columns_init(struct rows_columns *columns, const struct ds_message *message)
{
    *columns = (struct rows_columns){.arena = ds_arena_create(COLUMN_NAMES_BYTES_MAX)};
    ds_buffer_init(&columns->values_text, COLUMN_ROW_BYTES_MAX);
    ds_buffer_init(&columns->text, COLUMN_VALUE_BYTES_MAX);
    ds_buffer_init(&columns->wire, COLUMN_VALUE_BYTES_MAX);
    const struct place place = {.prefix = ""};
    add_columns(columns, &place, message);
}

void rows_columns_deinit(struct rows_columns *columns)
{
    ds_buffer_deinit(&columns->values_text);
    ds_buffer_deinit(&columns->text);
    ds_buffer_deinit(&columns->wire);
    ds_arena_destroy(columns->arena);
}

/* A row on its way into columns. */
struct walk {
    struct rows_columns *columns;
    bool counts_lists;
};

/*
 * The value of one field as JSON text: a message of that field alone is written as {"name":value},
 * and the value is cut out. Empty for a value that JSON leaves out as the default.
 */
static ds_code value_json(struct rows_columns *columns, const struct rows_column *column,
                          struct ds_bytes wire, struct ds_bytes *ret_text)
{
    const size_t prefix_bytes = strlen("{\"\":") + column->field->name_bytes;
    ds_buffer_clear(&columns->text);
    DS_TRY(ds_wire_to_json(column->owner, wire, &rows_json_style, &columns->text));
    *ret_text = columns->text.size <= prefix_bytes
                    ? (struct ds_bytes){0}
                    : ds_bytes_of(columns->text.data + prefix_bytes,
                                  columns->text.size - prefix_bytes - strlen("}"));
    return DS_OK;
}

/* A value that comes again takes the place of the one before. */
static void give(struct walk *walk, size_t column, struct ds_bytes text)
{
    struct rows_columns *columns = walk->columns;
    columns->values[column] = (struct rows_value){
        .offset = columns->values_text.size, .size = text.size, .is_present = true};
    ds_buffer_append(&columns->values_text, text.data, text.size);
}

static ds_code give_scalar(struct walk *walk, size_t index, const struct field *occurrence)
{
    const struct rows_column *column = &walk->columns->items[index];
    /* A string stands on the wire as it is; JSON would escape it. */
    if (column->field->kind == DS_KIND_STRING) {
        give(walk, index, occurrence->bytes);
        return DS_OK;
    }
    struct ds_bytes text = {0};
    DS_TRY(value_json(walk->columns, column, occurrence->whole, &text));
    if (text.size >= 2 && text.data[0] == '"') {
        text = ds_bytes_of(text.data + 1, text.size - 2);
    }
    if (text.size > 0) {
        give(walk, index, text);
    }
    return DS_OK;
}

/* Puts all that the message has of a repeated field into columns->wire. */
static ds_code collect_list(struct rows_columns *columns, struct ds_bytes message, uint32_t number,
                            size_t *ret_count)
{
    size_t count = 0;
    struct ds_wire_reader reader = ds_wire_reader_of(message);
    ds_buffer_clear(&columns->wire);
    while (!ds_wire_at_end(&reader)) {
        struct field occurrence;
        DS_TRY(field_next(&reader, &occurrence));
        if (occurrence.number == number) {
            ds_buffer_append(&columns->wire, occurrence.whole.data, occurrence.whole.size);
            count++;
        }
    }
    *ret_count = count;
    return columns->wire.overflow ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

/* Numbers may share an occurrence, so that their JSON is counted; it has no commas inside. */
static size_t count_items(struct ds_bytes json)
{
    size_t count = json.size > strlen("[]");
    for (size_t i = 0; i < json.size; i++) {
        count += json.data[i] == ',';
    }
    return count;
}

static ds_code give_list(struct walk *walk, size_t index, struct ds_bytes message)
{
    const struct rows_column *column = &walk->columns->items[index];
    const uint8_t kind = column->field->kind;
    size_t count = 0;
    struct ds_bytes json = {0};
    DS_TRY(collect_list(walk->columns, message, column->field->number, &count));
    const bool is_packable =
        kind != DS_KIND_STRING && kind != DS_KIND_BYTES && kind != DS_KIND_MESSAGE;
    if (!walk->counts_lists || is_packable) {
        DS_TRY(value_json(walk->columns, column, ds_buffer_bytes(&walk->columns->wire), &json));
    }
    if (!walk->counts_lists) {
        give(walk, index, json);
        return DS_OK;
    }
    char digits[24];
    snprintf(digits, sizeof(digits), "%zu", is_packable ? count_items(json) : count);
    give(walk, index, ds_bytes_of_text(digits));
    return DS_OK;
}

static bool begins_with(const struct rows_column *column, const uint32_t *numbers, size_t depth)
{
    return column->depth >= depth &&
           memcmp(column->numbers, numbers, depth * sizeof(numbers[0])) == 0;
}

/* A number that is not there is 0 where its field can't be absent. */
static void give_defaults(struct walk *walk, const uint32_t *numbers, size_t depth)
{
    for (size_t i = 0; i < walk->columns->count; i++) {
        const struct rows_column *column = &walk->columns->items[i];
        const struct ds_field *field = column->field;
        const bool is_absent_by_default =
            (field->flags & (DS_FIELD_PRESENCE | DS_FIELD_REPEATED | DS_FIELD_SERIES)) == 0;
        if (walk->columns->values[i].is_present || !is_absent_by_default ||
            column->depth != depth + 1 || !begins_with(column, numbers, depth)) {
            continue;
        }
        if (is_number(field)) {
            give(walk, i, ds_bytes_of_text("0"));
        } else if (field->kind == DS_KIND_BOOL) {
            give(walk, i, ds_bytes_of_text("false"));
        }
    }
}

static ds_code walk_message(struct walk *walk, const uint32_t *numbers, size_t depth,
                            struct ds_bytes message);

static ds_code walk_field(struct walk *walk, const uint32_t *numbers, size_t depth,
                          struct ds_bytes message, const struct field *occurrence)
{
    uint32_t inner[ROWS_COLUMN_DEPTH_MAX] = {0};
    memcpy(inner, numbers, depth * sizeof(numbers[0]));
    inner[depth] = occurrence->number;
    for (size_t i = 0; i < walk->columns->count; i++) {
        const struct rows_column *column = &walk->columns->items[i];
        if (!begins_with(column, inner, depth + 1)) {
            continue;
        }
        if (column->depth > depth + 1) {
            return walk_message(walk, inner, depth + 1, occurrence->bytes);
        }
        if (!is_repeated(column->field)) {
            return give_scalar(walk, i, occurrence);
        }
        return walk->columns->values[i].is_present ? DS_OK : give_list(walk, i, message);
    }
    return DS_OK;
}

static ds_code walk_message(struct walk *walk, const uint32_t *numbers, size_t depth,
                            struct ds_bytes message)
{
    struct ds_wire_reader reader = ds_wire_reader_of(message);
    while (!ds_wire_at_end(&reader)) {
        struct field occurrence;
        DS_TRY(field_next(&reader, &occurrence));
        DS_TRY(walk_field(walk, numbers, depth, message, &occurrence));
    }
    give_defaults(walk, numbers, depth);
    return DS_OK;
}

ds_code rows_columns_read(struct rows_columns *columns, struct ds_bytes row, bool counts_lists)
{
    static const uint32_t no_numbers[ROWS_COLUMN_DEPTH_MAX] = {0};
    struct walk walk = {.columns = columns, .counts_lists = counts_lists};
    memset(columns->values, 0, sizeof(columns->values));
    ds_buffer_clear(&columns->values_text);
    DS_TRY(walk_message(&walk, no_numbers, 0, row));
    return columns->values_text.overflow ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

bool rows_columns_value(const struct rows_columns *columns, size_t column,
                        struct ds_bytes *ret_text)
{
    const struct rows_value *value = &columns->values[column];
    if (!value->is_present) {
        return false;
    }
    *ret_text = ds_bytes_of(value->size == 0 ? NULL : columns->values_text.data + value->offset,
                            value->size);
    return true;
}
