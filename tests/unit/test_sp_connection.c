/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/sp_connection.h"

#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE_BYTES ((size_t)4 << 20)
#define GREETING_BYTES ((uint64_t)8)

/* A connection under test; `end` is the peer's side, a bare descriptor that blocks. */
struct fixture {
    struct ds_sp_connection connection; /* first */
    struct ds_sp_loop *loop;
    int end;
    bool is_opened;
    /* What the owner saw, for the test once `seen` tells of it. */
    sem_t seen;
    pthread_mutex_t mutex; /* guards what follows */
    size_t message_count;
    size_t last_bytes;
    enum ds_sp_outcome outcome;
    enum ds_sp_arrival arrival;
    size_t end_left_bytes;
};

static void receive_locked(struct fixture *fixture)
{
    struct ds_bytes bytes;
    struct ds_bytes message;
    fixture->arrival = ds_sp_connection_receive(&fixture->connection, &bytes);
    if (fixture->arrival == DS_SP_END) {
        fixture->end_left_bytes = fixture->connection.out.capacity;
        ds_sp_connection_close(&fixture->connection);
        sem_post(&fixture->seen);
    }
    if (fixture->arrival != DS_SP_BYTES) {
        return;
    }
    while ((fixture->outcome = ds_sp_stream_next(&fixture->connection.stream, &bytes, &message)) ==
           DS_SP_MESSAGE) {
        fixture->message_count++;
        fixture->last_bytes = message.size;
        sem_post(&fixture->seen);
    }
    if (fixture->outcome != DS_SP_MORE) {
        ds_sp_connection_hang_up(&fixture->connection);
    }
}

static void fixture_ready(struct ds_sp_watch *watch, uint32_t events)
{
    struct fixture *fixture = (struct fixture *)watch;
    (void)events;
    ds_sp_connection_flush(&fixture->connection);
    pthread_mutex_lock(&fixture->mutex);
    receive_locked(fixture);
    pthread_mutex_unlock(&fixture->mutex);
}

static void fixture_open(void *context)
{
    struct fixture *fixture = context;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    fixture->end = ends[1];
    fixture->is_opened =
        ds_sp_connection_open(&fixture->connection, &(struct ds_sp_connection_options){
                                                        .loop = fixture->loop,
                                                        .fd = ends[0],
                                                        .is_ipc = false,
                                                        .protocol = DS_SP_REP,
                                                        .peer_protocol = DS_SP_REQ,
                                                        .message_bytes_max = LARGE_BYTES,
                                                        .ready = fixture_ready,
                                                    });
}

static struct fixture *fixture_create(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_int_equal(sem_init(&fixture->seen, 0, 0), 0);
    pthread_mutex_init(&fixture->mutex, NULL);
    assert_int_equal(ds_sp_loop_create("test-sp", &fixture->loop), DS_OK);
    ds_sp_loop_run(fixture->loop, fixture_open, fixture);
    assert_true(fixture->is_opened);
    return fixture;
}

static void wait_for(struct fixture *fixture)
{
    assert_int_equal(sem_wait(&fixture->seen), 0);
}

static bool has_ended(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    const bool ended = fixture->arrival == DS_SP_END;
    pthread_mutex_unlock(&fixture->mutex);
    return ended;
}

/* The connection has ended, or ends now by the peer's. */
static void fixture_destroy(struct fixture *fixture)
{
    close(fixture->end);
    while (!has_ended(fixture)) {
        wait_for(fixture);
    }
    ds_sp_loop_destroy(fixture->loop);
    assert_int_equal(fixture->end_left_bytes, 0);
    pthread_mutex_destroy(&fixture->mutex);
    sem_destroy(&fixture->seen);
    free(fixture);
}

static void peer_send(struct fixture *fixture, const void *bytes, size_t size)
{
    assert_int_equal(send(fixture->end, bytes, size, MSG_NOSIGNAL), size);
}

/* Waits for so many bytes. */
static void peer_receive(struct fixture *fixture, uint8_t *target, size_t size)
{
    assert_int_equal(recv(fixture->end, target, size, MSG_WAITALL), size);
}

static const uint8_t rep_greeting[] = {0, 'S', 'P', 0, 0, DS_SP_REP, 0, 0};
static const uint8_t req_greeting[] = {0, 'S', 'P', 0, 0, DS_SP_REQ, 0, 0};

static void both_sides_greet_and_messages_go_both_ways(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create();
    uint8_t bytes[64];
    peer_receive(fixture, bytes, sizeof rep_greeting);
    assert_memory_equal(bytes, rep_greeting, sizeof rep_greeting);
    peer_send(fixture, req_greeting, sizeof req_greeting);
    peer_send(fixture, "\0\0\0\0\0\0\0\3abc", 11);
    wait_for(fixture);
    assert_int_equal(fixture->last_bytes, 3);
    const struct ds_bytes parts[] = {ds_bytes_of("de", 2), ds_bytes_of(NULL, 0),
                                     ds_bytes_of("f", 1)};
    uint64_t end = 0;
    assert_true(ds_sp_connection_send(&fixture->connection, parts, 3, &end));
    assert_int_equal(end, GREETING_BYTES + 11);
    assert_int_equal(ds_sp_connection_sent(&fixture->connection), end);
    peer_receive(fixture, bytes, 11);
    assert_memory_equal(bytes, "\0\0\0\0\0\0\0\3def", 11);
    fixture_destroy(fixture);
}

static void what_is_corked_goes_out_at_the_uncork(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create();
    uint8_t bytes[64];
    const struct ds_bytes part = ds_bytes_of("x", 1);
    uint64_t end = 0;
    peer_receive(fixture, bytes, sizeof rep_greeting);
    ds_sp_connection_cork(&fixture->connection);
    for (int i = 0; i < 3; i++) {
        assert_true(ds_sp_connection_send(&fixture->connection, &part, 1, &end));
    }
    assert_int_equal(ds_sp_connection_sent(&fixture->connection), GREETING_BYTES);
    assert_int_equal(ds_sp_connection_unsent(&fixture->connection), 27);
    assert_int_equal(recv(fixture->end, bytes, sizeof bytes, MSG_DONTWAIT), -1);
    ds_sp_connection_uncork(&fixture->connection);
    assert_int_equal(ds_sp_connection_sent(&fixture->connection), end);
    assert_int_equal(recv(fixture->end, bytes, sizeof bytes, MSG_DONTWAIT), 27);
    fixture_destroy(fixture);
}

/* Past what the kernel holds. */
static void what_the_peer_does_not_take_waits_for_it(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create();
    uint8_t *body = malloc(LARGE_BYTES + 8);
    assert_non_null(body);
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        body[i] = (uint8_t)(i * 7 >> 3);
    }
    const struct ds_bytes part = ds_bytes_of(body, LARGE_BYTES);
    uint64_t end = 0;
    assert_int_equal(ds_sp_connection_blocked_us(&fixture->connection), 0);
    assert_true(ds_sp_connection_send(&fixture->connection, &part, 1, &end));
    assert_true(ds_sp_connection_unsent(&fixture->connection) > 0);
    assert_true(ds_sp_connection_blocked_us(&fixture->connection) > 0);
    assert_true(ds_sp_connection_sent(&fixture->connection) < end);
    assert_true(ds_sp_connection_send(&fixture->connection, &part, 1, &end));
    uint8_t *taken = malloc(LARGE_BYTES + 8);
    assert_non_null(taken);
    peer_receive(fixture, taken, sizeof rep_greeting);
    for (int i = 0; i < 2; i++) {
        peer_receive(fixture, taken, LARGE_BYTES + 8);
        assert_memory_equal(taken + 8, body, LARGE_BYTES);
    }
    assert_int_equal(ds_sp_connection_unsent(&fixture->connection), 0);
    assert_int_equal(ds_sp_connection_sent(&fixture->connection), end);
    assert_int_equal(ds_sp_connection_blocked_us(&fixture->connection), 0);
    fixture_destroy(fixture);
    free(body);
    free(taken);
}

static void nothing(void *context)
{
    (void)context;
}

static void a_paused_connection_reads_nothing_until_it_goes_on(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create();
    ds_sp_connection_set_reading(&fixture->connection, DS_SP_READS_NOTHING);
    peer_send(fixture, req_greeting, sizeof req_greeting);
    peer_send(fixture, "\0\0\0\0\0\0\0\0", 8);
    ds_sp_loop_run(fixture->loop, nothing, NULL);
    ds_sp_loop_run(fixture->loop, nothing, NULL); /* Between the two, descriptors had their turn. */
    assert_int_equal(sem_trywait(&fixture->seen), -1);
    ds_sp_connection_set_reading(&fixture->connection, DS_SP_READS);
    wait_for(fixture);
    assert_int_equal(fixture->message_count, 1);
    fixture_destroy(fixture);
}

static void a_hang_up_ends_the_connection_for_its_owner_and_for_the_peer(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create();
    const struct ds_bytes part = ds_bytes_of("x", 1);
    uint8_t bytes[64];
    peer_receive(fixture, bytes, sizeof rep_greeting);
    ds_sp_connection_set_reading(&fixture->connection, DS_SP_READS_NOTHING);
    ds_sp_connection_hang_up(&fixture->connection);
    wait_for(fixture);
    assert_int_equal(fixture->arrival, DS_SP_END);
    assert_false(ds_sp_connection_send(&fixture->connection, &part, 1, NULL));
    assert_int_equal(recv(fixture->end, bytes, sizeof bytes, 0), 0);
    fixture_destroy(fixture);
}

static void a_wrong_greeting_is_told(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create();
    peer_send(fixture, rep_greeting, sizeof rep_greeting);
    wait_for(fixture);
    assert_int_equal(fixture->arrival, DS_SP_END);
    assert_int_equal(fixture->outcome, DS_SP_NO_PEER);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_greet_and_messages_go_both_ways),
        cmocka_unit_test(what_is_corked_goes_out_at_the_uncork),
        cmocka_unit_test(what_the_peer_does_not_take_waits_for_it),
        cmocka_unit_test(a_paused_connection_reads_nothing_until_it_goes_on),
        cmocka_unit_test(a_hang_up_ends_the_connection_for_its_owner_and_for_the_peer),
        cmocka_unit_test(a_wrong_greeting_is_told),
    };
    return cmocka_run_group_tests_name("sp connection", tests, NULL, NULL);
}
