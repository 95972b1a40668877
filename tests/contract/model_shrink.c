#include "model.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* How often a history is run at most: crashes take their time. */
#define RUNS_MAX 4000

struct shrinking {
    struct operation *operations;
    size_t count;
    enum model_mistake mistake;
    struct operation *tried;
    char *failure;
    size_t runs;
};

static bool still_fails(struct shrinking *shrinking, size_t count)
{
    if (shrinking->runs >= RUNS_MAX) {
        return false;
    }
    shrinking->runs++;
    return !history_run(shrinking->tried, count, shrinking->mistake, shrinking->failure);
}

/* Tries without the operations from `first` on, `size` of them. */
static bool try_without(struct shrinking *shrinking, size_t first, size_t size)
{
    const size_t rest = shrinking->count - first - size;
    memcpy(shrinking->tried, shrinking->operations, first * sizeof(*shrinking->tried));
    memcpy(shrinking->tried + first, shrinking->operations + first + size,
           rest * sizeof(*shrinking->tried));
    if (!still_fails(shrinking, first + rest)) {
        return false;
    }
    shrinking->count = first + rest;
    memcpy(shrinking->operations, shrinking->tried, shrinking->count * sizeof(*shrinking->tried));
    return true;
}

static bool drop_operations(struct shrinking *shrinking)
{
    bool dropped = false;
    for (size_t size = shrinking->count / 2; size >= 1; size /= 2) {
        for (size_t end = shrinking->count; end >= size; end -= size) {
            dropped |= end <= shrinking->count && try_without(shrinking, end - size, size);
        }
    }
    return dropped;
}

static bool try_without_row(struct shrinking *shrinking, size_t index, size_t row)
{
    memcpy(shrinking->tried, shrinking->operations, shrinking->count * sizeof(*shrinking->tried));
    struct operation *operation = &shrinking->tried[index];
    operation->row_count--;
    memmove(&operation->rows[row], &operation->rows[row + 1],
            (operation->row_count - row) * sizeof(operation->rows[0]));
    if (!still_fails(shrinking, shrinking->count)) {
        return false;
    }
    shrinking->operations[index] = *operation;
    return true;
}

static bool drop_rows(struct shrinking *shrinking)
{
    bool dropped = false;
    for (size_t i = 0; i < shrinking->count; i++) {
        for (size_t row = shrinking->operations[i].row_count; row > 0; row--) {
            if (shrinking->operations[i].row_count > 1) {
                dropped |= try_without_row(shrinking, i, row - 1);
            }
        }
    }
    return dropped;
}

size_t history_shrink(struct operation *operations, size_t count, enum model_mistake mistake)
{
    struct shrinking shrinking = {.operations = operations,
                                  .count = count,
                                  .mistake = mistake,
                                  .tried = calloc(count, sizeof(*operations)),
                                  .failure = calloc(1, MODEL_TEXT_MAX)};
    assert_true(shrinking.tried != NULL && shrinking.failure != NULL);
    bool shrunk = true;
    while (shrunk && shrinking.runs < RUNS_MAX) {
        shrunk = drop_operations(&shrinking);
        shrunk |= drop_rows(&shrinking);
    }
    free(shrinking.tried);
    free(shrinking.failure);
    return shrinking.count;
}
