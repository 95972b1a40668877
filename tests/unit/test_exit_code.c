#include "ds/exit_code.h"
#include "support/test.h"

static void every_class_of_failure_has_its_exit_code(void **state)
{
    (void)state;
    static const struct {
        ds_code code;
        int exit_code;
    } cases[] = {
        {DS_OK, 0},
        {DS_INTERNAL, 1},
        {DS_UNIMPLEMENTED, 1},
        {DS_FAILED_PRECONDITION, 1},
        {DS_INVALID_ARGUMENT, 2},
        {DS_OUT_OF_RANGE, 2},
        {DS_NOT_FOUND, 3},
        {DS_UNAUTHENTICATED, 4},
        {DS_PERMISSION_DENIED, 4},
        {DS_ALREADY_EXISTS, 5},
        {DS_ABORTED, 5},
        {DS_UNAVAILABLE, 6},
        {DS_DEADLINE_EXCEEDED, 6},
        {DS_RESOURCE_EXHAUSTED, 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ds_exit_code_of(cases[i].code), cases[i].exit_code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_of_failure_has_its_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
