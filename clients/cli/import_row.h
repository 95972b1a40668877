/* A record of a CSV file as a row on the wire. */
#ifndef CLI_IMPORT_ROW_H
#define CLI_IMPORT_ROW_H

#include "clients/cli/column_map.h"
#include "ds/buffer.h"

#define IMPORT_REASON_BYTES_MAX 256

enum import_time {
    IMPORT_TIME_ISO = 0,
    IMPORT_TIME_UNIX, /* seconds, perhaps with a fraction */
    IMPORT_TIME_UNIX_MS,
    IMPORT_TIME_UNIX_US,
};

/* The names in the order of the numbers, NULL at the end. */
extern const char *const import_time_choices[];

struct import_row {
    struct column_map map; /* bound */
    const struct ds_message *message;
    const char *product; /* of rows whose column says none; NULL or "": none */
    const char *symbol;  /* the same of quotes */
    enum import_time time_format;
};

/*
 * Appends the row. An empty column leaves its field absent. DS_INVALID_ARGUMENT: ret_field names
 * the field at fault ("" for the whole record) and ret_reason says what is wrong with it.
 */
DS_MUST_USE ds_code import_row_write(const struct import_row *row, const struct csv_record *record,
                                     struct ds_buffer *wire, const char **ret_field,
                                     char ret_reason[IMPORT_REASON_BYTES_MAX]);

/* Whether the record's timestamp column holds a time; a header line does not. */
bool import_row_has_time(const struct import_row *row, const struct csv_record *record);

#endif
