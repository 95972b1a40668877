#include "clients/cli/ingest.h"

#include "clients/cli/ingest_batch.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/status.h"
#include "clients/common/ingest_call.h"
#include "ds/clock.h"
#include "ds/exit_code.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* Refused rows that are told one by one; the others are only counted. */
#define INGEST_TOLD_MAX 100

const char *const ingest_conflict_choices[] = {"error", "first", "last", NULL};
const char *const ingest_on_error_choices[] = {"stop", "skip", NULL};

enum {
    CONFLICT_ERROR = 0,
    ON_ERROR_STOP = 0,
};

struct ingest {
    struct ingest_options options;
    struct batch_sender sender;
    /* A ring: `under_way` batches from `first` on have been sent, the next one is filled. */
    struct batch *batches[INGEST_CALLS_MAX + 1];
    size_t batch_count;
    size_t first;
    size_t under_way;
    struct ingest_counts counts;
    uint64_t told; /* rejected rows, by this run */
    int64_t begun_us;
    bool is_stopped; /* the service refused a row and that ends the work: nothing more is sent */
    bool is_broken;  /* a call failed: what is behind it is not counted any more */
    int failure_exit_code; /* of that call */
};

/* With more than one call under way a later batch may be stored first, so where the order decides
 * which row stays there is one. */
static size_t calls_max(const struct ingest_options *options)
{
    return options->settings.on_conflict == CONFLICT_ERROR ? (size_t)options->settings.parallel : 1;
}

bool ingest_open_rejected(const char *path, uint64_t kept_bytes, FILE **ret_file)
{
    FILE *file = NULL;
    if (path != NULL && path[0] != '\0') {
        file = fopen(path, kept_bytes > 0 ? "r+e" : "we");
        if (file == NULL || ftruncate(fileno(file), (off_t)kept_bytes) != 0 ||
            fseeko(file, 0, SEEK_END) != 0) {
            fprintf(stderr, "deltastream: can't write \"%s\": %s\n", path, strerror(errno));
            if (file != NULL) {
                fclose(file);
            }
            return false;
        }
    }
    *ret_file = file;
    return true;
}

bool ingest_close_rejected(const char *path, FILE *file)
{
    if (file == NULL) {
        return true;
    }
    const bool is_whole = ferror(file) == 0;
    if (fclose(file) != 0 || !is_whole) {
        fprintf(stderr, "deltastream: can't write all rejected rows to \"%s\"\n", path);
        return false;
    }
    return true;
}

struct ingest *ingest_create(const struct ingest_options *options)
{
    struct ingest *ingest = calloc(1, sizeof(*ingest));
    if (ingest == NULL) {
        abort();
    }
    ingest->options = *options;
    ingest->counts = options->begun;
    ingest->batch_count = calls_max(options) + 1;
    ingest->begun_us = ds_clock_monotonic_us(ds_clock_system());
    batch_sender_init(&ingest->sender, options->connection, options->kind,
                      options->settings.on_conflict);
    for (size_t i = 0; i < ingest->batch_count; i++) {
        ingest->batches[i] = batch_create(&ingest->sender, (size_t)options->settings.batch_rows);
    }
    return ingest;
}

void ingest_destroy(struct ingest *ingest)
{
    if (ingest == NULL) {
        return;
    }
    for (size_t i = 0; i < ingest->batch_count; i++) {
        batch_destroy(ingest->batches[i]);
    }
    batch_sender_deinit(&ingest->sender);
    free(ingest);
}

static struct batch *filled_batch(const struct ingest *ingest)
{
    return ingest->batches[(ingest->first + ingest->under_way) % ingest->batch_count];
}

static void hide_progress(struct ingest *ingest)
{
    if (ingest->options.progress != NULL) {
        progress_hide(ingest->options.progress);
    }
}

static void tell_rejection(void *context, const struct batch_rejection *rejection)
{
    struct ingest *ingest = context;
    FILE *streams[] = {ingest->told < INGEST_TOLD_MAX ? stderr : NULL, ingest->options.rejected};
    if (ingest->told <= INGEST_TOLD_MAX) {
        hide_progress(ingest);
    }
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        if (streams[i] != NULL) {
            row_place_print(rejection->place, streams[i]);
            fprintf(streams[i], ": %s%s%s\n", rejection->field,
                    rejection->field[0] == '\0' ? "" : ": ", rejection->reason);
        }
    }
    if (ingest->told == INGEST_TOLD_MAX) {
        fprintf(stderr, "(further rows are %s)\n",
                ingest->options.rejected == NULL ? "counted only; --rejected FILE keeps them all"
                                                 : "only in the file of --rejected");
    }
    ingest->told++;
}

/* Tells once that a call is made again, or why it is not. */
static void tell_failure(struct ingest *ingest, const struct batch *batch, bool is_retried)
{
    const struct answer *answer = batch_answer(batch);
    hide_progress(ingest);
    status_print(stderr, answer->code, answer->message, answer->status_details);
    if (is_retried) {
        fprintf(stderr, "  trying again for up to %.0f s\n",
                (double)ingest->options.settings.retry_ms / 1e3);
        return;
    }
    fputs("  while sending the rows of ", stderr);
    row_place_print(batch_first_place(batch), stderr);
    fputs(" to ", stderr);
    row_place_print(batch_last_place(batch), stderr);
    fputc('\n', stderr);
}

/* Sends the batch again until it is answered, for as long as is allowed. */
static ds_code retry(struct ingest *ingest, struct batch *batch)
{
    const struct ds_clock *clock = ds_clock_system();
    const int64_t begun_us = ds_clock_monotonic_us(clock);
    const struct answer *answer = batch_answer(batch);
    ds_code code = answer->code;
    for (uint32_t attempt = 0; ingest_call_may_retry(answer); attempt++) {
        const int64_t wait_ms = ingest_call_retry_ms(answer, attempt);
        const int64_t waited_ms = (ds_clock_monotonic_us(clock) - begun_us) / 1000;
        if (interrupt_came() || waited_ms + wait_ms > ingest->options.settings.retry_ms) {
            break;
        }
        if (attempt == 0) {
            tell_failure(ingest, batch, true);
        }
        if (interrupt_wait_ms(wait_ms)) {
            break;
        }
        batch_send(batch);
        code = batch_wait(batch);
    }
    if (code != DS_OK) {
        tell_failure(ingest, batch, false);
    }
    return code;
}

static ds_code count_batch(struct ingest *ingest, struct batch *batch)
{
    struct batch_counts counts;
    const ds_code code = batch_read_reply(batch, &counts, tell_rejection, ingest);
    if (code != DS_OK) {
        return code;
    }
    ingest->counts.read += counts.row_count;
    ingest->counts.accepted += counts.accepted;
    ingest->counts.duplicate += counts.duplicate;
    ingest->counts.late += counts.late;
    ingest->counts.rejected += counts.rejected;
    if (ingest->options.settled != NULL) {
        ingest->options.settled(ingest->options.context, batch_end(batch), &ingest->counts);
    }
    const bool stops = ingest->options.settings.on_error == ON_ERROR_STOP;
    return counts.rejected > 0 && stops ? DS_ABORTED : DS_OK;
}

/* Waits for the oldest batch under way and counts what became of its rows. */
static ds_code settle_oldest(struct ingest *ingest)
{
    struct batch *batch = ingest->batches[ingest->first];
    ds_code code = batch_wait(batch);
    if (!ingest->is_broken && code != DS_OK) {
        code = retry(ingest, batch);
    }
    if (!ingest->is_broken && code == DS_OK) {
        code = count_batch(ingest, batch);
    }
    ingest->is_stopped = ingest->is_stopped || code == DS_ABORTED;
    if (!ingest->is_broken && code != DS_OK && code != DS_ABORTED) {
        ingest->is_broken = true;
        ingest->failure_exit_code = status_exit_code(batch_answer(batch));
    }
    batch_clear(batch);
    ingest->first = (ingest->first + 1) % ingest->batch_count;
    ingest->under_way--;
    return code;
}

static ds_code settle_all(struct ingest *ingest, ds_code code)
{
    while (ingest->under_way > 0) {
        const ds_code batch_code = settle_oldest(ingest);
        code = code == DS_OK || (code == DS_ABORTED && batch_code != DS_OK) ? batch_code : code;
    }
    return code;
}

/* Sends what is collected once there are few enough calls under way; the next batch is filled while
 * they are. What came back meanwhile is counted. */
static ds_code send_filled(struct ingest *ingest)
{
    ds_code code = DS_OK;
    while (code == DS_OK && ingest->under_way > 0 &&
           (ingest->under_way == ingest->batch_count - 1 ||
            batch_is_done(ingest->batches[ingest->first]))) {
        code = settle_oldest(ingest);
    }
    if (code != DS_OK) {
        return code;
    }
    batch_send(filled_batch(ingest));
    ingest->under_way++;
    return DS_OK;
}

ds_code ingest_add(struct ingest *ingest, const struct row *row, struct row_place end)
{
    struct batch *batch = filled_batch(ingest);
    batch_add(batch, row, end);
    return batch_is_full(batch) ? send_filled(ingest) : DS_OK;
}

ds_code ingest_reject(struct ingest *ingest, const struct row_fault *fault, struct row_place end)
{
    struct batch *batch = filled_batch(ingest);
    batch_reject(batch, fault, end);
    if (ingest->options.settings.on_error == ON_ERROR_STOP) {
        return DS_ABORTED;
    }
    return batch_is_full(batch) ? send_filled(ingest) : DS_OK;
}

static void print_summary(const struct ingest *ingest)
{
    const struct ingest_counts *counts = &ingest->counts;
    const struct ingest_counts *begun = &ingest->options.begun;
    const double seconds =
        (double)(ds_clock_monotonic_us(ds_clock_system()) - ingest->begun_us) / 1e6;
    const double rate = seconds > 0 ? (double)(counts->read - begun->read) / seconds : 0;
    fprintf(stderr, "%" PRIu64 " rows read", counts->read);
    if (ingest->options.connection == NULL) {
        fprintf(stderr, ", %" PRIu64 " rejected; a dry run: nothing was sent\n", counts->rejected);
        return;
    }
    fprintf(stderr,
            ", %" PRIu64 " accepted (%" PRIu64 " late), %" PRIu64 " duplicate, %" PRIu64
            " rejected in %.3f s (%.0f rows/s)\n",
            counts->accepted, counts->late, counts->duplicate, counts->rejected, seconds, rate);
    if (begun->read > 0) {
        fprintf(stderr, "  %" PRIu64 " of the rows were read by earlier runs\n", begun->read);
    }
}

static int failure_exit_code(const struct ingest *ingest, ds_code code)
{
    return ingest->is_broken ? ingest->failure_exit_code : ds_exit_code_of(code);
}

int ingest_finish(struct ingest *ingest, ds_code code)
{
    /* The sound rows in front of the one that ended the work are sent all the same. */
    const bool is_wanted =
        (code == DS_OK || code == DS_ABORTED) && !ingest->is_stopped && !ingest->is_broken;
    if (is_wanted && !batch_is_empty(filled_batch(ingest))) {
        const ds_code send_code = send_filled(ingest);
        code = send_code == DS_OK ? code : send_code;
    }
    code = settle_all(ingest, code);
    hide_progress(ingest);
    if (!ingest->options.is_quiet) {
        print_summary(ingest);
    }
    if (code == DS_CANCELLED) {
        return DS_EXIT_INTERRUPTED;
    }
    if (code != DS_OK && code != DS_ABORTED) {
        return interrupt_came() ? DS_EXIT_INTERRUPTED : failure_exit_code(ingest, code);
    }
    return ingest->counts.rejected > 0 ? DS_EXIT_ERROR : DS_EXIT_OK;
}

static ds_code take_next(struct ingest *ingest, struct row_reader *reader, const char *path,
                         bool *ret_is_end)
{
    struct row row;
    struct row_fault fault;
    const enum row_result result = row_reader_next(reader, &row, &fault);
    if (interrupt_came()) {
        return DS_CANCELLED;
    }
    switch (result) {
    case ROW_READ:
        return ingest_add(ingest, &row, row_reader_position(reader));
    case ROW_DAMAGED:
        return ingest_reject(ingest, &fault, row_reader_position(reader));
    case ROW_FAILED:
        hide_progress(ingest);
        fprintf(stderr, "deltastream: \"%s\": ", path);
        row_place_print(fault.place, stderr);
        fprintf(stderr, ": %s\n", fault.reason);
        return DS_UNKNOWN;
    default:
        *ret_is_end = true;
        return DS_OK;
    }
}

int ingest_all(struct ingest *ingest, struct row_reader *reader, const char *path)
{
    bool is_end = false;
    ds_code code = DS_OK;
    interrupt_begin("");
    while (code == DS_OK && !is_end) {
        code = take_next(ingest, reader, path, &is_end);
    }
    const bool is_broken_file = code == DS_UNKNOWN;
    const int exit_code = ingest_finish(ingest, is_broken_file ? DS_OK : code);
    interrupt_end();
    return is_broken_file && exit_code == DS_EXIT_OK ? DS_EXIT_ERROR : exit_code;
}
