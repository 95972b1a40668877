#include "clients/cli/feed_run.h"

#include "clients/cli/interrupt.h"
#include "clients/cli/status.h"
#include "ds/clock.h"
#include "ds/exit_code.h"

#include <inttypes.h>
#include <unistd.h>

/* Rows that are told one by one; the others are only counted. */
#define TOLD_MAX 20
/* Shorter waits cost more than they are worth: the next rows are a little early instead. */
#define WAIT_US_MIN 1000

static int64_t now_us(void)
{
    return ds_clock_monotonic_us(ds_clock_system());
}

static void hide_progress(const struct feed_run *run)
{
    if (run->progress != NULL) {
        progress_hide(run->progress);
    }
}

static bool wait_for_retry(void *context, uint32_t milliseconds)
{
    struct feed_run *run = context;
    if (run->progress != NULL) {
        snprintf(run->label, sizeof(run->label), "feed (waiting for the service)");
        progress_update(run->progress, 0, sender_total(run->sender).rows);
    }
    return !interrupt_wait_ms(milliseconds);
}

static void make_call(void *context, const struct ds_method *method, struct ds_bytes payload,
                      struct answer *ret_answer)
{
    const struct feed_run *run = context;
    (void)connection_ask(run->connection, method, payload, ret_answer);
}

static void tell_failure(void *context, const struct answer *answer)
{
    struct feed_run *run = context;
    hide_progress(run);
    run->failure_exit_code = status_exit_code(answer);
    connection_tell_failure(run->connection, answer);
}

/* Whether one more may be told; says so once when no more are. */
static bool may_tell(struct feed_run *run)
{
    run->told++;
    if (run->told > TOLD_MAX + 1) {
        return false;
    }
    hide_progress(run);
    if (run->told == TOLD_MAX + 1) {
        fprintf(stderr, "(further rows are counted only)\n");
    }
    return run->told <= TOLD_MAX;
}

static void tell_rejected(void *context, enum row_kind kind, const char *reason)
{
    struct feed_run *run = context;
    if (may_tell(run)) {
        fprintf(stderr, "%s: a row was refused: %s\n", row_kind_info(kind)->name, reason);
    }
}

void feed_run_tell_damaged(struct feed_run *run, const char *path, const char *place,
                           const char *field, const char *reason)
{
    run->damaged++;
    if (may_tell(run)) {
        fprintf(stderr, "%s: %s: %s%s%s\n", path, place, field, field[0] == '\0' ? "" : ": ",
                reason);
    }
}

void feed_run_begin(struct feed_run *run, const struct connection *connection,
                    const struct feed_settings *settings, double speed)
{
    *run = (struct feed_run){.connection = connection, .label = "feed", .begun_us = now_us()};
    run->pace = (struct pace){
        .begun_us = run->begun_us, .speed = speed, .rows_a_second = (uint64_t)settings->rate};
    const struct sender_options sender_options = {.call = make_call,
                                                  .call_context = run,
                                                  .batch_rows = (uint32_t)settings->batch_rows,
                                                  .retry_max = (uint32_t)settings->retries,
                                                  .wait = wait_for_retry,
                                                  .tell_failure = tell_failure,
                                                  .tell_rejected = tell_rejected,
                                                  .context = run};
    run->sender = sender_create(&sender_options);
    const struct progress_options progress_options = {
        .stream = stderr, .label = run->label, .unit = "rows"};
    run->is_quiet = settings->connection.quiet;
    run->progress = run->is_quiet ? NULL : progress_create(&progress_options);
    interrupt_begin("");
}

void feed_run_set_first(struct feed_run *run, int64_t first_row_us)
{
    run->pace.begun_us = now_us();
    run->pace.first_row_us = first_row_us;
}

static void show_progress(struct feed_run *run)
{
    if (run->progress == NULL) {
        return;
    }
    const struct sender_counts total = sender_total(run->sender);
    const uint64_t refused = total.rejected + run->damaged;
    if (refused > 0) {
        snprintf(run->label, sizeof(run->label), "feed (%" PRIu64 " refused)", refused);
    } else {
        snprintf(run->label, sizeof(run->label), "feed");
    }
    progress_update(run->progress, 0, total.rows);
}

ds_code feed_run_wait(struct feed_run *run, int64_t row_us)
{
    const int64_t due_us = pace_due_us(&run->pace, row_us, sender_added(run->sender));
    if (due_us - now_us() >= WAIT_US_MIN) {
        DS_TRY(sender_flush(run->sender));
    }
    for (;;) {
        show_progress(run);
        if (interrupt_came()) {
            return DS_CANCELLED;
        }
        const int64_t left_us = due_us - now_us();
        if (left_us < WAIT_US_MIN) {
            return DS_OK;
        }
        interrupt_wait_ms(left_us / 1000);
    }
}

static void print_json(const struct feed_run *run, double seconds)
{
    const struct sender_counts total = sender_total(run->sender);
    printf("{\"moments\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"accepted\":%" PRIu64
           ",\"duplicate\":%" PRIu64 ",\"late\":%" PRIu64 ",\"rejected\":%" PRIu64
           ",\"damaged\":%" PRIu64 ",\"retries\":%" PRIu64 ",\"seconds\":%.3f",
           run->moments, total.rows, total.accepted, total.duplicate, total.late, total.rejected,
           run->damaged, sender_retries(run->sender), seconds);
    for (enum row_kind kind = ROW_KIND_TICKS; kind < ROW_KIND_COUNT; kind++) {
        const struct sender_counts counts = sender_counts(run->sender, kind);
        printf(",\"%s\":{\"rows\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"duplicate\":%" PRIu64
               ",\"late\":%" PRIu64 ",\"rejected\":%" PRIu64 "}",
               row_kind_info(kind)->name, counts.rows, counts.accepted, counts.duplicate,
               counts.late, counts.rejected);
    }
    printf("}\n");
}

static void print_text(const struct feed_run *run, double seconds)
{
    const struct sender_counts total = sender_total(run->sender);
    fprintf(stderr,
            "%" PRIu64 " rows of %" PRIu64 " moments in %.3f s (%.0f a second): %" PRIu64
            " accepted (%" PRIu64 " late), %" PRIu64 " duplicate, %" PRIu64 " rejected\n",
            total.rows, run->moments, seconds, (double)total.rows / (seconds > 0 ? seconds : 1),
            total.accepted, total.late, total.duplicate, total.rejected + run->damaged);
}

static int exit_code_of(const struct feed_run *run, ds_code code)
{
    if (interrupt_came()) {
        return DS_EXIT_INTERRUPTED;
    }
    if (run->failure_exit_code != DS_EXIT_OK) {
        return run->failure_exit_code;
    }
    if (code != DS_OK) {
        return ds_exit_code_of(code);
    }
    const bool is_complete = sender_total(run->sender).rejected == 0 && run->damaged == 0;
    return is_complete ? DS_EXIT_OK : DS_EXIT_ERROR;
}

int feed_run_end(struct feed_run *run, ds_code code)
{
    /* What is collected when somebody interrupts is sent; behind a failed call it is not. */
    if (code == DS_OK || code == DS_CANCELLED) {
        const ds_code flush_code = sender_flush(run->sender);
        code = code == DS_OK ? flush_code : code;
    }
    progress_destroy(run->progress);
    const double seconds = (double)(now_us() - run->begun_us) / 1e6;
    if (isatty(STDOUT_FILENO) != 1) {
        print_json(run, seconds);
    } else if (!run->is_quiet) {
        print_text(run, seconds);
    }
    const int exit_code = exit_code_of(run, code);
    interrupt_end();
    sender_destroy(run->sender);
    return exit_code;
}
