/*
 * The thread that deletes what is too old: by itself at every interval, and when a caller asks. One
 * pass at a time, whoever wants it.
 */
#ifndef STORAGE_RETENTION_SWEEPER_H
#define STORAGE_RETENTION_SWEEPER_H

#include "storage/core/retention.h"

struct retention_sweeper;

/* What the passes have done since the start. */
struct retention_totals {
    uint64_t run_count; /* passes that deleted, those that failed too; no dry runs */
    uint64_t failed_count;
    uint64_t deleted_count;
};

/*
 * A pass that a caller asks for. The caller owns the struct and all that it points to until `done`
 * is called, once, on the sweeper's thread.
 */
struct retention_job {
    const struct retention_rule *rules; /* without repeated ones */
    size_t rule_count;
    bool dry_run;
    /* Asked between chunks, on the sweeper's thread; true ends the pass with DS_CANCELLED. */
    bool (*should_stop)(void *context);
    void (*done)(struct retention_job *job);
    void *context;

    uint64_t *counts; /* rule_count of them, filled by the sweeper whatever the code */
    ds_code code;     /* filled by the sweeper: DS_OK, DS_CANCELLED, or the store's */
};

/* Starts the thread, which waits. Store and clock (not NULL) outlive the sweeper. Never NULL. */
struct retention_sweeper *retention_sweeper_create(struct market_store *store,
                                                   const struct ds_clock *clock);

/* Runs these rules from now on, at once and then at every interval; none: nothing by itself. Copies
 * the rules (at most RETENTION_RULES_MAX). Before the first job. */
void retention_sweeper_schedule(struct retention_sweeper *sweeper,
                                const struct retention_rule *rules, size_t rule_count,
                                int64_t interval_us);

/* The rules of retention_sweeper_schedule(). */
size_t retention_sweeper_rules(const struct retention_sweeper *sweeper,
                               const struct retention_rule **ret_rules);

/* Never blocks. DS_OK: the job waits or runs. DS_ABORTED: another one does; DS_UNAVAILABLE: the
 * sweeper stops. Then `done` is not called. Any thread. */
DS_MUST_USE ds_code retention_sweeper_submit(struct retention_sweeper *sweeper,
                                             struct retention_job *job);

/* Has the thread read the clock anew: for those who turn it. Any thread. */
void retention_sweeper_wake(struct retention_sweeper *sweeper);

struct retention_totals retention_sweeper_totals(struct retention_sweeper *sweeper);

/* The pass under way ends at its next chunk and none begins any more. Does not wait for that. */
void retention_sweeper_stop(struct retention_sweeper *sweeper);

/* Stops, waits for the end of the chunk and frees. Takes NULL. */
void retention_sweeper_destroy(struct retention_sweeper *sweeper);

#endif
