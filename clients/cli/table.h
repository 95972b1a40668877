/*
 * Text in columns, page by page: a head, numbers on the right, columns without a value left out. In
 * lines of a given width texts are cut, and where that is not enough columns on the right are left
 * out and the head ends with an ellipsis. Neither commands nor formats are known
 * here.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "ds/bytes.h"

#include <stdio.h>

struct table_column {
    const char *name;
    bool is_number; /* on the right, and never cut: a part of a number is another number */
};

struct table_options {
    const struct table_column *columns; /* outlive the table */
    size_t column_count;
    size_t width;     /* of a line in characters; 0: any */
    bool is_bold;     /* the head */
    bool is_vertical; /* a line a value instead of a line a row */
};

struct table;

struct table *table_create(FILE *stream, const struct table_options *options);

/* Begins a row, which has no values yet. What came before may be written. */
void table_row(struct table *table);

/* Sets a value of the row, once; what would steer a terminal becomes a blank. */
void table_cell(struct table *table, size_t column, struct ds_bytes text);

/* Writes what is kept. Takes NULL. */
void table_destroy(struct table *table);

/* The width of the terminal that `stream` writes to; 0 where it is none. */
size_t table_terminal_width(FILE *stream);

/* Whether `stream` is a terminal that shows bold text, and nobody asked for NO_COLOR. */
bool table_terminal_is_bold(FILE *stream);

#endif
