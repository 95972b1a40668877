/* Values of CSV (RFC 4180) on their way out. */
#ifndef CLI_CSV_WRITE_H
#define CLI_CSV_WRITE_H

#include "ds/bytes.h"

#include <stdio.h>

/* Writes a value, in quotes where it needs them; where there is none nothing is to be written. */
void csv_write_value(FILE *stream, struct ds_bytes value);

#endif
