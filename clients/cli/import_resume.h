/* How far an import has come, kept so that a later run of the same command goes on there. */
#ifndef CLI_IMPORT_RESUME_H
#define CLI_IMPORT_RESUME_H

#include "clients/cli/ingest.h"
#include "clients/cli/resume.h"

struct import_resume;

/* What was reached. */
struct import_point {
    struct row_place place;
    struct ingest_counts counts;
    uint64_t rejected_bytes; /* of the file of --rejected */
};

/*
 * Looks up what an earlier run over the file of `path` into `destination` (a URL) left; `settings`
 * is the text of everything that decides what the file's rows are. ret_point is zero where there is
 * nothing to go on from. DS_FAILED_PRECONDITION: ret_reason says what has changed and what would
 * do.
 */
DS_MUST_USE ds_code import_resume_open(const char *path, const char *destination,
                                       const char *settings, struct import_resume **ret_resume,
                                       struct import_point *ret_point,
                                       char ret_reason[RESUME_REASON_BYTES_MAX]);

/* Takes NULL. */
void import_resume_close(struct import_resume *resume);

/* Writes the point down; `now` also where the last time was a moment ago. What can't be written is
 * told once: the import goes on without. */
void import_resume_save(struct import_resume *resume, const struct import_point *point, bool now);

/* The import is complete: nothing is left to go on from. */
void import_resume_finish(struct import_resume *resume);

#endif
