/*
 * Reads CSV (RFC 4180) record by record from a stream: quoted fields with "" for a quote and with
 * line breaks inside, CRLF or LF, a byte order mark in front, a last line without its end. Memory
 * does not grow with the file. A damaged record is reported with its line; reading goes on with the
 * line after the one on which the record began, so that one stray quote costs one row.
 */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include "ds/bytes.h"

#include <stdio.h>

#define CSV_RECORD_BYTES_MAX (64 * 1024)
#define CSV_FIELDS_MAX 256

struct csv_record {
    const struct ds_bytes *fields; /* live until the next read */
    const bool *is_quoted;         /* of each field: it stood in quotes */
    size_t field_count;
    uint64_t line;   /* on which it begins, from 1 */
    uint64_t offset; /* at which it begins, in bytes of the stream */
};

enum csv_result {
    CSV_RECORD,
    CSV_END,
    CSV_DAMAGED,    /* the next read goes on behind it */
    CSV_UNREADABLE, /* the stream failed; there is no more */
};

struct csv_reader;

/* Reads `stream`, which stays the caller's; fields are parted by `delimiter`. */
struct csv_reader *csv_reader_create(FILE *stream, char delimiter);

/* Takes NULL. */
void csv_reader_destroy(struct csv_reader *reader);

/*
 * The next record that is not an empty line. On CSV_DAMAGED ret_record has the line only, and
 * ret_reason (static storage) says what is wrong.
 */
enum csv_result csv_reader_next(struct csv_reader *reader, struct csv_record *ret_record,
                                const char **ret_reason);

/* Where the next record is looked for. */
void csv_reader_place(const struct csv_reader *reader, uint64_t *ret_line, uint64_t *ret_offset);

/* Goes on at a place that csv_reader_place() gave; false where the stream can't be moved. */
bool csv_reader_seek(struct csv_reader *reader, uint64_t line, uint64_t offset);

#endif
