/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/rpc/v1/frame.pb-c.h"
#include "ds/frame.h"
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
                                                       .accept_encodings = 1,
                                                       .sent_at_us = 1234567890123456});
    Rpc__RequestHeader *header = rpc__request_header__unpack(NULL, bytes.size, bytes.data);
    assert_non_null(header);
    assert_memory_equal(header->call_id.data, "id", 2);
    assert_string_equal(header->method, "deltastream.storage.v1.Storage/ListTicks");
    assert_int_equal(header->timeout_ms, 1500);
    assert_int_equal(header->attempt, 2);
    assert_int_equal(header->accept_encodings, 1);
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

static void the_bound_of_a_request_header_holds(void **state)
{
    (void)state;
    static const char *const permissions[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    const struct ds_principal principal = {.subject = "u",
                                           .authentication_method = "j",
                                           .permissions = permissions,
                                           .permission_count = 8};
    struct ds_metadata_entry metadata[DS_METADATA_ENTRIES_MAX];
    for (size_t i = 0; i < DS_METADATA_ENTRIES_MAX; i++) {
        metadata[i] = (struct ds_metadata_entry){.key = "k", .value = ds_bytes_of("v", 1)};
    }
    const struct ds_client_call calls[] = {
        {.method = ds_method_storage_list_ticks},
        {.method = ds_method_storage_list_ticks, .principal = &principal},
        {.method = ds_method_storage_list_ticks,
         .principal = &principal,
         .authorization = "Bearer x",
         .peer = "192.0.2.1",
         .traceparent = "00-a-b-01",
         .tracestate = "a=b",
         .idempotency_key = ds_bytes_of("key", 3),
         .metadata = metadata,
         .metadata_count = DS_METADATA_ENTRIES_MAX,
         .run_epoch = UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct ds_buffer bytes;
        ds_buffer_init(&bytes, DS_FRAME_HEADER_BYTES_MAX);
        ds_request_header_write(&bytes, &calls[i],
                                &(struct ds_request_stamp){
                                    .call_id = ds_bytes_of("0123456789abcdef", 16),
                                    .client_id = ds_bytes_of("0123456789abcdef", 16),
                                    .timeout_ms = UINT32_MAX,
                                    .attempt = UINT32_MAX,
                                    .sent_at_us = INT64_MAX,
                                    .accept_encodings = UINT32_MAX,
                                });
        const size_t bound = ds_request_header_bytes_max(&calls[i]);
        assert_true(bytes.size <= bound);
        /* Loose by a fixed amount and by a little for each text. */
        assert_true(bound <= bytes.size + 200 + 21 * calls[i].metadata_count);
        ds_buffer_deinit(&bytes);
    }
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

/* code, retry_pushback_ms and queue_us with a bit above their 32. */
static void of_a_longer_number_32_bits_count_as_in_protobuf(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x10, 0x8e, 0x80, 0x80, 0x80, 0x80, 0x20, 0x30, 0x89, 0x80,
                                    0x80, 0x80, 0x10, 0x38, 0x8b, 0x80, 0x80, 0x80, 0x80, 0x20};
    struct ds_response_header header;
    Rpc__ResponseHeader *expected = rpc__response_header__unpack(NULL, sizeof bytes, bytes);
    assert_non_null(expected);
    assert_true(ds_response_header_read(ds_bytes_of(bytes, sizeof bytes), &header));
    assert_int_equal(header.code, DS_UNAVAILABLE);
    assert_int_equal(header.code, (int)expected->code);
    assert_int_equal(header.retry_pushback_ms, -5);
    assert_int_equal(header.retry_pushback_ms, expected->retry_pushback_ms);
    assert_int_equal(header.queue_us, 11);
    assert_int_equal(header.queue_us, expected->queue_us);
    rpc__response_header__free_unpacked(expected, NULL);
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
        cmocka_unit_test(the_bound_of_a_request_header_holds),
        cmocka_unit_test(a_response_header_is_read_as_protobuf_wrote_it),
        cmocka_unit_test(a_number_that_is_no_code_is_unknown),
        cmocka_unit_test(of_a_longer_number_32_bits_count_as_in_protobuf),
        cmocka_unit_test(a_cut_response_header_is_refused_or_a_shorter_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
