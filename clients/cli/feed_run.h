/* Rows on their way out of `deltastream feed`: sent when they are due, watched and summed up. */
#ifndef CLI_FEED_RUN_H
#define CLI_FEED_RUN_H

#include "clients/cli/feed_plan.h"
#include "clients/cli/progress.h"
#include "clients/feed/pace.h"

#define FEED_RUN_LABEL_BYTES 48

struct feed_run {
    const struct connection *connection;
    struct sender *sender;
    struct pace pace;
    struct progress *progress; /* NULL: not shown */
    bool is_quiet;
    char label[FEED_RUN_LABEL_BYTES]; /* of the progress line */
    uint64_t moments;                 /* different times that rows had */
    uint64_t damaged;                 /* rows of a file that could not be read */
    uint64_t told;                    /* refused and damaged rows that were told one by one */
    int64_t begun_us;
    int failure_exit_code; /* of the call that ended the work; DS_EXIT_OK: none did */
};

/* Signals are noted from here until the end. */
void feed_run_begin(struct feed_run *run, const struct connection *connection,
                    const struct feed_settings *settings, double speed);

/* The market's clock begins to run at `first_row_us`. Before the first row. */
void feed_run_set_first(struct feed_run *run, int64_t first_row_us);

/* Waits until rows of that time are due, with everything sent that is collected. DS_CANCELLED where
 * the program is to end, else as sender_flush(). */
DS_MUST_USE ds_code feed_run_wait(struct feed_run *run, int64_t row_us);

/* Counts and tells a row that could not be read. */
void feed_run_tell_damaged(struct feed_run *run, const char *path, const char *place,
                           const char *field, const char *reason);

/* Sends the rest, sums up on stdout (JSON, where that is no terminal) or stderr, and frees.
 * Returns the exit code for work that ended with `code`. */
int feed_run_end(struct feed_run *run, ds_code code);

#endif
