/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/rpc/v1/frame.pb-c.h"
#include "ds/frame_header.h"
#include "schema.gen.h"

#include <stdlib.h>

static void a_request_header_is_what_protobuf_reads(void **state)
{
    (void)state;
    static const char *const permissions[] = {"market:read", "admin"};
    const struct ds_principal principal = {.subject = "user:7",
                                           .authentication_method = "jwt",
                                           .permissions = permissions,
                                           .permission_count = 2};
    const struct ds_client_call call = {.method = ds_method_storage_list_ticks,
                                        .principal = &principal,
                                        .authorization = "Bearer x",
                                        .peer = "192.0.2.1",
                                        .traceparent = "00-a-b-01",
                                        .idempotency_key = ds_bytes_of("key", 3)};
    struct ds_buffer bytes;
    ds_buffer_init(&bytes, 4096);
    ds_request_header_write(&bytes, &call,
                            &(struct ds_request_stamp){.call_id = ds_bytes_of("id", 2),
                                                       .timeout_ms = 1500,
                                                       .attempt = 2,
                                                       .sent_at_us = 1234567890123456});
    Rpc__RequestHeader *header = rpc__request_header__unpack(NULL, bytes.size, bytes.data);
    assert_non_null(header);
    assert_memory_equal(header->call_id.data, "id", 2);
    assert_string_equal(header->method, "deltastream.storage.v1.Storage/ListTicks");
    assert_int_equal(header->timeout_ms, 1500);
    assert_int_equal(header->attempt, 2);
    assert_int_equal(header->idempotency_key.len, 3);
    assert_memory_equal(header->idempotency_key.data, "key", 3);
    assert_true(header->sent_at_us == 1234567890123456);
    assert_string_equal(header->authorization, "Bearer x");
    assert_string_equal(header->peer, "192.0.2.1");
    assert_string_equal(header->traceparent, "00-a-b-01");
    assert_string_equal(header->principal->subject, "user:7");
    assert_string_equal(header->principal->permissions[1], "admin");
    rpc__request_header__free_unpacked(header, NULL);
    ds_buffer_deinit(&bytes);
}

/* A header with all that a response may say, packed by protobuf-c. */
static struct ds_bytes packed_response(uint8_t target[256])
{
    Rpc__ResponseHeader header = RPC__RESPONSE_HEADER__INIT;
    header.call_id.data = (uint8_t *)(uintptr_t) "id";
    header.call_id.len = 2;
    header.code = DS_UNAVAILABLE;
    header.message = (char *)(uintptr_t) "later";
    header.status_details.data = (uint8_t *)(uintptr_t) "xyz";
    header.status_details.len = 3;
    header._retry_pushback_ms_case = RPC__RESPONSE_HEADER___RETRY_PUSHBACK_MS_RETRY_PUSHBACK_MS;
    header.retry_pushback_ms = -5;
    header.queue_us = 11;
    header.execution_us = 12;
    header.server_epoch = 13;
    return ds_bytes_of(target, rpc__response_header__pack(&header, target));
}

static void a_response_header_is_read_as_protobuf_wrote_it(void **state)
{
    (void)state;
    uint8_t target[256];
    struct ds_response_header header;
    assert_true(ds_response_header_read(packed_response(target), &header));
    assert_true(ds_bytes_equal_text(header.call_id, "id"));
    assert_int_equal(header.code, DS_UNAVAILABLE);
    assert_true(ds_bytes_equal_text(header.message, "later"));
    assert_true(ds_bytes_equal_text(header.status_details, "xyz"));
    assert_int_equal(header.retry_pushback_ms, -5);
    assert_int_equal(header.queue_us, 11);
    assert_int_equal(header.execution_us, 12);
    assert_true(ds_response_header_read((struct ds_bytes){.data = NULL, .size = 0}, &header));
    assert_int_equal(header.code, DS_OK);
}

static void a_number_that_is_no_code_is_unknown(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x10, 0xff, 0xff, 0xff, 0xff, 0x1f};
    struct ds_response_header header;
    assert_true(ds_response_header_read(ds_bytes_of(bytes, sizeof bytes), &header));
    assert_int_equal(header.code, DS_UNKNOWN);
}

static void a_cut_response_header_is_refused_or_a_shorter_one(void **state)
{
    (void)state;
    uint8_t target[256];
    const struct ds_bytes whole = packed_response(target);
    struct ds_response_header header = {.queue_us = 99};
    size_t refused = 0;
    for (size_t size = 1; size < whole.size; size++) {
        /* An allocation of its own, so that the sanitizer sees a read past the end. */
        uint8_t *cut = malloc(size);
        memcpy(cut, whole.data, size);
        refused += !ds_response_header_read(ds_bytes_of(cut, size), &header);
        free(cut);
    }
    assert_true(refused > whole.size / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_header_is_what_protobuf_reads),
        cmocka_unit_test(a_response_header_is_read_as_protobuf_wrote_it),
        cmocka_unit_test(a_number_that_is_no_code_is_unknown),
        cmocka_unit_test(a_cut_response_header_is_refused_or_a_shorter_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
