/*
 * Rows to a stream in the formats that row_reader reads: what is written reads back as the same
 * rows, value for value. Not thread-safe.
 */
#ifndef CLI_ROW_WRITER_H
#define CLI_ROW_WRITER_H

#include "clients/cli/row_reader.h"

struct row_writer;

/* The stream stays the caller's. `format` is not ROW_FORMAT_AUTO, and not CSV for chains.
 * `goes_on`: the stream has rows already, so that CSV's header is not written again. */
struct row_writer *row_writer_create(FILE *stream, enum row_kind kind, enum row_format format,
                                     bool goes_on);

/* Takes NULL. Writes CSV's header where there was no row. */
void row_writer_destroy(struct row_writer *writer);

/* Writes a row, which must be a well-formed message of the kind. DS_INVALID_ARGUMENT where the
 * format can't carry it, DS_UNAVAILABLE where the stream fails. */
DS_MUST_USE ds_code row_writer_add(struct row_writer *writer, struct ds_bytes row);

#endif
