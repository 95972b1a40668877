#include "clients/cli/column_map.h"

#include "ds/number.h"
#include "ds/suggest.h"

#include <stdio.h>

static ds_code refuse_field(const struct ds_message *row, const char *name, char *ret_reason)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, name);
    for (size_t i = 0; i < row->field_count; i++) {
        ds_suggest_offer(&suggestion, row->fields[i].name);
    }
    if (suggestion.best != NULL) {
        snprintf(ret_reason, COLUMN_REASON_BYTES_MAX,
                 "a row has no field \"%s\"; did you mean \"%s\"?", name, suggestion.best);
    } else {
        snprintf(ret_reason, COLUMN_REASON_BYTES_MAX, "a row has no field \"%s\"", name);
    }
    return DS_INVALID_ARGUMENT;
}

static ds_code parse_pair(const char *pair, const struct ds_message *row, struct ds_arena *arena,
                          struct column_map *map, char *ret_reason)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair || equals[1] == '\0') {
        snprintf(ret_reason, COLUMN_REASON_BYTES_MAX,
                 "\"%s\" is not of the form FIELD=COLUMN, such as price=Close", pair);
        return DS_INVALID_ARGUMENT;
    }
    const char *name = ds_arena_copy_text(arena, pair, (size_t)(equals - pair));
    const struct ds_field *field = ds_field_by_name(row, pair, (size_t)(equals - pair));
    if (field == NULL) {
        return refuse_field(row, name, ret_reason);
    }
    if (column_map_find(map, field->name) != NULL || map->count == COLUMN_MAP_MAX) {
        snprintf(ret_reason, COLUMN_REASON_BYTES_MAX, "\"%s\" is mapped twice", name);
        return DS_INVALID_ARGUMENT;
    }
    struct column column = {.field = field};
    uint64_t index = 0;
    if (ds_uint64_parse(ds_bytes_of_text(equals + 1), &index) && index < CSV_FIELDS_MAX) {
        column.index = (size_t)index;
    } else {
        column.name = ds_arena_copy_text(arena, equals + 1, strlen(equals + 1));
    }
    map->columns[map->count++] = column;
    return DS_OK;
}

ds_code column_map_parse(const char *text, const struct ds_message *row, struct ds_arena *arena,
                         struct column_map *ret_map, char ret_reason[COLUMN_REASON_BYTES_MAX])
{
    struct column_map map = {.count = 0};
    for (;;) {
        const size_t pair_bytes = strcspn(text, ",");
        const char *pair = ds_arena_copy_text(arena, text, pair_bytes);
        DS_TRY(parse_pair(pair, row, arena, &map, ret_reason));
        if (text[pair_bytes] == '\0') {
            break;
        }
        text += pair_bytes + 1;
    }
    *ret_map = map;
    return DS_OK;
}

bool column_map_has_names(const struct column_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        if (map->columns[i].name != NULL) {
            return true;
        }
    }
    return false;
}

static ds_code bind_column(struct column *column, const struct csv_record *header,
                           struct ds_arena *arena, char *ret_reason)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, column->name);
    for (size_t i = 0; i < header->field_count; i++) {
        if (ds_bytes_equal_text(header->fields[i], column->name)) {
            column->index = i;
            return DS_OK;
        }
        const char *name =
            ds_arena_copy_text(arena, (const char *)header->fields[i].data, header->fields[i].size);
        ds_suggest_offer(&suggestion, name == NULL ? "" : name);
    }
    snprintf(ret_reason, COLUMN_REASON_BYTES_MAX, "the header has no column \"%s\"%s%s%s",
             column->name, suggestion.best == NULL ? "" : "; did you mean \"",
             suggestion.best == NULL ? "" : suggestion.best, suggestion.best == NULL ? "" : "\"?");
    return DS_NOT_FOUND;
}

ds_code column_map_bind(struct column_map *map, const struct csv_record *header,
                        struct ds_arena *arena, char ret_reason[COLUMN_REASON_BYTES_MAX])
{
    for (size_t i = 0; i < map->count; i++) {
        if (map->columns[i].name != NULL) {
            DS_TRY(bind_column(&map->columns[i], header, arena, ret_reason));
        }
    }
    return DS_OK;
}

static ds_code refuse_header(const struct ds_message *row, const char *name, size_t index,
                             char *ret_reason)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, name);
    for (size_t i = 0; i < row->field_count; i++) {
        ds_suggest_offer(&suggestion, row->fields[i].name);
    }
    snprintf(ret_reason, COLUMN_REASON_BYTES_MAX,
             "the first line names no field in column %zu (\"%.64s\")%s%s%s; --map says which "
             "column fills which field",
             index, name, suggestion.best == NULL ? "" : ", perhaps \"",
             suggestion.best == NULL ? "" : suggestion.best, suggestion.best == NULL ? "" : "\"");
    return DS_INVALID_ARGUMENT;
}

/* A cell holds a scalar or a time; lists and messages have no text that a cell could hold. */
static bool fits_cell(const struct ds_field *field)
{
    return (field->flags & DS_FIELD_REPEATED) == 0 &&
           (field->message == NULL || ds_wellknown_is_text(field->message->wellknown));
}

ds_code column_map_from_header(const struct csv_record *header, const struct ds_message *row,
                               struct ds_arena *arena, struct column_map *ret_map,
                               char ret_reason[COLUMN_REASON_BYTES_MAX])
{
    struct column_map map = {.count = 0};
    for (size_t i = 0; i < header->field_count; i++) {
        const struct ds_bytes name = header->fields[i];
        const struct ds_field *field = ds_field_by_name(row, (const char *)name.data, name.size);
        const char *text = ds_arena_copy_text(arena, (const char *)name.data, name.size);
        text = text == NULL ? "" : text;
        if (field == NULL || !fits_cell(field)) {
            return refuse_header(row, text, i, ret_reason);
        }
        if (column_map_find(&map, field->name) != NULL || map.count == COLUMN_MAP_MAX) {
            snprintf(ret_reason, COLUMN_REASON_BYTES_MAX,
                     "the first line names \"%.64s\" in two columns", text);
            return DS_INVALID_ARGUMENT;
        }
        map.columns[map.count++] = (struct column){.field = field, .index = i};
    }
    *ret_map = map;
    return DS_OK;
}

const struct column *column_map_find(const struct column_map *map, const char *field_name)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->columns[i].field->name, field_name) == 0) {
            return &map->columns[i];
        }
    }
    return NULL;
}
