/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/code.h"

#include <errno.h>

static void the_codes_have_their_names_and_http_statuses(void **state)
{
    (void)state;
    assert_string_equal(ds_code_name(DS_OK), "OK");
    assert_string_equal(ds_code_name(DS_UNAUTHENTICATED), "UNAUTHENTICATED");
    static const int statuses[DS_CODE_COUNT] = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                                400, 409, 400, 501, 500, 503, 500, 401};
    for (unsigned int i = 0; i < DS_CODE_COUNT; i++) {
        assert_int_equal(ds_code_http_status(ds_code_of(i)), statuses[i]);
    }
}

static void a_number_that_is_no_code_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(ds_code_of(17), DS_UNKNOWN);
    assert_int_equal(ds_code_of(4000000000U), DS_UNKNOWN);
    assert_string_equal(ds_code_name(DS_DEFERRED), "UNKNOWN");
}

static void what_the_system_refuses_has_a_code(void **state)
{
    (void)state;
    assert_int_equal(ds_code_of_errno(EROFS), DS_PERMISSION_DENIED);
    assert_int_equal(ds_code_of_errno(ENOENT), DS_FAILED_PRECONDITION);
    assert_int_equal(ds_code_of_errno(ENOSPC), DS_RESOURCE_EXHAUSTED);
    assert_int_equal(ds_code_of_errno(EIO), DS_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_codes_have_their_names_and_http_statuses),
        cmocka_unit_test(a_number_that_is_no_code_is_unknown),
        cmocka_unit_test(what_the_system_refuses_has_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
