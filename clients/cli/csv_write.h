/* CSV (RFC 4180) on its way out. A write that fails is left in the stream. */
#ifndef CLI_CSV_WRITE_H
#define CLI_CSV_WRITE_H

#include "clients/cli/rows_columns.h"

#include <stdio.h>

/* Writes a value, in quotes where it needs them; where there is none nothing is to be written. */
void csv_write_value(FILE *stream, struct ds_bytes value);

/* Writes the line that names the columns. */
void csv_write_head(FILE *stream, const struct table_column *columns, size_t column_count);

/* Writes the row that was read last. */
void csv_write_row(FILE *stream, const struct rows_columns *columns);

#endif
