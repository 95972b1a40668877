/*
 * The new rows of one product or symbol, out of the store or as they come by events. Each row is
 * given once, rows of one moment included. What comes late is given too as long as its time is not
 * further behind the newest row than the lateness allowed; what is replaced by other content within
 * that time is given again. Rows of one read come in the order of their times.
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

/* Reads the store and gives the rows that have not been given yet; the first read gives
 * options.first_count rows. After a failure the next read gives what this one did not.
 * DS_OUT_OF_RANGE where more than TAIL_ROWS_MAX rows are within the lateness; other codes are those
 * of the call and of `take`. */
DS_MUST_USE ds_code tail_source_read(struct tail_source *source);

/*
 * Takes a row that an event brought, complete with its product or symbol, and gives it where it has
 * not been given yet. For what was read and what events bring to make up each row once, events must
 * be listened to before a read begins, and their rows come here, in their order, behind it.
 */
DS_MUST_USE ds_code tail_source_take_event(struct tail_source *source, struct ds_bytes row);

#endif
