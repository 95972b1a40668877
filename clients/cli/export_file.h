/*
 * Where an export goes: standard output, or a file that has another name (FILE.partial) until it is
 * whole. With resuming, how far it has come is kept, so that a later run goes on there.
 */
#ifndef CLI_EXPORT_FILE_H
#define CLI_EXPORT_FILE_H

#include "clients/cli/resume.h"

#include <stdbool.h>
#include <stdio.h>

struct export_file;

/* Behind which page everything is written. */
struct export_point {
    const char *key;        /* whose rows come next; NULL: from the beginning */
    const char *page_token; /* "": its first page */
    uint64_t row_count;     /* written */
    uint64_t bytes;         /* of the file */
};

struct export_file_options {
    const char *path;        /* NULL: standard output */
    const char *destination; /* the URL that rows come from */
    const char *settings;    /* the text of everything that decides what the file holds */
    bool resumes;
};

/*
 * Opens the file; ret_point says where to go on (the texts live as long as the file).
 * DS_FAILED_PRECONDITION where it can't be: ret_reason says why and what would do.
 */
DS_MUST_USE ds_code export_file_open(const struct export_file_options *options,
                                     struct export_file **ret_file, struct export_point *ret_point,
                                     char ret_reason[RESUME_REASON_BYTES_MAX]);

FILE *export_file_stream(const struct export_file *file);

/* Puts what is written on its way and notes the point (its bytes are the file's own). False where
 * writing fails; errno says why. */
DS_MUST_USE bool export_file_note(struct export_file *file, const struct export_point *point);

uint64_t export_file_bytes(const struct export_file *file);

/* The file gets its name. False, which has been told, where it can't. */
DS_MUST_USE bool export_file_finish(struct export_file *file);

/* Takes NULL. What is not finished is removed, or kept where it can be resumed. */
void export_file_close(struct export_file *file);

#endif
