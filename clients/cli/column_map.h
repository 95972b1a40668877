/* Which column of a CSV file fills which field of a row: "timestamp=0,price=Close". */
#ifndef CLI_COLUMN_MAP_H
#define CLI_COLUMN_MAP_H

#include "clients/cli/csv.h"
#include "ds/arena.h"
#include "ds/code.h"
#include "ds/schema.h"

#define COLUMN_MAP_MAX 64
#define COLUMN_REASON_BYTES_MAX 256

struct column {
    const struct ds_field *field;
    const char *name; /* as the header has it; NULL where the map says an index */
    size_t index;     /* from 0; known once the map is bound where there is a name */
};

struct column_map {
    struct column columns[COLUMN_MAP_MAX];
    size_t count;
};

/*
 * Reads FIELD=COLUMN pairs parted by commas; a column is its index from 0 or its name in the
 * header. DS_INVALID_ARGUMENT: ret_reason says what is wrong. Texts go into `arena`.
 */
DS_MUST_USE ds_code column_map_parse(const char *text, const struct ds_message *row,
                                     struct ds_arena *arena, struct column_map *ret_map,
                                     char ret_reason[COLUMN_REASON_BYTES_MAX]);

/* True where a column is named, which takes a header line. */
bool column_map_has_names(const struct column_map *map);

/* Finds the named columns in the header line. DS_NOT_FOUND: ret_reason names the missing one and
 * the nearest. */
DS_MUST_USE ds_code column_map_bind(struct column_map *map, const struct csv_record *header,
                                    struct ds_arena *arena,
                                    char ret_reason[COLUMN_REASON_BYTES_MAX]);

/*
 * The map of a header line that names a field in every column. DS_INVALID_ARGUMENT: ret_reason
 * names the column that is none and the nearest field.
 */
DS_MUST_USE ds_code column_map_from_header(const struct csv_record *header,
                                           const struct ds_message *row, struct ds_arena *arena,
                                           struct column_map *ret_map,
                                           char ret_reason[COLUMN_REASON_BYTES_MAX]);

/* The column of the field of that name; NULL where the map has none. */
const struct column *column_map_find(const struct column_map *map, const char *field_name);

#endif
