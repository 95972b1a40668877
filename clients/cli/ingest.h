/*
 * Rows on their way into the store: collected into batches, sent by IngestTicks, counted, and the
 * refused ones told with the line of the file they came from.
 */
#ifndef CLI_INGEST_H
#define CLI_INGEST_H

#include "clients/cli/connection.h"

#include <stddef.h>

#define INGEST_BATCH_ROWS_MAX 10000

/* The names of what becomes of a row whose key is stored with other content, NULL at the end. */
extern const char *const ingest_conflict_choices[];

/* The names of what a bad row does, NULL at the end. */
extern const char *const ingest_on_error_choices[];

/* The rows of a command's table that say how rows are sent; `options` has the members batch_rows,
 * on_error and on_conflict. */
#define INGEST_SETTINGS(options)                                                                   \
    {.name = "batch",                                                                              \
     .kind = DS_SETTING_INTEGER,                                                                   \
     .argument = "N",                                                                              \
     .default_text = "1000",                                                                       \
     .minimum = 1,                                                                                 \
     .maximum = INGEST_BATCH_ROWS_MAX,                                                             \
     .help = "rows sent together",                                                                 \
     .offset = offsetof(struct options, batch_rows)},                                              \
        {.name = "on-error",                                                                       \
         .kind = DS_SETTING_CHOICE,                                                                \
         .argument = "stop|skip",                                                                  \
         .default_text = "stop",                                                                   \
         .choices = ingest_on_error_choices,                                                       \
         .help = "what a bad row does; rows in front of it are stored all the same",               \
         .offset = offsetof(struct options, on_error)},                                            \
    {                                                                                              \
        .name = "on-conflict", .kind = DS_SETTING_CHOICE, .argument = "error|first|last",          \
        .default_text = "error", .choices = ingest_conflict_choices,                               \
        .help = "which row stays where the same key has other content",                            \
        .offset = offsetof(struct options, on_conflict)                                            \
    }

struct ingest_counts {
    uint64_t read; /* rows, sound or not */
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t late;
    uint64_t rejected; /* here or by the service */
};

struct ingest_options {
    const struct connection *connection; /* NULL: nothing is sent (a dry run) */
    size_t batch_rows;
    int conflict; /* of ingest_conflict_choices */
    bool stops_on_error;
};

struct ingest;

struct ingest *ingest_create(const struct ingest_options *options);
void ingest_destroy(struct ingest *ingest);

/* Takes a row (a Tick on the wire) that stood on `line`. DS_ABORTED where a refused row ends the
 * work; another failure is that of a call and has been told. */
DS_MUST_USE ds_code ingest_add(struct ingest *ingest, uint64_t line, struct ds_bytes row);

/* Counts and tells a row that can't be sent; column "" where the row as a whole is at fault. Codes
 * as of ingest_add(). */
DS_MUST_USE ds_code ingest_reject(struct ingest *ingest, uint64_t line, const char *column,
                                  const char *reason);

/* Sends what is collected. Codes as of ingest_add(). */
DS_MUST_USE ds_code ingest_flush(struct ingest *ingest);

struct ingest_counts ingest_counts(const struct ingest *ingest);

/* Ends the work: sends the rest unless it was stopped by `code`, writes the summary to stderr, and
 * returns the exit code. */
int ingest_finish(struct ingest *ingest, ds_code code);

#endif
