/*
 * The new rows of one product or symbol, found by asking again and again. Each row is given once,
 * rows of one moment included. What comes late is given too as long as its time is not further
 * behind the newest row than the lateness allowed; what is replaced by other content within that
 * time is given again. Rows of one poll come in the order of their times.
 */
#ifndef CLI_TAIL_SOURCE_H
#define CLI_TAIL_SOURCE_H

#include "clients/cli/row_page.h"

/* Rows within the lateness that can be told apart. */
#define TAIL_ROWS_MAX 1000000

struct tail_source;

struct tail_source_options {
    const struct connection *connection;
    enum row_kind kind;
    const char *key;
    int64_t late_us;
    int64_t first_count; /* rows that are there already and are given first: the newest ones */
    row_page_fn take;
    void *context;
};

/* Never NULL; makes no call. */
struct tail_source *tail_source_create(const struct tail_source_options *options);

/* Takes NULL. */
void tail_source_destroy(struct tail_source *source);

/* Gives the rows that are new since the last poll; the first one gives options.first_count rows.
 * After a failure the next poll gives what this one did not. DS_OUT_OF_RANGE where more than
 * TAIL_ROWS_MAX rows are within the lateness; other codes are those of the call and of `take`. */
DS_MUST_USE ds_code tail_source_poll(struct tail_source *source);

#endif
