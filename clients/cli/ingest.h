/*
 * Rows on their way into the store: collected into batches, several of which may be under way at
 * once, counted in the order of the input, and the refused ones told with the place of the input
 * they came from. A call that fails for now is made again for a while: rows that were stored the
 * first time are duplicates then.
 */
#ifndef CLI_INGEST_H
#define CLI_INGEST_H

#include "clients/cli/connection.h"
#include "clients/cli/progress.h"
#include "clients/cli/row_reader.h"

#include <stddef.h>

#define INGEST_BATCH_ROWS_MAX 10000
#define INGEST_CALLS_MAX 16

/* The names of what becomes of a row whose key is stored with other content, NULL at the end. */
extern const char *const ingest_conflict_choices[];

/* The names of what a bad row does, NULL at the end. */
extern const char *const ingest_on_error_choices[];

/* What a person says about how rows are sent. */
struct ingest_settings {
    int64_t batch_rows;
    int64_t parallel;
    int64_t retry_ms;
    const char *rejected_path; /* NULL: none */
    int on_error;
    int on_conflict;
};

/* The rows of a command's table that fill `ingest`, a struct ingest_settings in `options`. */
#define INGEST_SETTINGS(options)                                                                   \
    {.name = "batch",                                                                              \
     .kind = DS_SETTING_INTEGER,                                                                   \
     .argument = "N",                                                                              \
     .default_text = "1000",                                                                       \
     .minimum = 1,                                                                                 \
     .maximum = INGEST_BATCH_ROWS_MAX,                                                             \
     .help = "rows sent together",                                                                 \
     .offset = offsetof(struct options, ingest.batch_rows)},                                       \
        {.name = "parallel",                                                                       \
         .kind = DS_SETTING_INTEGER,                                                               \
         .argument = "N",                                                                          \
         .default_text = "1",                                                                      \
         .minimum = 1,                                                                             \
         .maximum = INGEST_CALLS_MAX,                                                              \
         .help = "batches under way at once; above 1 they may overtake one another, which counts " \
                 "rows as late and lets either of two conflicting rows win",                       \
         .offset = offsetof(struct options, ingest.parallel)},                                     \
        {.name = "retry-for",                                                                      \
         .kind = DS_SETTING_DURATION,                                                              \
         .argument = "TIME",                                                                       \
         .default_text = "30s",                                                                    \
         .minimum = 0,                                                                             \
         .maximum = 3600000,                                                                       \
         .help = "how long a batch is sent again while the service is away or has no room",        \
         .offset = offsetof(struct options, ingest.retry_ms)},                                     \
        {.name = "on-error",                                                                       \
         .kind = DS_SETTING_CHOICE,                                                                \
         .argument = "stop|skip",                                                                  \
         .default_text = "stop",                                                                   \
         .choices = ingest_on_error_choices,                                                       \
         .help = "what a bad row does; rows in front of it are stored all the same",               \
         .offset = offsetof(struct options, ingest.on_error)},                                     \
        {.name = "on-conflict",                                                                    \
         .kind = DS_SETTING_CHOICE,                                                                \
         .argument = "error|first|last",                                                           \
         .default_text = "error",                                                                  \
         .choices = ingest_conflict_choices,                                                       \
         .help = "which row stays where the same key has other content",                           \
         .offset = offsetof(struct options, ingest.on_conflict)},                                  \
    {                                                                                              \
        .name = "rejected", .kind = DS_SETTING_TEXT, .argument = "FILE",                           \
        .help = "write every rejected row's place and reason there; the first 100 are also shown", \
        .offset = offsetof(struct options, ingest.rejected_path)                                   \
    }

struct ingest_counts {
    uint64_t read; /* rows, sound or not, of which it is known what became of them */
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t late;
    uint64_t rejected; /* here or by the service */
};

struct ingest_options {
    const struct connection *connection; /* NULL: nothing is sent (a dry run) */
    enum row_kind kind;
    struct ingest_settings settings;
    bool is_quiet;              /* no summary */
    FILE *rejected;             /* NULL: none; stays the caller's */
    struct progress *progress;  /* NULL: none; hidden while something is told */
    struct ingest_counts begun; /* of earlier runs over the same input */
    /* Everything in front of `end` is done for good; in the order of the input. NULL: nobody. */
    void (*settled)(void *context, struct row_place end, const struct ingest_counts *counts);
    void *context;
};

/* Opens the file for rejected rows and keeps `kept_bytes` of what is in it; ret_file is NULL where
 * `path` is. False where it can't be written, which has been told. */
DS_MUST_USE bool ingest_open_rejected(const char *path, uint64_t kept_bytes, FILE **ret_file);

/* Takes NULL. False where something could not be written, which has been told. */
DS_MUST_USE bool ingest_close_rejected(const char *path, FILE *file);

struct ingest;

struct ingest *ingest_create(const struct ingest_options *options);

/* Takes NULL. Waits for calls under way. */
void ingest_destroy(struct ingest *ingest);

/*
 * Takes a row (a message of the kind on the wire) that stood at row->place of an input that goes on
 * at `end`. DS_ABORTED where a refused row ends the work, DS_CANCELLED where the program is to end;
 * another failure is that of a call and has been told.
 */
DS_MUST_USE ds_code ingest_add(struct ingest *ingest, const struct row *row, struct row_place end);

/* Counts and tells a row that can't be sent. Codes as of ingest_add(). */
DS_MUST_USE ds_code ingest_reject(struct ingest *ingest, const struct row_fault *fault,
                                  struct row_place end);

/* Ends the work, which ended with `code`: sends the rest where that is wanted, waits for what is
 * under way, writes the summary to stderr and returns the exit code. */
int ingest_finish(struct ingest *ingest, ds_code code);

/* Takes all rows of the reader, whose file is told as `path`, and finishes. An interrupt ends it; a
 * place where the file can't be read any further does, and what stood in front of it is stored all
 * the same. */
int ingest_all(struct ingest *ingest, struct row_reader *reader, const char *path);

#endif
