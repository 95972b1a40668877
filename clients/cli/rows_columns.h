/* A message type as columns, and the values of a row in them. */
#ifndef CLI_ROWS_COLUMNS_H
#define CLI_ROWS_COLUMNS_H

#include "clients/cli/table.h"
#include "ds/arena.h"
#include "ds/buffer.h"
#include "ds/code.h"
#include "ds/schema.h"

#define ROWS_COLUMNS_MAX 64
/* Messages within one another that still have columns of their own. */
#define ROWS_COLUMN_DEPTH_MAX 3

struct rows_column {
    uint32_t numbers[ROWS_COLUMN_DEPTH_MAX]; /* of the fields on the way to the value */
    size_t depth;
    const struct ds_message *owner; /* of the last field */
    const struct ds_field *field;
};

/* A value of the row read last. */
struct rows_value {
    size_t offset; /* into struct rows_columns.values_text */
    size_t size;
    bool is_present;
};

struct rows_columns {
    struct rows_column items[ROWS_COLUMNS_MAX];
    struct table_column heads[ROWS_COLUMNS_MAX]; /* "price", "rule.kind" */
    size_t count;
    struct rows_value values[ROWS_COLUMNS_MAX];
    struct ds_buffer values_text;
    struct ds_arena *arena; /* holds the names */
    struct ds_buffer text;  /* of one value */
    struct ds_buffer wire;  /* the occurrences of a repeated field */
};

/* A message inside the message has a column for each of its fields; a list has one. */
void rows_columns_init(struct rows_columns *columns, const struct ds_message *message);
void rows_columns_deinit(struct rows_columns *columns);

/*
 * Reads the values that the row has, as text without JSON's quotes; a list as JSON, or as the
 * number of its items where `counts_lists`. DS_INVALID_ARGUMENT where the row is damaged,
 * DS_RESOURCE_EXHAUSTED where it is too large.
 */
DS_MUST_USE ds_code rows_columns_read(struct rows_columns *columns, struct ds_bytes row,
                                      bool counts_lists);

/* What the row read last has in a column, which lives until the next one is read; false where it
 * has nothing. */
bool rows_columns_value(const struct rows_columns *columns, size_t column,
                        struct ds_bytes *ret_text);

#endif
