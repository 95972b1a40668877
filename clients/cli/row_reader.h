/*
 * Rows of a file (or of any stream) as messages on the wire: CSV with a column map or with field
 * names in its header, NDJSON as REST shows rows, and protobuf messages each behind its length as a
 * varint, which is what writeDelimitedTo() of other languages writes. Memory does not grow with the
 * file. Not thread-safe.
 */
#ifndef CLI_ROW_READER_H
#define CLI_ROW_READER_H

#include "clients/cli/import_row.h"
#include "clients/common/row_kind.h"
#include "ds/code.h"

#include <stdio.h>

/* Of one row in NDJSON or protobuf; CSV has CSV_RECORD_BYTES_MAX. */
#define ROW_READER_ROW_BYTES_MAX (1024 * 1024)
#define ROW_READER_REASON_BYTES_MAX 512
#define ROW_READER_FIELD_BYTES_MAX 128

enum row_format {
    ROW_FORMAT_AUTO = 0, /* by the name's end, else by the first bytes */
    ROW_FORMAT_CSV,
    ROW_FORMAT_NDJSON,
    ROW_FORMAT_PROTOBUF,
};

/* "auto", "csv", "ndjson", "protobuf" in the order of the numbers, NULL at the end. */
extern const char *const row_format_choices[];

/* What the end of a file's name says; ROW_FORMAT_AUTO where it says nothing. */
enum row_format row_format_of_path(const char *path);

enum row_header {
    ROW_HEADER_AUTO = 0, /* yes where columns are named or the first line's time is none */
    ROW_HEADER_YES,
    ROW_HEADER_NO,
};

/* "auto", "yes", "no" in the order of the numbers, NULL at the end. */
extern const char *const row_header_choices[];

/* Zero is the default of everything but the path. The texts outlive the reader. */
struct row_reader_options {
    const char *path; /* "-": standard input */
    FILE *stream;     /* of the path, open already, and the reader's from here on; NULL: none */
    enum row_kind kind;
    enum row_format format;
    const char *product; /* of rows that name none; NULL: none */
    const char *symbol;  /* the same for quotes */

    /* CSV only. */
    const char *map; /* FIELD=COLUMN,...; NULL: the header names fields */
    char delimiter;  /* '\0': a comma */
    enum row_header header;
    enum import_time time_format;
};

/* A place between two rows, or at one. */
struct row_place {
    uint64_t line;   /* from 1; 0 where the format has no lines (protobuf) */
    uint64_t offset; /* in bytes from the beginning */
};

struct row {
    struct ds_bytes wire;   /* a well-formed message of the kind; lives until the next read */
    struct row_place place; /* where it begins */
};

struct row_fault {
    struct row_place place;                   /* where the row begins */
    char field[ROW_READER_FIELD_BYTES_MAX];   /* "" where the whole row is at fault */
    char reason[ROW_READER_REASON_BYTES_MAX]; /* what is wrong and what would do */
};

enum row_result {
    ROW_READ,
    ROW_END,
    ROW_DAMAGED, /* ret_fault says why; the next read goes on behind it */
    ROW_FAILED,  /* ret_fault says why; there is no more */
};

struct row_reader;

/*
 * Opens the file and finds out format and kind, for which the beginning of the file is read.
 * DS_NOT_FOUND where the file can't be opened, DS_INVALID_ARGUMENT where the options or the
 * beginning of the file can't be right; ret_reason says what would do.
 */
DS_MUST_USE ds_code row_reader_open(const struct row_reader_options *options,
                                    struct row_reader **ret_reader,
                                    char ret_reason[ROW_READER_REASON_BYTES_MAX]);

/* Takes NULL. */
void row_reader_close(struct row_reader *reader);

/* The next row. Only what the result names is filled. May block on a pipe. */
enum row_result row_reader_next(struct row_reader *reader, struct row *ret_row,
                                struct row_fault *ret_fault);

/* ROW_KIND_AUTO only where the file is empty and nothing said the kind. */
enum row_kind row_reader_kind(const struct row_reader *reader);
enum row_format row_reader_format(const struct row_reader *reader);

/* Behind what was read last: where row_reader_seek() goes on. */
struct row_place row_reader_position(const struct row_reader *reader);

/* Goes to a place that row_reader_position() of the same file and options gave. DS_UNAVAILABLE
 * where the input has no places to go to (a pipe). */
DS_MUST_USE ds_code row_reader_seek(struct row_reader *reader, struct row_place place);

/* Writes "line 7" or "byte 1042". */
void row_place_print(struct row_place place, FILE *stream);

#endif
