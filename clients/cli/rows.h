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

/* The row of a command's table that says the format; `options` has the member `format`. */
#define ROWS_FORMAT_SETTING(options)                                                               \
    {                                                                                              \
        .name = "output", .short_flag = 'o', .environment = {"DS_OUTPUT"},                         \
        .kind = DS_SETTING_CHOICE, .argument = "FORMAT", .default_text = "auto",                   \
        .choices = rows_format_choices,                                                            \
        .help = "table, json, ndjson or csv; auto: a table on a terminal, NDJSON elsewhere",       \
        .offset = offsetof(struct options, format)                                                 \
    }

/* How the command line writes JSON: names of the .proto, 64-bit integers as numbers. */
extern const struct ds_json_style rows_json_style;

/* What ROWS_AUTO means for that stream. */
enum rows_format rows_format_for(FILE *stream, enum rows_format format);

struct rows;

/* Rows of type `message` to `stream`; both outlive the rows. On a terminal a table fits its lines.
 */
struct rows *rows_create(FILE *stream, enum rows_format format, const struct ds_message *message);

/* The same for one row or a few: a table has a line a value. */
struct rows *rows_create_vertical(FILE *stream, enum rows_format format,
                                  const struct ds_message *message);

/* Writes one row, which must be a well-formed message; a table keeps it until its page is full.
 * DS_INVALID_ARGUMENT where it is damaged. */
DS_MUST_USE ds_code rows_add(struct rows *rows, struct ds_bytes wire);

/* Writes what is kept and what ends the format. Takes NULL. */
void rows_destroy(struct rows *rows);

#endif
