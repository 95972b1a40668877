#include "clients/cli/status.h"
#include "ds/exit_code.h"
#include "ds/rpc_client.h"
#include "ds/wire.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_BYTES_MAX 1024
#define STATUS_DETAILS 3
#define BYTES(text) ds_bytes_of(text, sizeof text - 1)

static struct ds_buffer status;

static int setup(void **state)
{
    (void)state;
    ds_buffer_init(&status, STATUS_BYTES_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ds_buffer_deinit(&status);
    return 0;
}

static void add_detail(const char *type_url, struct ds_bytes value)
{
    struct ds_buffer any;
    ds_buffer_init(&any, STATUS_BYTES_MAX);
    ds_wire_write_bytes_field(&any, 1, ds_bytes_of_text(type_url));
    ds_wire_write_bytes_field(&any, 2, value);
    ds_wire_write_bytes_field(&status, STATUS_DETAILS, ds_buffer_bytes(&any));
    ds_buffer_deinit(&any);
}

static void add_reason(struct ds_bytes error_info)
{
    add_detail("type.googleapis.com/google.rpc.ErrorInfo", error_info);
}

static int exit_code_of(ds_code code)
{
    const struct answer answer = {
        .code = code, .message = "", .reason = ds_status_reason(ds_buffer_bytes(&status))};
    return status_exit_code(&answer);
}

static void a_full_disk_is_no_rate_limit(void **state)
{
    (void)state;
    add_reason(BYTES("\x0a\x0aSTORE_FULL\x12\x0b"
                     "deltastream"));
    assert_int_equal(exit_code_of(DS_RESOURCE_EXHAUSTED), DS_EXIT_ERROR);
    assert_int_equal(exit_code_of(DS_UNAVAILABLE), DS_EXIT_UNAVAILABLE);
}

static void a_busy_server_is_one(void **state)
{
    (void)state;
    add_reason(BYTES("\x0a\x0bSERVER_BUSY\x12\x0b"
                     "deltastream"));
    assert_int_equal(exit_code_of(DS_RESOURCE_EXHAUSTED), DS_EXIT_RATE_LIMITED);
}

static void what_the_message_says_is_not_told_again(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes = 0;
    add_reason(BYTES("\x0a\x0fINVALID_REQUEST\x12\x0b"
                     "deltastream"));
    add_detail("type.googleapis.com/google.rpc.BadRequest", BYTES("\x0a\x0a\x0a\x03key\x12\x03"
                                                                  "low"));
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    status_print(stream, DS_INVALID_ARGUMENT, "low", ds_buffer_bytes(&status));
    status_print(stream, DS_INVALID_ARGUMENT, "no", ds_buffer_bytes(&status));
    fclose(stream);
    assert_string_equal(text, "deltastream: INVALID_ARGUMENT: low\n"
                              "deltastream: INVALID_ARGUMENT: no\n  key: low\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk_is_no_rate_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_busy_server_is_one, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_message_says_is_not_told_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
