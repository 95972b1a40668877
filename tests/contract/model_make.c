#include "model.h"

#include <inttypes.h>

static size_t pick(uint64_t *random, size_t count)
{
    return (size_t)(random_next(random) >> 33) % count;
}

/* How often each kind comes, of 100; what only an engine that keeps rows can do comes last. */
static const struct {
    enum operation_kind kind;
    size_t weight;
} weights[] = {
    {OPERATION_PUT, 34},    {OPERATION_SCAN, 20}, {OPERATION_NEXT_PAGE, 14}, {OPERATION_DELETE, 12},
    {OPERATION_LIST, 8},    {OPERATION_COUNT, 4}, {OPERATION_VERIFY, 2},     {OPERATION_REOPEN, 3},
    {OPERATION_RESTORE, 1}, {OPERATION_CRASH, 2},
};

static enum operation_kind pick_kind(uint64_t *random, bool keeps_rows)
{
    size_t rest = pick(random, 100);
    size_t at = 0;
    while (rest >= weights[at].weight) {
        rest -= weights[at].weight;
        at++;
    }
    const enum operation_kind kind = weights[at].kind;
    return kind >= OPERATION_REOPEN && !keeps_rows ? OPERATION_PUT : kind;
}

static struct model_row row_make(uint64_t *random, enum market_kind kind)
{
    struct model_row row = {
        .series = (uint8_t)pick(random, MODEL_SERIES_COUNT),
        .timestamp_us = (int64_t)pick(random, MODEL_TIMES),
        .value = (uint8_t)pick(random, MODEL_VALUE_COUNT),
        .has_assigned = pick(random, 2) == 0,
    };
    if (kind == MARKET_TICKS) {
        row.tie = (uint8_t)pick(random, MODEL_TIE_COUNT);
    } else {
        row.group = kind == MARKET_CHAINS ? model_chain_group(row.series)
                                          : (uint8_t)pick(random, MODEL_GROUP_COUNT);
    }
    return row;
}

static struct operation operation_make(uint64_t *random, bool keeps_rows)
{
    struct operation operation = {
        .kind = pick_kind(random, keeps_rows),
        .rows_kind = (enum market_kind)(MARKET_KIND_FIRST + pick(random, MARKET_KIND_MAX)),
        .conflict = (enum market_conflict)pick(random, 3),
        .series = (uint8_t)pick(random, MODEL_SERIES_COUNT),
        .group = (uint8_t)pick(random, MODEL_GROUP_COUNT + 1),
        .ascending = pick(random, 2) == 0,
        .has_after = pick(random, 4) == 0,
        .after_tie = (uint8_t)pick(random, MODEL_TIE_COUNT),
        .after_us = (int64_t)pick(random, MODEL_TIMES),
        .start_us = pick(random, 2) == 0 ? INT64_MIN : (int64_t)pick(random, MODEL_TIMES),
        .end_us = pick(random, 2) == 0 ? INT64_MAX : (int64_t)pick(random, MODEL_TIMES),
        .row_max = pick(random, 2) == 0 ? 100 : 1 + pick(random, 5),
        .bytes_max = pick(random, 2) == 0 ? SIZE_MAX : pick(random, 30),
        .row_count = 1 + pick(random, OPERATION_ROWS_MAX),
        .kill_after = pick(random, OPERATION_ROWS_MAX),
    };
    operation.by_group = operation.rows_kind == MARKET_CHAINS && pick(random, 2) == 0;
    for (size_t i = 0; i < operation.row_count; i++) {
        operation.rows[i] = row_make(random, operation.rows_kind);
    }
    return operation;
}

void history_make(uint64_t seed, bool keeps_rows, struct operation *operations, size_t count)
{
    uint64_t random = seed;
    for (size_t i = 0; i < count; i++) {
        operations[i] = operation_make(&random, keeps_rows);
    }
}

static void print_rows(const struct operation *operation)
{
    static const char *const conflicts[] = {"error", "first", "last"};
    printf(" %s:", conflicts[operation->conflict]);
    for (size_t i = 0; i < operation->row_count; i++) {
        const struct model_row *row = &operation->rows[i];
        printf(" %s[%s]@%" PRId64 " tie %u value %u%s",
               model_series_name(operation->rows_kind, row->series),
               model_group_name(operation->rows_kind, row->group), row->timestamp_us, row->tie,
               row->value, row->has_assigned ? " assigned" : "");
    }
}

static void print_range(const struct operation *operation)
{
    const char *name =
        operation->by_group
            ? model_group_name(operation->rows_kind, operation->group % MODEL_GROUP_COUNT)
            : model_series_name(operation->rows_kind, operation->series);
    printf(" %s%s from %" PRId64 " to %" PRId64 " %s, at most %zu rows and %zu bytes",
           operation->by_group ? "group " : "", name, operation->start_us, operation->end_us,
           operation->ascending ? "up" : "down", operation->row_max, operation->bytes_max);
    if (operation->has_after && operation->kind == OPERATION_SCAN) {
        printf(" behind %" PRId64 " tie %u", operation->after_us, operation->after_tie);
    }
}

static void operation_print(const struct operation *operation)
{
    static const char *const kinds[OPERATION_KIND_COUNT] = {
        "put",   "delete", "scan",   "next page", "list",
        "count", "verify", "reopen", "restore",   "crash"};
    static const char *const rows[] = {"", "ticks", "quotes", "chains"};
    printf("  %s %s", kinds[operation->kind], rows[operation->rows_kind]);
    switch (operation->kind) {
    case OPERATION_PUT:
    case OPERATION_CRASH:
        print_rows(operation);
        break;
    case OPERATION_DELETE:
    case OPERATION_SCAN:
        print_range(operation);
        break;
    case OPERATION_LIST:
        printf(" group %u, at most %zu", operation->group, operation->row_max);
        break;
    default:
        break;
    }
    printf("\n");
}

void history_print(const struct operation *operations, size_t count)
{
    printf("%zu operations:\n", count);
    for (size_t i = 0; i < count; i++) {
        operation_print(&operations[i]);
    }
    fflush(stdout);
}
