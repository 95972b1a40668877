/* The listener by itself: nng's own REQ sockets, and peers that speak in bytes. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/log.h"
#include "ds/sp_listener.h"
#include "integration/nng_sockets.h"
#include "integration/rpc_raw.h"
#include "support/certificates.h"
#include "support/log_capture.h"

#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HERE "127.0.0.1"
#define MESSAGE_BYTES_MAX (4 * 1024 * 1024)
/* Only a test that fails waits that long. */
#define PATIENCE_MS 120000
#define CONTEXTS 8
#define REQUESTS_PER_CONTEXT 100
#define KIBIBYTE 1024
#define GREETING_BYTES 8

struct fixture {
    struct ds_sp_listener *listener;
    char folder[32];
    struct certificates certificates;
    bool has_certificates;
    atomic_int threads;          /* that are to answer */
    struct ds_sp_exchange *kept; /* there before it is counted */
    atomic_int received;
    atomic_int left;
    atomic_int standing; /* threads of the listener that stand still, until it goes on */
    atomic_bool goes_on;
};

static struct fixture fixture;
static const uint8_t zeros[MESSAGE_BYTES_MAX];

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

/* ---- what the listener's owner does, by the first byte of the request ---- */

struct later {
    struct ds_sp_exchange *exchange;
    struct ds_bytes message;
};

static void *answer_later(void *argument)
{
    struct later *later = argument;
    /* Of two parts, from memory of the request, which stays until the reply. */
    const struct ds_bytes parts[] = {ds_bytes_of(later->message.data, 1),
                                     ds_bytes_of(later->message.data + 1, later->message.size - 1)};
    ds_sp_exchange_reply(later->exchange, parts, 2);
    free(later);
    atomic_fetch_sub(&fixture.threads, 1);
    return NULL;
}

static void begin_later(struct ds_sp_exchange *exchange, struct ds_bytes message)
{
    pthread_t thread;
    struct later *later = malloc(sizeof *later);
    *later = (struct later){exchange, message};
    atomic_fetch_add(&fixture.threads, 1);
    if (pthread_create(&thread, NULL, answer_later, later) != 0) {
        abort();
    }
    pthread_detach(thread);
}

static void stand_still(void)
{
    atomic_fetch_add(&fixture.standing, 1);
    while (!atomic_load(&fixture.goes_on)) {
        pause_a_little();
    }
}

/* 'b': so many KiB as the next four digits say; 'k': is kept; 'l': comes back by another thread;
 * 's': the listener's thread stands still before; any other: comes back at once. */
static void receive(void *context, struct ds_sp_exchange *exchange, struct ds_bytes message)
{
    (void)context;
    const char what = message.size > 0 ? (char)message.data[0] : '\0';
    if (what == 'k') {
        fixture.kept = exchange;
        atomic_fetch_add(&fixture.received, 1);
        return;
    }
    atomic_fetch_add(&fixture.received, 1);
    if (what == 'l') {
        begin_later(exchange, message);
        return;
    }
    if (what == 's') {
        stand_still();
    }
    if (what == 'b') {
        char digits[5] = "";
        memcpy(digits, message.data + 1, sizeof digits - 1);
        message = ds_bytes_of(zeros, strtoul(digits, NULL, 10) * KIBIBYTE);
    }
    ds_sp_exchange_reply(exchange, &message, 1);
}

static void peer_left(void *context, uint64_t peer_id)
{
    (void)context;
    assert_true(peer_id > 0);
    atomic_fetch_add(&fixture.left, 1);
}

/* ---- opening and closing ---- */

static struct ds_tls_identity *identity_open(void)
{
    char certificate[CERTIFICATES_PATH_BYTES_MAX];
    char key[CERTIFICATES_PATH_BYTES_MAX];
    struct ds_tls_identity *identity = NULL;
    struct ds_tls_refusal refusal;
    certificates_make(&fixture.certificates);
    fixture.has_certificates = true;
    const struct ds_tls_identity_files files = {
        .certificate = certificates_path(&fixture.certificates, "server.pem", certificate),
        .key = certificates_path(&fixture.certificates, "server.key", key),
    };
    assert_int_equal(ds_tls_identity_load(&files, &identity, &refusal), DS_OK);
    return identity;
}

static void open_listener(const char *url, struct ds_sp_limits limits)
{
    fixture = (struct fixture){.folder = "/tmp/ds-listen-XXXXXX"};
    char ipc_url[64];
    assert_non_null(mkdtemp(fixture.folder));
    snprintf(ipc_url, sizeof ipc_url, "ipc://%s/rpc.sock", fixture.folder);
    struct ds_tls_identity *identity = ds_url_is_tls(url) ? identity_open() : NULL;
    limits.connections_max = 100;
    limits.connections_per_address_max = 100;
    limits.requests_per_connection_max =
        limits.requests_per_connection_max > 0 ? limits.requests_per_connection_max : 64;
    limits.first_request_ms = limits.first_request_ms > 0 ? limits.first_request_ms : PATIENCE_MS;
    assert_int_equal(
        ds_sp_listen(&(struct ds_sp_listener_options){.url = url[0] == 'i' ? ipc_url : url,
                                                      .message_bytes_max = MESSAGE_BYTES_MAX,
                                                      .limits = limits,
                                                      .identity = identity,
                                                      .receive = receive,
                                                      .peer_left = peer_left},
                     &fixture.listener),
        DS_OK);
    ds_tls_identity_release(identity);
}

static void await_connections(size_t count)
{
    for (int i = 0; ds_sp_listener_connection_count(fixture.listener) != count; i++) {
        assert_true(i < PATIENCE_MS / 2);
        pause_a_little();
    }
}

static void await_received(int count)
{
    for (int i = 0; atomic_load(&fixture.received) < count; i++) {
        assert_true(i < PATIENCE_MS / 2);
        pause_a_little();
    }
}

static void close_listener(void)
{
    ds_sp_listener_stop(fixture.listener);
    ds_sp_listener_close(fixture.listener);
    while (atomic_load(&fixture.threads) > 0) {
        pause_a_little();
    }
    if (fixture.has_certificates) {
        certificates_remove(&fixture.certificates);
    }
    assert_int_equal(rmdir(fixture.folder), 0); /* The socket's file is gone. */
}

static const char *url_of_listener(void)
{
    return ds_sp_listener_url(fixture.listener);
}

/* ---- peers in bytes ---- */

static int connect_and_greet(void)
{
    const int peer = rpc_raw_connect(url_of_listener(), HERE);
    rpc_raw_greet(peer);
    return peer;
}

static void ask(int peer, uint32_t number, const char *text)
{
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    ds_buffer_append_text(&message, text);
    rpc_raw_ask(peer, number, &message);
    ds_buffer_deinit(&message);
}

static void expect_answer(int peer, uint32_t number, const char *text)
{
    uint32_t answered = 0;
    const struct ds_bytes answer = rpc_raw_receive(peer, &answered);
    assert_int_equal(answered, number);
    assert_true(ds_bytes_equal_text(answer, text));
    free((void *)(uintptr_t)answer.data);
}

static void expect_large_answer(int peer, uint32_t number, size_t kibibytes)
{
    uint32_t answered = 0;
    const struct ds_bytes answer = rpc_raw_receive(peer, &answered);
    assert_int_equal(answered, number);
    assert_int_equal(answer.size, kibibytes * KIBIBYTE);
    free((void *)(uintptr_t)answer.data);
}

/* ---- nng's REQ ---- */

struct asker {
    nng_socket socket;
    unsigned int seed;
    pthread_t thread;
};

/* From a few bytes to more than one read of the server's. */
static size_t size_of_request(unsigned int number)
{
    return number % 25 == 0 ? 300000 : 2 + number * 7 % 5000;
}

static void ask_by_context(nng_ctx context, nng_aio *aio, uint8_t *request, size_t size)
{
    nng_msg *message = NULL;
    assert_int_equal(nng_msg_alloc(&message, 0), 0);
    assert_int_equal(nng_msg_append(message, request, size), 0);
    nng_aio_set_msg(aio, message);
    nng_ctx_send(context, aio);
    nng_aio_wait(aio);
    assert_int_equal(nng_aio_result(aio), 0);
    nng_ctx_recv(context, aio);
    nng_aio_wait(aio);
    assert_int_equal(nng_aio_result(aio), 0);
    message = nng_aio_get_msg(aio);
    assert_int_equal(nng_msg_len(message), size);
    assert_memory_equal(nng_msg_body(message), request, size);
    nng_msg_free(message);
}

static void *asker_main(void *argument)
{
    const struct asker *asker = argument;
    uint8_t *request = malloc(MESSAGE_BYTES_MAX);
    nng_ctx context;
    nng_aio *aio = NULL;
    assert_int_equal(nng_ctx_open(&context, asker->socket), 0);
    assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, PATIENCE_MS);
    for (unsigned int i = 0; i < REQUESTS_PER_CONTEXT; i++) {
        const unsigned int number = asker->seed * REQUESTS_PER_CONTEXT + i;
        const size_t size = size_of_request(number);
        memset(request, (int)(number & 0xff), size);
        request[0] = number % 3 == 0 ? 'l' : 'e';
        ask_by_context(context, aio, request, size);
    }
    nng_aio_free(aio);
    nng_ctx_close(context);
    free(request);
    return NULL;
}

static void dial(nng_socket socket)
{
    char ca_file[CERTIFICATES_PATH_BYTES_MAX];
    nng_dialer dialer;
    assert_int_equal(nng_dialer_create(&dialer, socket, url_of_listener()), 0);
    if (fixture.has_certificates) {
        certificates_path(&fixture.certificates, "ca.pem", ca_file);
        assert_int_equal(nng_dialer_set_string(dialer, NNG_OPT_TLS_CA_FILE, ca_file), 0);
        assert_int_equal(nng_dialer_set_string(dialer, NNG_OPT_TLS_SERVER_NAME, "localhost"), 0);
    }
    assert_int_equal(nng_dialer_start(dialer, 0), 0);
}

static void expect_nng_to_be_served(const char *url)
{
    struct asker askers[CONTEXTS];
    nng_socket socket;
    open_listener(url, (struct ds_sp_limits){0});
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), 0);
    dial(socket);
    for (unsigned int i = 0; i < CONTEXTS; i++) {
        askers[i] = (struct asker){.socket = socket, .seed = i};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, asker_main, &askers[i]), 0);
    }
    for (unsigned int i = 0; i < CONTEXTS; i++) {
        pthread_join(askers[i].thread, NULL);
    }
    assert_int_equal(atomic_load(&fixture.received), CONTEXTS * REQUESTS_PER_CONTEXT);
    assert_int_equal(ds_sp_listener_connection_count(fixture.listener), 1);
    assert_true(nng_sockets_close(socket));
    await_connections(0);
    close_listener();
    assert_int_equal(atomic_load(&fixture.left), 1);
}

static void contexts_of_nng_are_served_over_ipc(void **state)
{
    (void)state;
    expect_nng_to_be_served("ipc");
}

static void contexts_of_nng_are_served_over_tcp(void **state)
{
    (void)state;
    expect_nng_to_be_served("tcp://127.0.0.1:0");
}

static void contexts_of_nng_are_served_over_tls(void **state)
{
    (void)state;
    expect_nng_to_be_served("tls+tcp://localhost:0");
}

/* ---- bytes ---- */

static void open_tcp(void)
{
    open_listener("tcp://127.0.0.1:0", (struct ds_sp_limits){0});
}

static void send_words(int peer, const uint32_t *words, size_t count, const char *text)
{
    rpc_raw_announce(peer, count * 4 + strlen(text));
    for (size_t i = 0; i < count; i++) {
        const uint8_t word[] = {(uint8_t)(words[i] >> 24), (uint8_t)(words[i] >> 16),
                                (uint8_t)(words[i] >> 8), (uint8_t)words[i]};
        rpc_raw_send(peer, word, sizeof word);
    }
    rpc_raw_send(peer, text, strlen(text));
}

static void the_words_of_devices_come_back_with_the_reply(void **state)
{
    (void)state;
    static const uint32_t words[] = {1, 0x7ffffff0, 0x80000005};
    static const uint8_t expected[] = {0, 0,    0,    0,    0,    0,    0, 14, 0, 0,   0,
                                       1, 0x7f, 0xff, 0xff, 0xf0, 0x80, 0, 0,  5, 'e', 'h'};
    uint8_t answer[sizeof expected];
    open_tcp();
    const int peer = connect_and_greet();
    send_words(peer, words, 3, "eh");
    rpc_raw_receive_all(peer, answer, sizeof answer);
    assert_memory_equal(answer, expected, sizeof expected);
    close(peer);
    close_listener();
}

static void a_request_over_too_many_devices_is_dropped(void **state)
{
    (void)state;
    static const uint32_t words[] = {1, 2, 3, 4, 5, 6, 7, 8, 0x80000009};
    open_tcp();
    const int peer = connect_and_greet();
    send_words(peer, words, 9, "e");
    ask(peer, 7, "et");
    expect_answer(peer, 7, "et");
    assert_int_equal(ds_sp_listener_figures(fixture.listener).strayed, 1);
    assert_int_equal(ds_sp_listener_figures(fixture.listener).malformed, 0);
    close(peer);
    close_listener();
}

static void who_sends_no_request_is_hung_up_on(void **state)
{
    (void)state;
    static const uint32_t words[] = {1, 2};
    static const uint8_t foreign[GREETING_BYTES] = {0, 'S', 'P', 0, 0, 0x20, 0, 0}; /* PUB */
    uint8_t greeting[GREETING_BYTES];
    open_tcp();
    const int without_end = connect_and_greet();
    send_words(without_end, words, 2, "e");
    assert_true(rpc_raw_is_hung_up(without_end));
    const int empty = connect_and_greet();
    rpc_raw_announce(empty, 0);
    assert_true(rpc_raw_is_hung_up(empty));
    const int publisher = rpc_raw_connect(url_of_listener(), HERE);
    rpc_raw_send(publisher, foreign, sizeof foreign);
    rpc_raw_receive_all(publisher, greeting, sizeof greeting);
    assert_true(rpc_raw_is_hung_up(publisher));
    const int large = connect_and_greet();
    rpc_raw_announce(large, MESSAGE_BYTES_MAX + 1);
    assert_true(rpc_raw_is_hung_up(large));
    await_connections(0);
    assert_int_equal(ds_sp_listener_figures(fixture.listener).malformed, 4);
    assert_int_equal(atomic_load(&fixture.received), 0);
    close(without_end);
    close(empty);
    close(publisher);
    close(large);
    close_listener();
}

static void requests_may_come_byte_by_byte(void **state)
{
    (void)state;
    static const char bytes[] = "\0SP\0\0\x30\0\0"
                                "\0\0\0\0\0\0\0\x08\x80\0\0\x01"
                                "ehey"
                                "\0\0\0\0\0\0\0\x05\x80\0\0\x02"
                                "l";
    uint8_t greeting[GREETING_BYTES];
    open_tcp();
    const int peer = rpc_raw_connect(url_of_listener(), HERE);
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        rpc_raw_send(peer, &bytes[i], 1);
    }
    rpc_raw_receive_all(peer, greeting, sizeof greeting);
    expect_answer(peer, 1, "ehey");
    expect_answer(peer, 2, "l");
    close(peer);
    close_listener();
}

/* In one piece, so that many are in one read of the listener's. */
static void send_requests(int peer, const char *text, uint32_t first, uint32_t last)
{
    struct ds_buffer bytes;
    ds_buffer_init(&bytes, MESSAGE_BYTES_MAX);
    for (uint32_t number = first; number <= last; number++) {
        const size_t size = 4 + strlen(text);
        const uint8_t head[] = {0,
                                0,
                                0,
                                0,
                                0,
                                0,
                                (uint8_t)(size >> 8),
                                (uint8_t)size,
                                0x80,
                                0,
                                (uint8_t)(number >> 8),
                                (uint8_t)number};
        ds_buffer_append(&bytes, head, sizeof head);
        ds_buffer_append_text(&bytes, text);
    }
    rpc_raw_send(peer, bytes.data, bytes.size);
    ds_buffer_deinit(&bytes);
}

static void a_thousand_requests_at_once_are_answered_in_their_order(void **state)
{
    (void)state;
    open_tcp();
    const int peer = connect_and_greet();
    send_requests(peer, "eh", 1, 1000);
    for (uint32_t number = 1; number <= 1000; number++) {
        expect_answer(peer, number, "eh");
    }
    close(peer);
    close_listener();
}

static int64_t cpu_ms(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return spent.tv_sec * INT64_C(1000) + spent.tv_nsec / 1000000;
}

/* Nothing of the listener's turns round and round while it waits for the peer. */
static void expect_rest(void)
{
    enum { LOOKED_AT_MS = 300 };
    int received = -1;
    while (received != atomic_load(&fixture.received)) {
        received = atomic_load(&fixture.received);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    const int64_t begun_ms = cpu_ms();
    nanosleep(&(struct timespec){.tv_nsec = LOOKED_AT_MS * 1000000}, NULL);
    assert_true(cpu_ms() - begun_ms < LOOKED_AT_MS / 2);
}

/* Far more replies than may wait for the peer: what is behind them is worked off as it takes them,
 * and not before. */
static void requests_wait_for_room_for_their_replies(void **state)
{
    (void)state;
    open_tcp();
    const int peer = connect_and_greet();
    send_requests(peer, "b1024", 1, 100);
    await_received(1);
    ask(peer, 101, "end"); /* Waits in the kernel, since nothing is read meanwhile. */
    expect_rest();
    /* Nothing was read of the replies: the kernel has some MiB of them, and one or two wait. */
    for (uint32_t number = 1; number <= 100; number++) {
        assert_true(atomic_load(&fixture.received) < 50 + (int)number);
        expect_large_answer(peer, number, 1024);
    }
    expect_answer(peer, 101, "end");
    close(peer);
    close_listener();
}

static void a_peer_that_takes_no_replies_is_hung_up_on(void **state)
{
    (void)state;
    static struct log_capture capture;
    log_capture_begin(&capture);
    open_tcp();
    const int peer = connect_and_greet();
    send_requests(peer, "b1024", 1, 60);
    await_received(1);
    await_connections(0);
    assert_int_equal(ds_sp_listener_figures(fixture.listener).unread, 1);
    close(peer);
    close_listener();
    assert_true(ds_log_flush(PATIENCE_MS));
    assert_non_null(strstr(log_capture_end(&capture), "peer_does_not_read"));
}

/* By another thread, while nothing of the connection's is in work on its own. */
static void a_late_reply_that_is_not_taken_ends_the_connection(void **state)
{
    (void)state;
    open_tcp();
    const int peer = connect_and_greet();
    ask(peer, 1, "k");
    await_received(1);
    const struct ds_bytes parts[] = {ds_bytes_of(zeros, sizeof zeros),
                                     ds_bytes_of(zeros, sizeof zeros),
                                     ds_bytes_of(zeros, sizeof zeros)};
    ds_sp_exchange_reply(fixture.kept, parts, 3);
    await_connections(0);
    assert_int_equal(ds_sp_listener_figures(fixture.listener).unread, 1);
    close(peer);
    close_listener();
}

/* Hung up on with some of its replies left in the kernel. */
static void expect_end(int peer)
{
    char bytes[4096];
    while (recv(peer, bytes, sizeof bytes, 0) > 0) {
    }
    close(peer);
}

/* Over ipc, where the kernel holds little: nearly all waits in the listener. */
static void the_worst_reader_makes_room_for_the_others(void **state)
{
    (void)state;
    static struct log_capture capture;
    uint8_t beginning[100];
    log_capture_begin(&capture);
    open_listener("ipc", (struct ds_sp_limits){.unsent_bytes_max = 5 * 1024 * 1024});
    const int quick = connect_and_greet();
    const int worst = connect_and_greet();
    const int slow = connect_and_greet();
    /* So little that it makes no difference when the listener hears that it has been taken. */
    ask(quick, 1, "b1000");
    expect_large_answer(quick, 1, 1000);
    ask(worst, 1, "b4095");
    rpc_raw_receive_all(worst, beginning, sizeof beginning); /* Longer than the other's. */
    ask(slow, 1, "b2000");
    await_connections(2);
    expect_end(worst);
    expect_large_answer(slow, 1, 2000);
    ask(quick, 2, "b1000");
    expect_large_answer(quick, 2, 1000);
    assert_int_equal(ds_sp_listener_figures(fixture.listener).burdens, 1);
    assert_int_equal(ds_sp_listener_figures(fixture.listener).unread, 0);
    close(slow);
    close(quick);
    close_listener();
    assert_true(ds_log_flush(PATIENCE_MS));
    assert_non_null(strstr(log_capture_end(&capture), "slow_reader_ended"));
}

/* A request of a megabyte that comes back by another thread. */
static void ask_for_large_echo(int peer)
{
    enum { SIZE = 1000000 };
    rpc_raw_announce(peer, 4 + SIZE);
    rpc_raw_send(peer, "\x80\0\0\1l", 5);
    rpc_raw_send(peer, zeros, SIZE - 1);
}

/* Each of them within what a connection may have: together they are too many. Half of the replies
 * are other threads'. */
static void many_slow_readers_have_one_bound_together(void **state)
{
    (void)state;
    enum { SLOW = 12 };
    static struct log_capture capture;
    int slow[SLOW];
    log_capture_begin(&capture);
    open_listener("ipc", (struct ds_sp_limits){.unsent_bytes_max = 4 * 1024 * 1024});
    for (int i = 0; i < SLOW; i++) {
        slow[i] = connect_and_greet();
        if (i % 2 == 0) {
            ask(slow[i], 1, "b1000");
        } else {
            ask_for_large_echo(slow[i]);
        }
    }
    await_received(SLOW);
    /* Of what is left 4 MiB are room for four at most. */
    for (int i = 0; ds_sp_listener_connection_count(fixture.listener) > 5; i++) {
        assert_true(i < PATIENCE_MS / 2);
        pause_a_little();
    }
    assert_true(ds_sp_listener_figures(fixture.listener).burdens >= SLOW - 5);
    for (int i = 0; i < SLOW; i++) {
        close(slow[i]);
    }
    close_listener();
    assert_true(ds_log_flush(PATIENCE_MS));
    assert_int_equal(count_of(log_capture_end(&capture), "slow_reader_ended"), 1);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int lane_count(void)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 4 ? 4 : (int)cores;
}

/* The listener stands still while the rest of a message comes, which takes it several reads, and
 * goes on when the time is over. */
static void what_came_before_the_time_was_over_counts(void **state)
{
    (void)state;
    enum { STANDING = 4, MESSAGE_MS = 1500, SIZE = 150000 };
    int standing[STANDING];
    uint32_t number = 0;
    open_listener("ipc", (struct ds_sp_limits){.first_request_ms = MESSAGE_MS});
    for (int i = 0; i < STANDING; i++) { /* One or more on each of its threads. */
        standing[i] = connect_and_greet();
    }
    const int late = connect_and_greet();
    rpc_raw_announce(late, 4 + SIZE);
    rpc_raw_send(late, "\x80\0\0\1e", 5);
    for (int i = 0; i < STANDING; i++) { /* Whoever is answered comes behind that. */
        ask(standing[i], 1, "e");
        expect_answer(standing[i], 1, "e");
    }
    const int64_t begun_ms = now_ms();
    for (int i = 0; i < lane_count(); i++) {
        ask(standing[i], 2, "s");
    }
    while (atomic_load(&fixture.standing) < lane_count()) {
        pause_a_little();
    }
    rpc_raw_send(late, zeros, SIZE - 1);
    while (now_ms() < begun_ms + MESSAGE_MS + 100) {
        pause_a_little();
    }
    atomic_store(&fixture.goes_on, true);
    const struct ds_bytes answer = rpc_raw_receive(late, &number);
    assert_int_equal(answer.size, SIZE);
    free((void *)(uintptr_t)answer.data);
    assert_int_equal(ds_sp_listener_figures(fixture.listener).overdue, 0);
    for (int i = 0; i < STANDING; i++) {
        close(standing[i]);
    }
    close(late);
    close_listener();
}

static void a_reply_to_a_peer_that_left_goes_nowhere(void **state)
{
    (void)state;
    open_tcp();
    const int peer = connect_and_greet();
    ask(peer, 1, "k");
    await_received(1);
    assert_true(ds_sp_exchange_has_peer(fixture.kept));
    assert_memory_equal(ds_sp_exchange_peer(fixture.kept), "127.0.0.1:", strlen("127.0.0.1:"));
    assert_false(ds_sp_exchange_is_trusted(fixture.kept));
    close(peer);
    await_connections(0);
    assert_int_equal(atomic_load(&fixture.left), 1);
    assert_false(ds_sp_exchange_has_peer(fixture.kept));
    ds_sp_exchange_reply(fixture.kept, NULL, 0);
    close_listener();
}

static void requests_past_the_limit_of_a_connection_are_marked(void **state)
{
    (void)state;
    open_listener("tcp://127.0.0.1:0", (struct ds_sp_limits){.requests_per_connection_max = 1});
    const int peer = connect_and_greet();
    ask(peer, 1, "k");
    await_received(1);
    struct ds_sp_exchange *first = fixture.kept;
    ask(peer, 2, "k");
    await_received(2);
    assert_false(ds_sp_exchange_is_over_limit(first));
    assert_true(ds_sp_exchange_is_over_limit(fixture.kept));
    assert_int_equal(ds_sp_exchange_peer_id(first), ds_sp_exchange_peer_id(fixture.kept));
    ds_sp_exchange_reply(fixture.kept, NULL, 0);
    ds_sp_exchange_reply(first, NULL, 0);
    expect_answer(peer, 2, "");
    expect_answer(peer, 1, "");
    /* As soon as a reply is there the next request is within the limit. */
    ask(peer, 3, "k");
    await_received(3);
    assert_false(ds_sp_exchange_is_over_limit(fixture.kept));
    ds_sp_exchange_reply(fixture.kept, NULL, 0);
    expect_answer(peer, 3, "");
    close(peer);
    close_listener();
}

static void take_view(void *context, const struct ds_connection_view *view)
{
    struct ds_connection_view **next = context;
    *(*next)++ = *view;
}

static void connections_are_shown_the_oldest_first(void **state)
{
    (void)state;
    struct ds_connection_view views[8];
    struct ds_connection_view *next = views;
    int peers[5];
    open_tcp();
    for (uint32_t i = 0; i < 5; i++) {
        peers[i] = connect_and_greet();
        for (uint32_t number = 1; number <= i + 1; number++) {
            ask(peers[i], number, "e");
            expect_answer(peers[i], number, "e");
        }
    }
    ds_sp_listener_connections(fixture.listener, 4, take_view, &next);
    assert_ptr_equal(next, views + 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(views[i].request_count, i + 1);
        assert_int_equal(views[i].requests_in_work, 0);
        assert_string_equal(views[i].listener, url_of_listener());
        assert_memory_equal(views[i].peer, "127.0.0.1:", strlen("127.0.0.1:"));
    }
    for (uint32_t i = 0; i < 5; i++) {
        close(peers[i]);
    }
    close_listener();
}

/* ---- accepting and closing ---- */

static void await_log(const struct log_capture *capture, const char *word)
{
    char text[4096] = "";
    for (int i = 0; strstr(text, word) == NULL; i++) {
        assert_true(i < PATIENCE_MS / 2);
        pause_a_little();
        const ssize_t size = pread(fileno(capture->file), text, sizeof text - 1, 0);
        assert_true(size >= 0);
        text[size] = '\0';
    }
}

/* Descriptors below the limit are all taken while it is low. */
static void a_listener_without_descriptors_rests_and_goes_on(void **state)
{
    (void)state;
    static struct log_capture capture;
    struct rlimit limit;
    open_tcp();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    log_capture_begin(&capture);
    const struct rlimit low = {.rlim_cur = 64, .rlim_max = limit.rlim_max};
    int taken[64];
    size_t taken_count = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int copy = dup(0); copy >= 0; copy = dup(0)) {
        taken[taken_count++] = copy;
    }
    assert_true(taken_count > 0);
    close(taken[--taken_count]);
    const int peer = rpc_raw_connect(url_of_listener(), HERE); /* with the last one */
    await_log(&capture, "no_connection_can_be_accepted");
    assert_int_equal(ds_sp_listener_connection_count(fixture.listener), 0);
    while (taken_count > 0) {
        close(taken[--taken_count]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    rpc_raw_greet(peer);
    ask(peer, 1, "e");
    expect_answer(peer, 1, "e");
    assert_true(ds_log_flush(PATIENCE_MS));
    assert_int_equal(count_of(log_capture_end(&capture), "no_connection_can_be_accepted"), 1);
    close(peer);
    close_listener();
}

static void *read_large_answer(void *argument)
{
    const int *peer = argument;
    expect_large_answer(*peer, 1, 4095);
    assert_true(rpc_raw_is_hung_up(*peer));
    return NULL;
}

static void a_close_lets_replies_out_that_are_on_their_way(void **state)
{
    (void)state;
    pthread_t reader;
    /* Where the kernel holds little of them. */
    open_listener("ipc", (struct ds_sp_limits){0});
    int peer = connect_and_greet();
    const int idle = connect_and_greet();
    ask(peer, 1, "b4095");
    await_received(1);
    ds_sp_listener_stop(fixture.listener);
    assert_int_equal(pthread_create(&reader, NULL, read_large_answer, &peer), 0);
    ds_sp_listener_close(fixture.listener);
    pthread_join(reader, NULL);
    assert_true(rpc_raw_is_hung_up(idle));
    assert_int_equal(atomic_load(&fixture.left), 2);
    close(peer);
    close(idle);
    rmdir(fixture.folder);
}

static void a_close_ends_whatever_the_peers_do(void **state)
{
    (void)state;
    open_tcp();
    const int silent = rpc_raw_connect(url_of_listener(), HERE);
    const int midway = connect_and_greet();
    rpc_raw_announce(midway, 1000);
    rpc_raw_send(midway, "drip", 4);
    const int unread = connect_and_greet();
    send_requests(unread, "b1024", 1, 60);
    await_received(1);
    close_listener();
    assert_int_equal(atomic_load(&fixture.left), 3);
    close(silent);
    close(midway);
    close(unread);
}

/* A little again and again, so that it never looks as if nothing were taken. */
static void *take_slowly(void *argument)
{
    char bytes[16384];
    const int *peer = argument;
    size_t taken = 0;
    for (ssize_t got = 1; got > 0; taken += got > 0 ? (size_t)got : 0) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        got = recv(*peer, bytes, sizeof bytes, 0);
    }
    return (void *)(uintptr_t)taken;
}

/* He would need 13 s. */
static void a_close_does_not_wait_for_who_takes_his_time(void **state)
{
    (void)state;
    uint8_t beginning[100];
    void *taken = NULL;
    pthread_t reader;
    open_listener("ipc", (struct ds_sp_limits){0});
    int peer = connect_and_greet();
    ask(peer, 1, "b4095");
    rpc_raw_receive_all(peer, beginning, sizeof beginning);
    assert_int_equal(pthread_create(&reader, NULL, take_slowly, &peer), 0);
    close_listener();
    pthread_join(reader, &taken);
    assert_true((uintptr_t)taken + sizeof beginning < 4095 * KIBIBYTE);
    close(peer);
}

static void a_stopped_listener_still_sends_replies(void **state)
{
    (void)state;
    open_tcp();
    const int peer = connect_and_greet();
    ask(peer, 1, "k");
    await_received(1);
    ds_sp_listener_stop(fixture.listener);
    ask(peer, 2, "k");
    const struct ds_bytes part = ds_bytes_of_text("late");
    ds_sp_exchange_reply(fixture.kept, &part, 1);
    expect_answer(peer, 1, "late");
    ds_sp_listener_close(fixture.listener);
    assert_true(rpc_raw_is_hung_up(peer));
    assert_int_equal(atomic_load(&fixture.received), 1);
    close(peer);
    rmdir(fixture.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_of_nng_are_served_over_ipc),
        cmocka_unit_test(contexts_of_nng_are_served_over_tcp),
        cmocka_unit_test(contexts_of_nng_are_served_over_tls),
        cmocka_unit_test(the_words_of_devices_come_back_with_the_reply),
        cmocka_unit_test(a_request_over_too_many_devices_is_dropped),
        cmocka_unit_test(who_sends_no_request_is_hung_up_on),
        cmocka_unit_test(requests_may_come_byte_by_byte),
        cmocka_unit_test(a_thousand_requests_at_once_are_answered_in_their_order),
        cmocka_unit_test(requests_wait_for_room_for_their_replies),
        cmocka_unit_test(a_peer_that_takes_no_replies_is_hung_up_on),
        cmocka_unit_test(a_late_reply_that_is_not_taken_ends_the_connection),
        cmocka_unit_test(the_worst_reader_makes_room_for_the_others),
        cmocka_unit_test(many_slow_readers_have_one_bound_together),
        cmocka_unit_test(what_came_before_the_time_was_over_counts),
        cmocka_unit_test(a_reply_to_a_peer_that_left_goes_nowhere),
        cmocka_unit_test(requests_past_the_limit_of_a_connection_are_marked),
        cmocka_unit_test(connections_are_shown_the_oldest_first),
        cmocka_unit_test(a_listener_without_descriptors_rests_and_goes_on),
        cmocka_unit_test(a_close_lets_replies_out_that_are_on_their_way),
        cmocka_unit_test(a_close_ends_whatever_the_peers_do),
        cmocka_unit_test(a_close_does_not_wait_for_who_takes_his_time),
        cmocka_unit_test(a_stopped_listener_still_sends_replies),
    };
    return cmocka_run_group_tests_name("sp listener", tests, NULL, NULL);
}
