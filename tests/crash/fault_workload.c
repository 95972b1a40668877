#include "fault_workload.h"

#include "row_value.h"
#include "storage/store/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_PER_STEP 24
#define VALUE_BYTES_MAX 6000
#define PROBLEM_BYTES_MAX 256

enum step_kind {
    STEP_PUT,
    STEP_DELETE, /* the rows of an earlier step */
    STEP_BACKUP,
};

struct step {
    enum step_kind kind;
    enum market_kind rows;
    size_t of;          /* of STEP_DELETE: the step whose rows go */
    size_t value_bytes; /* large ones get pages of their own */
    bool is_late;
};

static const struct step steps[WORKLOAD_STEPS] = {
    {.kind = STEP_PUT, .rows = MARKET_TICKS, .value_bytes = 40},
    {.kind = STEP_PUT, .rows = MARKET_CHAINS, .value_bytes = 900},
    {.kind = STEP_PUT, .rows = MARKET_QUOTES, .value_bytes = 120},
    {.kind = STEP_PUT, .rows = MARKET_TICKS, .value_bytes = 40, .is_late = true},
    {.kind = STEP_BACKUP},
    {.kind = STEP_PUT, .rows = MARKET_CHAINS, .value_bytes = 6000},
    {.kind = STEP_DELETE, .rows = MARKET_CHAINS, .of = 1},
    {.kind = STEP_PUT, .rows = MARKET_QUOTES, .value_bytes = 120, .is_late = true},
    {.kind = STEP_DELETE, .rows = MARKET_TICKS, .of = 0},
    {.kind = STEP_PUT, .rows = MARKET_CHAINS, .value_bytes = 900},
    {.kind = STEP_DELETE, .rows = MARKET_CHAINS, .of = 5},
    {.kind = STEP_BACKUP},
    {.kind = STEP_PUT, .rows = MARKET_TICKS, .value_bytes = 3000},
    {.kind = STEP_PUT, .rows = MARKET_CHAINS, .value_bytes = 40},
};

bool workload_step_writes(size_t step)
{
    return steps[step].kind != STEP_BACKUP;
}

/* Every step has times of its own, so that its rows are told from others. */
static int64_t first_time(size_t step)
{
    const int64_t place = (int64_t)step * 1000;
    return steps[step].is_late ? place - 100000 : place;
}

static const char *series_of(enum market_kind kind)
{
    return kind == MARKET_TICKS    ? "NIFTY"
           : kind == MARKET_QUOTES ? "NIFTY20250125C21500"
                                   : "NIFTY/2025-01-25";
}

static struct ds_bytes value_of(size_t step)
{
    static uint8_t value[VALUE_BYTES_MAX];
    const size_t size = steps[step].value_bytes;
    return row_value_write(value, size, (uint8_t)('a' + step));
}

static ds_code put_step(struct market_store *store, size_t step)
{
    const enum market_kind kind = steps[step].rows;
    struct market_row rows[ROWS_PER_STEP];
    enum market_outcome outcomes[ROWS_PER_STEP];
    for (size_t i = 0; i < ROWS_PER_STEP; i++) {
        rows[i] = (struct market_row){
            .series = ds_bytes_of_text(series_of(kind)),
            .group = ds_bytes_of_text(kind == MARKET_TICKS ? "" : "NIFTY"),
            .timestamp_us = first_time(step) + (int64_t)i,
            .value = value_of(step),
        };
    }
    struct market_batch batch = {
        .kind = kind, .rows = rows, .row_count = ROWS_PER_STEP, .outcomes = outcomes};
    return market_put_wait(store, &batch);
}

static ds_code delete_step(struct market_store *store, size_t step)
{
    const enum market_kind kind = steps[step].rows;
    struct market_delete order = {.kind = kind,
                                  .series = ds_bytes_of_text(series_of(kind)),
                                  .start_us = first_time(steps[step].of),
                                  .end_us = first_time(steps[step].of) + ROWS_PER_STEP,
                                  .row_max = ROWS_PER_STEP};
    ds_code code;
    /* Where there is no room, a deletion may go in pieces. */
    do {
        code = market_delete_wait(store, &order);
    } while (code == DS_OK && order.more);
    return code;
}

static ds_code take_nothing(void *context, struct ds_bytes bytes)
{
    (void)context;
    (void)bytes;
    return DS_OK;
}

static ds_code step_run(struct market_store *store, size_t step)
{
    struct market_backup backup;
    switch (steps[step].kind) {
    case STEP_PUT:
        return put_step(store, step);
    case STEP_DELETE:
        return delete_step(store, step);
    case STEP_BACKUP:
        break;
    }
    return market_backup_write(store, ds_clock_system(), take_nothing, NULL, &backup);
}

void workload_run(struct workload *workload, struct market_store *store)
{
    workload->first_refused = WORKLOAD_STEPS;
    for (size_t step = 0; step < WORKLOAD_STEPS; step++) {
        const ds_code code = step_run(store, step);
        workload->codes[step] = code;
        workload->steps[step] = code == DS_OK ? STEP_DONE : STEP_REFUSED;
        if (code != DS_OK && workload->first_refused == WORKLOAD_STEPS) {
            workload->first_refused = step;
        }
    }
}

struct seen {
    size_t step;
    size_t count;
    bool is_wrong;
};

static void see_row(void *context, const struct market_row *row)
{
    struct seen *seen = context;
    const int64_t expected = first_time(seen->step) + (int64_t)seen->count;
    seen->is_wrong |=
        row->timestamp_us != expected || !ds_bytes_equal(row->value, value_of(seen->step));
    seen->count++;
}

static char problem[PROBLEM_BYTES_MAX];

static const char *tell(size_t step, const char *what, size_t count)
{
    snprintf(problem, sizeof(problem), "step %zu: %s (%zu rows of %d)", step, what, count,
             ROWS_PER_STEP);
    return problem;
}

/* How many rows of the step are there; SIZE_MAX where they are others. */
static size_t rows_there(struct market_store *store, size_t step)
{
    struct market_scan scan = {.kind = steps[step].rows,
                               .series = ds_bytes_of_text(series_of(steps[step].rows)),
                               .start_us = first_time(step),
                               .end_us = first_time(step) + ROWS_PER_STEP,
                               .ascending = true,
                               .row_max = SIZE_MAX,
                               .bytes_max = SIZE_MAX};
    struct seen seen = {.step = step};
    bool more = false;
    const ds_code code = store->ops->scan(store, &scan, see_row, &seen, &more);
    return code != DS_OK || seen.is_wrong ? SIZE_MAX : seen.count;
}

/* The step that deletes this one's rows; WORKLOAD_STEPS: none. */
static size_t deletion_of(size_t put_step_index)
{
    for (size_t step = 0; step < WORKLOAD_STEPS; step++) {
        if (steps[step].kind == STEP_DELETE && steps[step].of == put_step_index) {
            return step;
        }
    }
    return WORKLOAD_STEPS;
}

static const char *put_check(struct workload *workload, struct market_store *store, size_t step)
{
    const size_t deletion = deletion_of(step);
    const enum step_state deleted =
        deletion == WORKLOAD_STEPS ? STEP_NOT_DONE : workload->steps[deletion];
    const size_t count = rows_there(store, step);
    if (count != 0 && count != ROWS_PER_STEP) {
        return tell(step, "is half there or not what was put", count);
    }
    if (deleted == STEP_DONE && count != 0) {
        return tell(step, "is there in spite of its deletion", count);
    }
    if (workload->steps[step] == STEP_DONE && deleted == STEP_NOT_DONE && count == 0) {
        return tell(step, "was acknowledged and is lost", count);
    }
    return NULL;
}

static void take_fault(void *context, const char *text)
{
    (void)context;
    snprintf(problem, sizeof(problem), "not sound: %s", text);
}

const char *workload_check(struct workload *workload, struct market_store *store)
{
    problem[0] = '\0';
    struct market_verify verify = {.fault = take_fault};
    const ds_code code = store->ops->verify(store, &verify);
    if (code != DS_OK || problem[0] != '\0') {
        return code != DS_OK ? "it can't be verified" : problem;
    }
    for (size_t step = 0; step < WORKLOAD_STEPS; step++) {
        if (steps[step].kind == STEP_PUT) {
            const char *wrong = put_check(workload, store, step);
            if (wrong != NULL) {
                return wrong;
            }
        }
    }
    return NULL;
}
