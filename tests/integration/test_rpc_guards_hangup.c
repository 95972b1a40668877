/* Connections that end in the middle of messages, by either side: docs/rpc-guards.md. With nng
 * 1.5.2 under the server one such end could stop the thread that ends all connections. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_raw.h"
#include "integration/rpc_stranger.h"
#include "schema.gen.h"

#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANG_UPS 100
#define PEERS_AT_A_TIME 50
/* So many that two looks of the server find what is to be hung up on. */
#define ANNOUNCED_BYTES (8 * 1024 * 1024)
#define CHUNK_BYTES_MAX 2000
/* Its firing is what is waited for. Over TLS it is the handshake's time limit too. */
#define FIRST_REQUEST_MS 500
/* Replies of 1 MiB that one peer over ipc leaves unread: the second is not taken in 2 s. */
#define REPLIES_UNREAD 3
/* The peer's own closes. */
#define CLOSES 200
#define CLOSES_OVER_TLS 60 /* each with a handshake */
#define REPLIES_LEFT 12

struct peer {
    int fd;             /* -1: none */
    bool is_in_message; /* that never ends */
    size_t sent_bytes;  /* of it */
    bool is_tls;
    mbedtls_ssl_context tls;
};

static struct rpc_fixture fixture;
static struct peer peers[PEERS_AT_A_TIME];
static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_source;
static mbedtls_ssl_config tls_config;

/* ---- what goes through a connection ---- */

static int tls_send(void *context, const unsigned char *bytes, size_t size)
{
    const int fd = ((struct peer *)context)->fd;
    const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        return errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_CONN_EOF;
    }
    return (int)sent;
}

static int tls_receive(void *context, unsigned char *bytes, size_t size)
{
    const ssize_t received = recv(((struct peer *)context)->fd, bytes, size, 0);
    return received > 0 ? (int)received : MBEDTLS_ERR_SSL_CONN_EOF;
}

static void open_tls_config(void)
{
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random_source);
    mbedtls_ssl_config_init(&tls_config);
    assert_int_equal(mbedtls_ctr_drbg_seed(&random_source, mbedtls_entropy_func, &entropy, NULL, 0),
                     0);
    assert_int_equal(mbedtls_ssl_config_defaults(&tls_config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_authmode(&tls_config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&tls_config, mbedtls_ctr_drbg_random, &random_source);
}

static void close_tls_config(void)
{
    mbedtls_ssl_config_free(&tls_config);
    mbedtls_ctr_drbg_free(&random_source);
    mbedtls_entropy_free(&entropy);
}

static bool shake_hands(struct peer *peer)
{
    peer->is_tls = true;
    mbedtls_ssl_init(&peer->tls);
    assert_int_equal(mbedtls_ssl_setup(&peer->tls, &tls_config), 0);
    mbedtls_ssl_set_bio(&peer->tls, peer, tls_send, tls_receive, NULL);
    return mbedtls_ssl_handshake(&peer->tls) == 0;
}

/* Some of the bytes; none where the server has hung up, or is busy. */
static size_t peer_send(struct peer *peer, const uint8_t *bytes, size_t size)
{
    const ssize_t sent = peer->is_tls ? mbedtls_ssl_write(&peer->tls, bytes, size)
                                      : send(peer->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? (size_t)sent : 0;
}

/* False where the machine is so slow that the server has hung up. */
static bool greet_over_tls(struct peer *peer)
{
    static const uint8_t greeting[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}; /* protocol REQ */
    uint8_t answer[sizeof greeting];
    size_t received = 0;
    if (!shake_hands(peer)) {
        return false;
    }
    (void)peer_send(peer, greeting, sizeof greeting);
    while (received < sizeof answer) {
        const int got = mbedtls_ssl_read(&peer->tls, answer + received, sizeof answer - received);
        if (got <= 0) {
            return false;
        }
        received += (size_t)got;
    }
    return true;
}

static void peer_go(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
    if (peer->is_tls) {
        mbedtls_ssl_free(&peer->tls);
    }
}

static void peer_come(struct peer *peer)
{
    *peer = (struct peer){.fd = rpc_raw_connect(fixture.url, "127.0.0.1")};
    if (fixture.transport != FIXTURE_TLS) {
        rpc_raw_greet(peer->fd);
        return;
    }
    while (!greet_over_tls(peer)) {
        peer_go(peer);
        peer->fd = rpc_raw_connect(fixture.url, "127.0.0.1");
    }
}

/* ---- a request that never ends ---- */

static void append_big_endian(struct ds_buffer *target, uint64_t value, int size)
{
    for (int i = size - 1; i >= 0; i--) {
        ds_buffer_append_byte(target, (uint8_t)(value >> (8 * i)));
    }
}

static void append_message_head(struct ds_buffer *target, size_t message_bytes)
{
    if (fixture.transport == FIXTURE_IPC) {
        ds_buffer_append_byte(target, 1);
    }
    append_big_endian(target, message_bytes, 8);
}

static void append_endless_request(struct ds_buffer *target)
{
    append_message_head(target, ANNOUNCED_BYTES);
}

/* All but the last byte. */
static void peer_stream_on(struct peer *peer, size_t chunk_bytes)
{
    static const uint8_t chunk[CHUNK_BYTES_MAX];
    const size_t left = ANNOUNCED_BYTES - 1 - peer->sent_bytes;
    peer->sent_bytes += peer_send(peer, chunk, left < chunk_bytes ? left : chunk_bytes);
}

static bool is_hung_up(const struct peer *peer)
{
    struct pollfd look = {.fd = peer->fd, .events = POLLRDHUP};
    return poll(&look, 1, 0) > 0;
}

static void peer_begin(struct peer *peer, const struct ds_buffer *beginning)
{
    peer_come(peer);
    peer->is_in_message = peer_send(peer, beginning->data, beginning->size) == beginning->size;
}

/* Each peer that was hung up on comes again, until HANG_UPS of them were in their message. None
 * leaves by itself: that would be another test. */
static void stream_until_hung_up_on(const struct ds_buffer *beginning)
{
    size_t hang_ups = 0;
    size_t peer_count = PEERS_AT_A_TIME;
    for (size_t i = 0; i < PEERS_AT_A_TIME; i++) {
        peer_begin(&peers[i], beginning);
    }
    while (peer_count > 0) {
        for (size_t i = 0; i < PEERS_AT_A_TIME; i++) {
            struct peer *peer = &peers[i];
            if (peer->fd < 0) {
                continue;
            }
            peer_stream_on(peer, i % 2 == 0 ? 100 : CHUNK_BYTES_MAX);
            if (!is_hung_up(peer)) {
                continue;
            }
            hang_ups += peer->is_in_message ? 1 : 0;
            peer_go(peer);
            if (hang_ups < HANG_UPS) {
                peer_begin(peer, beginning);
            } else {
                peer_count--;
            }
        }
    }
}

static void append_large_read(struct ds_buffer *message)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "kibibytes";
    request._limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request.limit = 1024;
    const struct ds_bytes payload = rpc_fixture_pack(&request.base);
    rpc_request_append(message, "a", ds_method_storage_list_ticks->full_name, payload);
    free((void *)(uintptr_t)payload.data);
}

static void append_unread_requests(struct ds_buffer *target, uint32_t count)
{
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    append_large_read(&message);
    for (uint32_t number = 1; number <= count; number++) {
        append_message_head(target, 4 + message.size);
        append_big_endian(target, number | 0x80000000U, 4);
        ds_buffer_append(target, message.data, message.size);
    }
    ds_buffer_deinit(&message);
}

/* ---- tests ---- */

static ds_code call_by_new_client(void)
{
    char ca_file[CERTIFICATES_PATH_BYTES_MAX];
    certificates_path(&fixture.certificates, "ca.pem", ca_file);
    const struct ds_tls_options tls = {.ca_file = ca_file};
    struct ds_channel *channel = NULL;
    assert_int_equal(ds_channel_open(
                         &(struct ds_channel_options){
                             .url = fixture.url,
                             .tls = fixture.transport == FIXTURE_TLS ? &tls : NULL,
                         },
                         &channel),
                     DS_OK);
    struct ds_client_call call = {.method = ds_method_control_hello,
                                  .timeout_ms = RPC_FIXTURE_PATIENCE_MS};
    const ds_code code = ds_channel_call_wait(channel, &call);
    ds_client_call_release(&call);
    ds_channel_close(channel);
    return code;
}

/* On a machine so slow that the server hangs up on a good client too, before its first request, the
 * client comes again. */
static void await_good_clients(void)
{
    ds_code codes[] = {DS_UNAVAILABLE, DS_UNAVAILABLE};
    for (int waited_ms = 0; codes[0] != DS_OK || codes[1] != DS_OK;
         waited_ms += RPC_FIXTURE_PAUSE_MS) {
        assert_true(waited_ms < RPC_FIXTURE_PATIENCE_MS);
        codes[0] = rpc_fixture_call_hello(&fixture);
        codes[1] = call_by_new_client();
        rpc_fixture_pause();
    }
    rpc_fixture_await_connections(&fixture, 1); /* the fixture's */
}

static void expect_hang_ups_to_do_no_harm(enum fixture_transport transport, bool has_unread_replies)
{
    struct ds_buffer beginning;
    ds_buffer_init(&beginning, 4096);
    rpc_fixture_open(&fixture, transport,
                     &(struct ds_rpc_server_options){
                         .authenticator.authenticate = rpc_fixture_authenticate_reader,
                         .limits.first_request_ms = FIRST_REQUEST_MS,
                         .limits.connections_per_address_max = 2 * PEERS_AT_A_TIME,
                     });
    await_good_clients();
    if (has_unread_replies) {
        append_unread_requests(&beginning, REPLIES_UNREAD);
    }
    append_endless_request(&beginning);
    stream_until_hung_up_on(&beginning);
    await_good_clients();
    rpc_fixture_close(&fixture);
    ds_buffer_deinit(&beginning);
}

static void first_requests_over_tcp_may_be_cut_in_the_middle(void **state)
{
    (void)state;
    expect_hang_ups_to_do_no_harm(FIXTURE_TCP, false);
}

static void first_requests_over_tls_may_be_cut_in_the_middle(void **state)
{
    (void)state;
    open_tls_config();
    expect_hang_ups_to_do_no_harm(FIXTURE_TLS, false);
    close_tls_config();
}

static void requests_behind_unread_replies_may_be_cut_in_the_middle(void **state)
{
    (void)state;
    expect_hang_ups_to_do_no_harm(FIXTURE_IPC, true);
}

/* Leaves replies unread, streams a large request, and closes in the middle of it. nng's reaper
 * stood still within 200 of these. */
static void expect_closes_to_do_no_harm(enum fixture_transport transport, int closes)
{
    struct ds_buffer beginning;
    ds_buffer_init(&beginning, 16384);
    rpc_fixture_open(&fixture, transport,
                     &(struct ds_rpc_server_options){.authenticator.authenticate =
                                                         rpc_fixture_authenticate_reader});
    append_unread_requests(&beginning, REPLIES_LEFT);
    append_endless_request(&beginning);
    for (int i = 0; i < closes; i++) {
        struct peer *peer = &peers[i % PEERS_AT_A_TIME];
        if (i >= PEERS_AT_A_TIME) {
            peer_go(peer);
        }
        peer_begin(peer, &beginning);
        for (int chunk = 0; chunk < i % 7 * 10; chunk++) {
            peer_stream_on(peer, CHUNK_BYTES_MAX);
        }
    }
    for (size_t i = 0; i < PEERS_AT_A_TIME; i++) {
        peer_go(&peers[i]);
    }
    await_good_clients();
    rpc_fixture_close(&fixture);
    ds_buffer_deinit(&beginning);
}

static void peers_over_tcp_may_close_in_the_middle_of_everything(void **state)
{
    (void)state;
    expect_closes_to_do_no_harm(FIXTURE_TCP, CLOSES);
}

static void peers_over_tls_may_close_in_the_middle_of_everything(void **state)
{
    (void)state;
    open_tls_config();
    expect_closes_to_do_no_harm(FIXTURE_TLS, CLOSES_OVER_TLS);
    close_tls_config();
}

static void peers_over_ipc_may_close_in_the_middle_of_everything(void **state)
{
    (void)state;
    expect_closes_to_do_no_harm(FIXTURE_IPC, CLOSES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_requests_over_tcp_may_be_cut_in_the_middle),
        cmocka_unit_test(first_requests_over_tls_may_be_cut_in_the_middle),
        cmocka_unit_test(requests_behind_unread_replies_may_be_cut_in_the_middle),
        cmocka_unit_test(peers_over_tcp_may_close_in_the_middle_of_everything),
        cmocka_unit_test(peers_over_tls_may_close_in_the_middle_of_everything),
        cmocka_unit_test(peers_over_ipc_may_close_in_the_middle_of_everything),
    };
    return cmocka_run_group_tests_name("rpc guards, hang-up", tests, NULL, NULL);
}
