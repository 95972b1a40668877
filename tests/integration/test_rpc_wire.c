/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/frame.h"
#include "ds/wire.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_raw.h"
#include "integration/rpc_stranger.h"
#include "schema.gen.h"
#include "support/standing_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A stranger that speaks to the server in bytes of its own making. */
static struct rpc_fixture fixture;
static struct rpc_stranger stranger;

static void open_stranger_over(enum fixture_transport transport)
{
    rpc_fixture_open(&fixture, transport,
                     &(struct ds_rpc_server_options){
                         /* A slow machine must not use up the time that the calls of a message
                          * share. */
                         .clock = &standing_clock,
                         .authenticator = {.authenticate = rpc_fixture_authenticate_writer},
                     });
    rpc_stranger_open(&stranger, fixture.url);
}

static int open_stranger(void **state)
{
    (void)state;
    open_stranger_over(FIXTURE_TCP);
    return 0;
}

static int open_trusted_stranger(void **state)
{
    (void)state;
    open_stranger_over(FIXTURE_IPC);
    return 0;
}

static int close_stranger(void **state)
{
    (void)state;
    rpc_stranger_close(&stranger);
    rpc_fixture_close(&fixture);
    return 0;
}

static const char list_ticks[] = "deltastream.storage.v1.Storage/ListTicks"; /* inline */
static const char list_products[] = "deltastream.storage.v1.Storage/ListProducts";
static const char ingest_ticks[] = "deltastream.storage.v1.Storage/IngestTicks";

static void a_frame_made_by_hand_is_answered(void **state)
{
    (void)state;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", list_products, (struct ds_bytes){0});
    rpc_stranger_expect(&stranger, &message, DS_OK, "a");
    ds_buffer_deinit(&message);
}

/* The bytes of docs/rpc.md, which must be true. */
static const uint8_t documented_greeting[] = {0x00, 0x53, 0x50, 0x00, 0x00, 0x30, 0x00, 0x00};
static const uint8_t documented_hello[] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x39, 0x80, 0x00, 0x00, 0x01, 0x44,
    0x53, 0x52, 0x01, 0x01, 0x00, 0x00, 0x00, 0x25, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x0a, 0x01, 0x61, 0x12, 0x20, 0x64, 0x65, 0x6c, 0x74, 0x61, 0x73,
    0x74, 0x72, 0x65, 0x61, 0x6d, 0x2e, 0x72, 0x70, 0x63, 0x2e, 0x76, 0x31, 0x2e,
    0x43, 0x6f, 0x6e, 0x74, 0x72, 0x6f, 0x6c, 0x2f, 0x48, 0x65, 0x6c, 0x6c, 0x6f};
static const uint8_t documented_cancel[] = {0x44, 0x53, 0x52, 0x01, 0x06, 0x00, 0x00, 0x00, 0x09,
                                            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x01,
                                            0x61, 0x7a, 0x04, 0x63, 0x2d, 0x30, 0x31};

static void the_documented_bytes_of_a_call_are_answered(void **state)
{
    (void)state;
    uint8_t greeting[8];
    uint32_t number = 0;
    const int peer = rpc_raw_connect(fixture.url, "127.0.0.1");
    rpc_raw_send(peer, documented_greeting, sizeof documented_greeting);
    rpc_raw_receive_all(peer, greeting, sizeof greeting);
    assert_memory_equal(greeting, "\0SP\0\0\x31\0\0", sizeof greeting);
    rpc_raw_send(peer, documented_hello, sizeof documented_hello);
    struct ds_bytes answer = rpc_raw_receive(peer, &number);
    void *memory = (void *)(uintptr_t)answer.data;
    assert_int_equal(number, 1);
    rpc_response_expect(&answer, DS_OK, "a", "");
    free(memory);
    close(peer);
}

static void the_documented_bytes_of_a_cancel_are_answered(void **state)
{
    (void)state;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    ds_buffer_append(&message, documented_cancel, sizeof documented_cancel);
    rpc_stranger_expect(&stranger, &message, DS_NOT_FOUND, "a");
    ds_buffer_deinit(&message);
}

static void bytes_that_are_no_frame_get_an_answer(void **state)
{
    (void)state;
    static const char *const messages[] = {"", "D", "GET / HTTP/1.1\r\n\r\n", "DSR\1\1\0\0"};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct ds_buffer message;
        ds_buffer_init(&message, 4096);
        ds_buffer_append_text(&message, messages[i]);
        ds_buffer_append_byte(&message, '\n');
        rpc_stranger_expect(&stranger, &message, DS_INVALID_ARGUMENT, "");
        ds_buffer_deinit(&message);
    }
}

static void lengths_that_pass_the_message_are_refused(void **state)
{
    (void)state;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", list_products, (struct ds_bytes){0});
    message.data[12] = 1; /* a payload byte that is not there */
    rpc_stranger_expect(&stranger, &message, DS_INVALID_ARGUMENT, "");
    message.data[12] = 0;
    message.data[11] = 0xff; /* a header of 4 GiB */
    rpc_stranger_expect(&stranger, &message, DS_INVALID_ARGUMENT, "");
    ds_buffer_deinit(&message);
}

static void another_version_is_told_the_versions_that_do(void **state)
{
    (void)state;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", list_products, (struct ds_bytes){0});
    message.data[3] = 2;
    const struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    static const uint8_t expected[] = {'D', 'S', 'R', 1, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 1};
    assert_int_equal(answer.size, sizeof expected);
    assert_memory_equal(answer.data, expected, sizeof expected);
    free((void *)(uintptr_t)answer.data);
    ds_buffer_deinit(&message);
}

static void a_frame_of_another_type_is_refused_with_its_call_id(void **state)
{
    (void)state;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "call-7", list_products, (struct ds_bytes){0});
    message.data[4] = DS_FRAME_RESPONSE;
    rpc_stranger_expect(&stranger, &message, DS_INVALID_ARGUMENT, "call-7");
    ds_buffer_deinit(&message);
}

static void a_damaged_header_is_refused(void **state)
{
    (void)state;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", list_products, (struct ds_bytes){0});
    message.data[DS_FRAME_PREFACE_BYTES] = 0xff;
    rpc_stranger_expect(&stranger, &message, DS_INVALID_ARGUMENT, "");
    ds_buffer_deinit(&message);
}

static void a_call_id_of_seventeen_bytes_is_refused(void **state)
{
    (void)state;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "12345678901234567", list_products, (struct ds_bytes){0});
    rpc_stranger_expect(&stranger, &message, DS_INVALID_ARGUMENT, "");
    ds_buffer_deinit(&message);
}

static void a_method_that_may_block_does_not_share_a_message(void **state)
{
    (void)state;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    rpc_request_append(&message, "a", list_ticks, (struct ds_bytes){0});
    rpc_request_append(&message, "b", ingest_ticks, (struct ds_bytes){0});
    struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    void *memory = (void *)(uintptr_t)answer.data;
    struct ds_frame frame;
    Rpc__ResponseHeader *header = rpc_response_next(&answer, &frame);
    assert_int_equal(header->code, DS_OK);
    rpc__response_header__free_unpacked(header, NULL);
    header = rpc_response_next(&answer, &frame);
    assert_int_equal(header->code, DS_UNAVAILABLE);
    assert_memory_equal(header->call_id.data, "b", 1);
    const struct ds_bytes details =
        ds_bytes_of(header->status_details.data, header->status_details.len);
    assert_int_equal(ds_status_reason(details), DS_REASON(SHARE_OVERFLOW));
    /* ListTicks alone. */
    assert_int_equal(atomic_load(&fixture.executed), 1);
    rpc__response_header__free_unpacked(header, NULL);
    free(memory);
    ds_buffer_deinit(&message);
}

/* The text of the answer to a call of that method. */
static void expect_failure_text(const char *method, const char *text)
{
    struct ds_buffer message;
    ds_buffer_init(&message, 8192);
    rpc_request_append(&message, "a", method, (struct ds_bytes){0});
    struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    void *memory = (void *)(uintptr_t)answer.data;
    struct ds_frame frame;
    Rpc__ResponseHeader *header = rpc_response_next(&answer, &frame);
    assert_string_equal(header->message, text);
    rpc__response_header__free_unpacked(header, NULL);
    free(memory);
    ds_buffer_deinit(&message);
}

static void a_failures_text_is_never_cut_within_a_character(void **state)
{
    (void)state;
    char method[160];
    char text[256];
    memset(method, 'x', 126);
    /* U+20AC, of which 128 bytes of the name would hold two of three. */
    strcpy(method + 126, "\xe2\x82\xac");
    snprintf(text, sizeof text, "this server has no method %.126s", method);
    expect_failure_text(method, text);
}

static void a_time_of_sending_that_can_not_be_is_ignored(void **state)
{
    (void)state;
    Rpc__RequestHeader header = RPC__REQUEST_HEADER__INIT;
    header.method = (char *)(uintptr_t)list_products;
    header.timeout_ms = RPC_FIXTURE_TIMEOUT_MS;
    header.sent_at_us = UINT64_C(1) << 63;
    Rpc__Principal principal = RPC__PRINCIPAL__INIT;
    char *permissions[] = {(char *)(uintptr_t) "market:read"};
    principal.permissions = permissions;
    principal.n_permissions = 1;
    header.principal = &principal;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    rpc_frame_append(&message, DS_FRAME_REQUEST, &header, (struct ds_bytes){0});
    rpc_stranger_expect(&stranger, &message, DS_OK, "");
    ds_buffer_deinit(&message);
}

/* nng's own limit is off by default: a header of 16 bytes would then reserve what it announces. */
static void a_message_announced_with_16_gib_closes_the_connection(void **state)
{
    (void)state;
    const int peer = rpc_raw_connect(fixture.url, "127.0.0.1");
    rpc_raw_greet(peer);
    rpc_raw_announce(peer, (size_t)16 * 1024 * 1024 * 1024);
    assert_true(rpc_raw_is_hung_up(peer));
    close(peer);
    a_frame_made_by_hand_is_answered(state);
}

static void a_channel_without_a_server_says_so(void **state)
{
    (void)state;
    struct ds_channel *channel = NULL;
    char url[128];
    snprintf(url, sizeof url, "ipc://%s/nobody.sock", fixture.folder);
    assert_int_equal(ds_channel_open(&(struct ds_channel_options){.url = url}, &channel), DS_OK);
    struct ds_client_call call = {.method = ds_method_storage_list_products,
                                  .timeout_ms = RPC_FIXTURE_TIMEOUT_MS};
    assert_int_equal(ds_channel_call_wait(channel, &call), DS_UNAVAILABLE);
    assert_string_equal(call.message, "the service can't be reached");
    ds_client_call_release(&call);
    ds_channel_close(channel);
}

static void an_address_in_use_or_of_another_form_is_refused(void **state)
{
    (void)state;
    struct ds_rpc_server *second =
        ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "second"});
    static const char *const refused[] = {"http://127.0.0.1:0", "tcp://0.0.0.0:0", "ipc://relative",
                                          "tcp://192.0.2.1:0", "nonsense"};
    assert_int_equal(ds_rpc_server_listen(second, fixture.url, NULL, 0), DS_ALREADY_EXISTS);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(ds_rpc_server_listen(second, refused[i], NULL, 0), DS_INVALID_ARGUMENT);
    }
    ds_rpc_server_destroy(second);
}

static void a_socket_in_a_folder_that_others_may_enter_is_refused(void **state)
{
    (void)state;
    char folder[] = "/tmp/ds-open-XXXXXX";
    char url[64];
    assert_non_null(mkdtemp(folder));
    chmod(folder, 0755);
    snprintf(url, sizeof url, "ipc://%s/rpc.sock", folder);
    struct ds_rpc_server *server =
        ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "second"});
    assert_int_equal(ds_rpc_server_listen(server, url, NULL, 0), DS_PERMISSION_DENIED);
    ds_rpc_server_destroy(server);
    rmdir(folder);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_stranger, close_stranger)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_frame_made_by_hand_is_answered),
        WITH(the_documented_bytes_of_a_call_are_answered),
        WITH(the_documented_bytes_of_a_cancel_are_answered),
        WITH(bytes_that_are_no_frame_get_an_answer),
        WITH(lengths_that_pass_the_message_are_refused),
        WITH(another_version_is_told_the_versions_that_do),
        WITH(a_frame_of_another_type_is_refused_with_its_call_id),
        WITH(a_damaged_header_is_refused),
        WITH(a_call_id_of_seventeen_bytes_is_refused),
        WITH(a_method_that_may_block_does_not_share_a_message),
        WITH(a_failures_text_is_never_cut_within_a_character),
        cmocka_unit_test_setup_teardown(a_time_of_sending_that_can_not_be_is_ignored,
                                        open_trusted_stranger, close_stranger),
        WITH(a_message_announced_with_16_gib_closes_the_connection),
        WITH(a_channel_without_a_server_says_so),
        WITH(an_address_in_use_or_of_another_form_is_refused),
        WITH(a_socket_in_a_folder_that_others_may_enter_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
