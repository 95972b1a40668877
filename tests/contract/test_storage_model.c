/*
 * Random histories on an engine and on the model. One that fails is shrunk and printed; DS_SEED
 * repeats a run, DS_HISTORIES sets how many there are.
 */
#include "ds/log.h"
#include "model.h"
#include "support/test.h"

#include <inttypes.h>
#include <stdlib.h>

#define OPERATIONS 150
#define HISTORIES_DEFAULT 30

static struct operation *operations_make(uint64_t seed)
{
    struct operation *operations = calloc(OPERATIONS, sizeof(*operations));
    assert_non_null(operations);
    history_make(seed, engine_under_test.keeps_rows, operations, OPERATIONS);
    return operations;
}

static char *failure_make(void)
{
    char *failure = calloc(1, MODEL_TEXT_MAX);
    assert_non_null(failure);
    return failure;
}

static void random_histories_are_what_the_model_says(void **state)
{
    (void)state;
    const char *wish = getenv("DS_HISTORIES");
    const uint64_t histories = wish != NULL ? strtoull(wish, NULL, 10) : HISTORIES_DEFAULT;
    uint64_t random = seed_of_environment();
    char *failure = failure_make();
    for (uint64_t history = 0; history < histories; history++) {
        struct operation *operations = operations_make(random_next(&random) | 1);
        if (!history_run(operations, OPERATIONS, MODEL_IS_RIGHT, failure)) {
            printf("%s\n", failure);
            const size_t left = history_shrink(operations, OPERATIONS, MODEL_IS_RIGHT);
            history_print(operations, left);
            (void)history_run(operations, left, MODEL_IS_RIGHT, failure);
            fail_msg("history %" PRIu64 ": %s", history, failure);
        }
        free(operations);
    }
    printf("%s: %" PRIu64 " histories of %d operations\n", engine_under_test.name, histories,
           OPERATIONS);
    free(failure);
}

/* A mistake in the model is found, and what shows it is short. */
static void assert_found_and_shrunk(enum model_mistake mistake, size_t operations_max)
{
    char *failure = failure_make();
    struct operation *operations = operations_make(20250125);
    assert_false(history_run(operations, OPERATIONS, mistake, failure));
    const size_t left = history_shrink(operations, OPERATIONS, mistake);
    history_print(operations, left);
    assert_true(left >= 1 && left <= operations_max);
    assert_false(history_run(operations, left, mistake, failure));
    printf("%s\n", failure);
    assert_true(history_run(operations, left, MODEL_IS_RIGHT, failure));
    for (size_t i = 0; i < left; i++) {
        assert_true(operations[i].kind != OPERATION_PUT || operations[i].row_count <= 2);
    }
    free(operations);
    free(failure);
}

static void a_model_without_late_rows_is_found_by_two_rows(void **state)
{
    (void)state;
    assert_found_and_shrunk(MODEL_KNOWS_NO_LATE_ROWS, 2);
}

static void a_model_that_deletes_too_little_is_found_by_a_row_and_its_deletion(void **state)
{
    (void)state;
    assert_found_and_shrunk(MODEL_DELETES_WITHOUT_END, 2);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
    printf("engine: %s\n", engine_under_test.name);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_are_what_the_model_says),
        cmocka_unit_test(a_model_without_late_rows_is_found_by_two_rows),
        cmocka_unit_test(a_model_that_deletes_too_little_is_found_by_a_row_and_its_deletion),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
