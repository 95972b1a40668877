/* What the server takes of a message and of a header, tried over the wire. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/metadata.h"
#include "ds/rpc_client.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_stranger.h"
#include "schema.gen.h"
#include "support/standing_clock.h"

#include <stdio.h>
#include <stdlib.h>

static struct rpc_fixture fixture;
static struct rpc_stranger stranger;
static struct ds_buffer message;

static const char list_ticks[] = "deltastream.storage.v1.Storage/ListTicks";

static int open_all(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, FIXTURE_TCP,
                     &(struct ds_rpc_server_options){
                         /* A slow machine must not use up the time that the calls of a message
                          * share. */
                         .clock = &standing_clock,
                         .authenticator = {.authenticate = rpc_fixture_authenticate_reader},
                     });
    rpc_stranger_open(&stranger, fixture.url);
    ds_buffer_init(&message, 4 * 1024 * 1024);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    ds_buffer_deinit(&message);
    rpc_stranger_close(&stranger);
    rpc_fixture_close(&fixture);
    return 0;
}

static void append_calls(int count)
{
    for (int i = 0; i < count; i++) {
        char call_id[16];
        snprintf(call_id, sizeof call_id, "%d", i);
        rpc_request_append(&message, call_id, list_ticks, (struct ds_bytes){0});
    }
}

/* Sends the message and expects an answer to each of append_calls(count). */
static void expect_answers(int count, ds_code code, const char *text)
{
    struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    void *memory = (void *)(uintptr_t)answer.data;
    for (int i = 0; i < count; i++) {
        char call_id[16];
        snprintf(call_id, sizeof call_id, "%d", i);
        rpc_response_expect(&answer, code, call_id, text);
    }
    assert_int_equal(answer.size, 0);
    free(memory);
}

static void sixty_four_frames_share_a_message(void **state)
{
    (void)state;
    append_calls(DS_FRAMES_PER_MESSAGE_MAX);
    expect_answers(DS_FRAMES_PER_MESSAGE_MAX, DS_OK, "");
    assert_int_equal(atomic_load(&fixture.executed), DS_FRAMES_PER_MESSAGE_MAX);
}

static void of_sixty_five_frames_each_is_refused_by_its_call_id(void **state)
{
    (void)state;
    append_calls(DS_FRAMES_PER_MESSAGE_MAX + 1);
    expect_answers(DS_FRAMES_PER_MESSAGE_MAX + 1, DS_INVALID_ARGUMENT,
                   "a message has at most 64 frames");
    assert_int_equal(atomic_load(&fixture.executed), 0);
}

/* Such a message must not cost an answer many times its size. */
static void frames_past_1024_share_one_refusal(void **state)
{
    (void)state;
    append_calls(2000);
    struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    void *memory = (void *)(uintptr_t)answer.data;
    for (int i = 0; i < 1024; i++) {
        char call_id[16];
        snprintf(call_id, sizeof call_id, "%d", i);
        rpc_response_expect(&answer, DS_INVALID_ARGUMENT, call_id, "64 frames");
    }
    rpc_response_expect(&answer, DS_INVALID_ARGUMENT, "", "64 frames");
    assert_int_equal(answer.size, 0);
    free(memory);
}

/* Two frames of so many bytes together. */
static void append_two_calls(size_t bytes)
{
    const size_t first = message.size;
    append_calls(1);
    const size_t frame_bytes = message.size - first;
    uint8_t *payload = calloc(1, bytes);
    rpc_request_append(&message, "1", list_ticks, ds_bytes_of(payload, bytes - 2 * frame_bytes));
    free(payload);
    assert_int_equal(message.size, bytes);
}

static void frames_of_more_than_64_kib_are_refused_by_their_call_ids(void **state)
{
    (void)state;
    append_two_calls(DS_SHARED_REQUEST_BYTES_MAX + 1);
    expect_answers(2, DS_INVALID_ARGUMENT, "at most 65536 bytes together");
    assert_int_equal(atomic_load(&fixture.executed), 0);
}

static void frames_of_64_kib_are_looked_at_one_by_one(void **state)
{
    (void)state;
    append_two_calls(DS_SHARED_REQUEST_BYTES_MAX);
    struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    void *memory = (void *)(uintptr_t)answer.data;
    rpc_response_expect(&answer, DS_OK, "0", "");
    free(memory);
}

/* The method's own limit is what counts for a frame that travels alone. */
static void one_frame_may_be_larger_than_what_many_share(void **state)
{
    (void)state;
    const size_t bytes = DS_SHARED_REQUEST_BYTES_MAX + 1;
    assert_true(ds_method_storage_ingest_ticks->request_bytes_max > bytes);
    uint8_t *payload = calloc(1, bytes);
    rpc_request_append(&message, "a", "deltastream.storage.v1.Storage/IngestTicks",
                       ds_bytes_of(payload, bytes));
    free(payload);
    rpc_stranger_expect(&stranger, &message, DS_PERMISSION_DENIED, "a");
}

static void one_frame_past_its_methods_limit_is_refused(void **state)
{
    (void)state;
    const size_t bytes = ds_method_storage_list_ticks->request_bytes_max + 1;
    uint8_t *payload = calloc(1, bytes);
    rpc_request_append(&message, "a", list_ticks, ds_bytes_of(payload, bytes));
    free(payload);
    rpc_stranger_expect(&stranger, &message, DS_INVALID_ARGUMENT, "a");
    assert_int_equal(atomic_load(&fixture.executed), 0);
}

/* Sends a call with these entries and returns the header of its answer. */
static Rpc__ResponseHeader *call_with(Rpc__Metadata *entries, size_t count)
{
    Rpc__Metadata *pointers[DS_METADATA_ENTRIES_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        pointers[i] = &entries[i];
    }
    Rpc__RequestHeader header = RPC__REQUEST_HEADER__INIT;
    header.method = (char *)(uintptr_t)list_ticks;
    header.call_id = (ProtobufCBinaryData){.len = 1, .data = (uint8_t *)(uintptr_t) "a"};
    header.n_metadata = count;
    header.metadata = pointers;
    ds_buffer_clear(&message);
    rpc_frame_append(&message, DS_FRAME_REQUEST, &header, (struct ds_bytes){0});
    struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    void *memory = (void *)(uintptr_t)answer.data;
    struct ds_frame frame;
    Rpc__ResponseHeader *response = rpc_response_next(&answer, &frame);
    free(memory);
    return response;
}

static Rpc__Metadata metadata_of(const char *key, struct ds_bytes value)
{
    Rpc__Metadata entry = RPC__METADATA__INIT;
    entry.key = (char *)(uintptr_t)key;
    entry.value =
        (ProtobufCBinaryData){.len = value.size, .data = (uint8_t *)(uintptr_t)value.data};
    return entry;
}

static void expect_metadata(Rpc__Metadata *entries, size_t count, ds_code code, const char *text)
{
    Rpc__ResponseHeader *header = call_with(entries, count);
    assert_non_null(strstr(header->message, text));
    assert_int_equal(header->code, (int)code);
    assert_memory_equal(header->call_id.data, "a", 1);
    rpc__response_header__free_unpacked(header, NULL);
}

static void metadata_has_64_entries_at_most(void **state)
{
    (void)state;
    Rpc__Metadata entries[DS_METADATA_ENTRIES_MAX + 1];
    for (size_t i = 0; i < DS_METADATA_ENTRIES_MAX + 1; i++) {
        entries[i] = metadata_of("key", ds_bytes_of_text("value"));
    }
    expect_metadata(entries, DS_METADATA_ENTRIES_MAX, DS_OK, "");
    expect_metadata(entries, DS_METADATA_ENTRIES_MAX + 1, DS_INVALID_ARGUMENT,
                    "more than 64 metadata entries");
}

static void metadata_has_8_kib_at_most(void **state)
{
    (void)state;
    static uint8_t value[DS_METADATA_BYTES_MAX];
    Rpc__Metadata entries[2];
    entries[0] = metadata_of("a-bin", ds_bytes_of(value, DS_METADATA_BYTES_MAX / 2));
    entries[1] = metadata_of("b-bin", ds_bytes_of(value, DS_METADATA_BYTES_MAX / 2 - 10));
    expect_metadata(entries, 2, DS_OK, "");
    entries[1] = metadata_of("b-bin", ds_bytes_of(value, DS_METADATA_BYTES_MAX / 2 - 9));
    expect_metadata(entries, 2, DS_INVALID_ARGUMENT, "more than 8 KiB");
}

static void metadata_keys_follow_the_rule(void **state)
{
    (void)state;
    static const char *const refused[] = {"", "Upper", "white space", "colon:", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        Rpc__Metadata entry = metadata_of(refused[i], ds_bytes_of_text("value"));
        expect_metadata(&entry, 1, DS_INVALID_ARGUMENT, "a metadata key has other characters");
    }
    Rpc__Metadata entry = metadata_of("0-9.a_z", ds_bytes_of_text("value"));
    expect_metadata(&entry, 1, DS_OK, "");
}

static void reserved_metadata_keys_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {"grpc-timeout", "ds-anything", "authorization",
                                          "traceparent",  "tracestate",  "idempotency-key"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        Rpc__Metadata entry = metadata_of(refused[i], ds_bytes_of_text("value"));
        expect_metadata(&entry, 1, DS_INVALID_ARGUMENT, "a metadata key is reserved");
    }
}

static void only_bin_keys_have_values_of_any_bytes(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 1, 0xff, '\n'};
    Rpc__Metadata entry = metadata_of("key", ds_bytes_of(bytes, sizeof bytes));
    expect_metadata(&entry, 1, DS_INVALID_ARGUMENT, "printable ASCII");
    entry = metadata_of("key-bin", ds_bytes_of(bytes, sizeof bytes));
    expect_metadata(&entry, 1, DS_OK, "");
}

/* gRPC's interop case custom_metadata. */
static void custom_metadata_reaches_the_handler_and_comes_back(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xab, 0xab, 0, 0xab};
    Rpc__Metadata entries[] = {
        metadata_of("echo", ds_bytes_of_text("test_initial_metadata_value")),
        metadata_of("echo-bin", ds_bytes_of(bytes, sizeof bytes)),
        metadata_of("other", ds_bytes_of_text("not echoed")),
    };
    Rpc__ResponseHeader *header = call_with(entries, 3);
    assert_int_equal(header->code, 0);
    assert_int_equal(header->n_metadata, 2);
    assert_string_equal(header->metadata[0]->key, "echo");
    assert_int_equal(header->metadata[0]->value.len, strlen("test_initial_metadata_value"));
    assert_memory_equal(header->metadata[0]->value.data, "test_initial_metadata_value",
                        header->metadata[0]->value.len);
    assert_string_equal(header->metadata[1]->key, "echo-bin");
    assert_int_equal(header->metadata[1]->value.len, sizeof bytes);
    assert_memory_equal(header->metadata[1]->value.data, bytes, sizeof bytes);
    rpc__response_header__free_unpacked(header, NULL);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(sixty_four_frames_share_a_message),
        WITH(of_sixty_five_frames_each_is_refused_by_its_call_id),
        WITH(frames_past_1024_share_one_refusal),
        WITH(frames_of_more_than_64_kib_are_refused_by_their_call_ids),
        WITH(frames_of_64_kib_are_looked_at_one_by_one),
        WITH(one_frame_may_be_larger_than_what_many_share),
        WITH(one_frame_past_its_methods_limit_is_refused),
        WITH(metadata_has_64_entries_at_most),
        WITH(metadata_has_8_kib_at_most),
        WITH(metadata_keys_follow_the_rule),
        WITH(reserved_metadata_keys_are_refused),
        WITH(only_bin_keys_have_values_of_any_bytes),
        WITH(custom_metadata_reaches_the_handler_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
