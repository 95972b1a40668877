/* Rows of a reply as a table, a JSON array, NDJSON or CSV. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/json.h"
#include "ds/schema.h"

#include <stdio.h>

enum rows_format {
    ROWS_AUTO = 0, /* a table on a terminal, else NDJSON */
    ROWS_TABLE,
    ROWS_JSON,
    ROWS_NDJSON,
    ROWS_CSV,
};

/* The names in the order of the numbers, NULL at the end. */
extern const char *const rows_format_choices[];

/* How the command line writes JSON: names of the .proto, 64-bit integers as numbers. */
extern const struct ds_json_style rows_json_style;

struct rows;

/* Rows of type `message` to `stream`; both outlive the rows. */
struct rows *rows_create(FILE *stream, enum rows_format format, const struct ds_message *message);

/* Writes one row, which must be a well-formed message; a table keeps it until its page is full. */
DS_MUST_USE ds_code rows_add(struct rows *rows, struct ds_bytes wire);

/* Writes what is kept and what ends the format. Takes NULL. */
void rows_destroy(struct rows *rows);

#endif
