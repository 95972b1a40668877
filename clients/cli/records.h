/* Rows of the command line's own making, which no .proto describes, in the formats of rows.h. */
#ifndef CLI_RECORDS_H
#define CLI_RECORDS_H

#include "clients/cli/rows.h"
#include "clients/cli/table.h"

struct records;

/* `columns` outlives the records; values of number columns are written as JSON has numbers. */
struct records *records_create(FILE *stream, enum rows_format format,
                               const struct table_column *columns, size_t column_count);

/* Writes a row: a value a column, NULL where there is none. */
void records_add(struct records *records, const char *const *values);

/* Writes what is kept and what ends the format. Takes NULL. */
void records_destroy(struct records *records);

#endif
