/* A channel whose server is out of order or means it harm: docs/rpc-guards.md has the table. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/frame.h"
#include "ds/metadata.h"
#include "ds/rpc_client.h"
#include "integration/rpc_hostile.h"
#include "integration/rpc_raw.h"
#include "schema.gen.h"

#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

/* Only a test that fails waits that long. */
#define PATIENCE_MS 120000
/* Of calls whose time is to run out. */
#define SHORT_MS 50

static struct rpc_hostile hostile;
static struct ds_channel *channel;
static struct ds_buffer answer;

/* One call under way, and the connection that it came by. */
struct open_call {
    struct ds_client_call call;
    sem_t ended;
    int peer;
    uint32_t number;
    Rpc__RequestHeader *header;
};

static int open_channel(void **state)
{
    (void)state;
    rpc_hostile_open(&hostile);
    ds_buffer_init(&answer, 4 * 1024 * 1024);
    return ds_channel_open(&(struct ds_channel_options){.url = hostile.url}, &channel) == DS_OK
               ? 0
               : -1;
}

static int close_channel(void **state)
{
    (void)state;
    ds_channel_close(channel);
    ds_buffer_deinit(&answer);
    rpc_hostile_close(&hostile);
    return 0;
}

static void post_end(struct ds_client_call *call)
{
    sem_post(call->context);
}

static void call_start(struct open_call *open, const struct ds_method *method, uint32_t timeout_ms)
{
    sem_init(&open->ended, 0, 0);
    open->header = NULL;
    open->call = (struct ds_client_call){
        .method = method, .timeout_ms = timeout_ms, .done = post_end, .context = &open->ended};
    ds_channel_call(channel, &open->call);
    ds_channel_flush(channel);
}

/* The request as the server gets it, by a connection that is there already. */
static void call_take(struct open_call *open, int peer)
{
    open->peer = peer;
    open->header = rpc_hostile_receive(peer, &open->number);
}

static void call_begin(struct open_call *open)
{
    call_start(open, ds_method_storage_ingest_ticks, PATIENCE_MS);
    call_take(open, rpc_hostile_accept(&hostile));
}

static ds_code call_end(struct open_call *open)
{
    while (sem_wait(&open->ended) != 0) {
    }
    if (open->header != NULL) {
        rpc__request_header__free_unpacked(open->header, NULL);
    }
    sem_destroy(&open->ended);
    ds_client_call_release(&open->call);
    return open->call.code;
}

static Rpc__ResponseHeader answer_to(const struct open_call *open)
{
    Rpc__ResponseHeader header = RPC__RESPONSE_HEADER__INIT;
    header.call_id = open->header->call_id;
    return header;
}

/* Answers with a failure, of which the message tells it from others. */
static void send_answer(const struct open_call *open, uint32_t number, char *text)
{
    Rpc__ResponseHeader header = answer_to(open);
    header.code = DS_NOT_FOUND;
    header.message = text;
    ds_buffer_clear(&answer);
    rpc_answer_append(&answer, &header, (struct ds_bytes){0});
    rpc_raw_ask(open->peer, number, &answer);
}

static void expect_answered(struct open_call *open, const char *text)
{
    while (sem_wait(&open->ended) != 0) {
    }
    sem_post(&open->ended);
    assert_int_equal(open->call.code, DS_NOT_FOUND);
    assert_string_equal(open->call.message, text);
    (void)call_end(open);
}

static void no_request_is_sent_again_after_a_disconnect(void **state)
{
    struct open_call first;
    struct open_call second;
    (void)state;
    call_begin(&first);
    close(first.peer);
    const int peer = rpc_hostile_accept(&hostile);
    assert_int_equal(call_end(&first), DS_UNAVAILABLE);
    call_start(&second, ds_method_storage_latest_tick, PATIENCE_MS);
    call_take(&second, peer);
    assert_string_equal(second.header->method, ds_method_storage_latest_tick->full_name);
    send_answer(&second, second.number, "second");
    expect_answered(&second, "second");
    close(peer);
}

static void a_request_larger_than_a_frame_is_not_sent(void **state)
{
    (void)state;
    uint8_t *payload = calloc(1, DS_FRAME_PAYLOAD_BYTES_MAX + 1);
    struct ds_client_call call = {
        .method = ds_method_storage_list_ticks, /* inline, so that it might share */
        .payload = ds_bytes_of(payload, DS_FRAME_PAYLOAD_BYTES_MAX + 1),
        .timeout_ms = PATIENCE_MS,
    };
    assert_int_equal(ds_channel_call_wait(channel, &call), DS_INVALID_ARGUMENT);
    call.method = ds_method_storage_ingest_ticks;
    assert_int_equal(ds_channel_call_wait(channel, &call), DS_INVALID_ARGUMENT);
    assert_int_equal(ds_channel_traffic(channel).messages, 0);
    free(payload);
}

static void a_request_header_larger_than_a_frames_is_not_sent(void **state)
{
    (void)state;
    char *credentials = malloc(DS_FRAME_HEADER_BYTES_MAX + 1);
    memset(credentials, 'x', DS_FRAME_HEADER_BYTES_MAX);
    credentials[DS_FRAME_HEADER_BYTES_MAX] = '\0';
    struct ds_client_call call = {.method = ds_method_storage_ingest_ticks,
                                  .authorization = credentials,
                                  .timeout_ms = PATIENCE_MS};
    assert_int_equal(ds_channel_call_wait(channel, &call), DS_INVALID_ARGUMENT);
    assert_int_equal(ds_channel_traffic(channel).messages, 0);
    free(credentials);
}

static void a_reply_announced_larger_than_a_frame_ends_its_connection(void **state)
{
    static const size_t sizes[] = {DS_MESSAGE_BYTES_MAX + 5, (size_t)16 * 1024 * 1024 * 1024,
                                   SIZE_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct open_call open;
        call_begin(&open);
        rpc_raw_announce(open.peer, sizes[i]);
        assert_true(rpc_raw_is_hung_up(open.peer));
        assert_int_equal(call_end(&open), DS_UNAVAILABLE);
        close(open.peer);
    }
}

static void a_reply_without_a_request_number_ends_its_connection(void **state)
{
    struct open_call open;
    (void)state;
    call_begin(&open);
    rpc_raw_announce(open.peer, 3);
    rpc_raw_send(open.peer, "abc", 3);
    assert_true(rpc_raw_is_hung_up(open.peer));
    assert_int_equal(call_end(&open), DS_UNAVAILABLE);
    close(open.peer);
}

static void a_reply_to_another_request_is_thrown_away(void **state)
{
    struct open_call open;
    (void)state;
    call_begin(&open);
    send_answer(&open, open.number + 1, "to another");
    send_answer(&open, open.number - 1, "to another");
    send_answer(&open, 0, "to nobody");
    send_answer(&open, open.number, "to this");
    expect_answered(&open, "to this");
    close(open.peer);
}

static void a_second_reply_is_no_answer_to_the_next_call(void **state)
{
    struct open_call first;
    struct open_call second;
    (void)state;
    call_begin(&first);
    send_answer(&first, first.number, "one");
    send_answer(&first, first.number, "two");
    const int peer = first.peer;
    const uint32_t number = first.number;
    expect_answered(&first, "one");
    call_start(&second, ds_method_storage_latest_tick, PATIENCE_MS);
    call_take(&second, peer);
    send_answer(&second, number, "three");
    send_answer(&second, second.number, "four");
    expect_answered(&second, "four");
    close(peer);
}

/* The next request by the connection that is there, or else by a new one. */
static void take_whichever(struct open_call *open, int peer)
{
    struct pollfd events[] = {{.fd = peer, .events = POLLIN},
                              {.fd = hostile.listener, .events = POLLIN}};
    assert_true(poll(events, 2, PATIENCE_MS) > 0);
    call_take(open, events[0].revents != 0 ? peer : rpc_hostile_accept(&hostile));
}

static void a_call_whose_reply_never_comes_ends_at_its_deadline(void **state)
{
    struct open_call silent;
    struct open_call next;
    (void)state;
    call_start(&silent, ds_method_storage_ingest_ticks, SHORT_MS);
    const int peer = rpc_hostile_accept(&hostile);
    const ds_code code = call_end(&silent);
    /* A process that was stopped meanwhile may not have come to send it. */
    assert_true(code == DS_DEADLINE_EXCEEDED || code == DS_UNAVAILABLE);
    call_start(&next, ds_method_storage_latest_tick, PATIENCE_MS);
    take_whichever(&next, peer);
    if (strcmp(next.header->method, ds_method_storage_ingest_ticks->full_name) == 0) {
        send_answer(&next, next.number, "too late");
        rpc__request_header__free_unpacked(next.header, NULL);
        take_whichever(&next, peer);
    }
    send_answer(&next, next.number, "in time");
    expect_answered(&next, "in time");
    if (next.peer != peer) {
        close(next.peer);
    }
    close(peer);
}

/* Several calls go by one connection, one after the other. */
static void begin_by(struct open_call *open, int *peer)
{
    call_start(open, ds_method_storage_ingest_ticks, PATIENCE_MS);
    if (*peer < 0) {
        *peer = rpc_hostile_accept(&hostile);
    }
    call_take(open, *peer);
}

static void a_frame_for_another_call_is_no_answer(void **state)
{
    static uint8_t ids[][17] = {"", "a", "12345678", "1234567890123456"};
    int peer = -1;
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct open_call open;
        begin_by(&open, &peer);
        Rpc__ResponseHeader header = RPC__RESPONSE_HEADER__INIT;
        header.call_id = (ProtobufCBinaryData){.len = strlen((char *)ids[i]), .data = ids[i]};
        ds_buffer_clear(&answer);
        rpc_answer_append(&answer, &header, (struct ds_bytes){0});
        rpc_raw_ask(peer, open.number, &answer);
        assert_int_equal(call_end(&open), DS_INTERNAL);
    }
    close(peer);
}

static void of_two_frames_for_one_call_the_first_counts(void **state)
{
    struct open_call open;
    (void)state;
    call_begin(&open);
    Rpc__ResponseHeader header = answer_to(&open);
    ds_buffer_clear(&answer);
    header.message = (char *)(uintptr_t) "first";
    rpc_answer_append(&answer, &header, ds_bytes_of_text("first"));
    header.code = DS_NOT_FOUND;
    header.message = (char *)(uintptr_t) "second";
    rpc_answer_append(&answer, &header, (struct ds_bytes){0});
    rpc_raw_ask(open.peer, open.number, &answer);
    while (sem_wait(&open.ended) != 0) {
    }
    sem_post(&open.ended);
    assert_true(ds_bytes_equal_text(open.call.response, "first"));
    assert_int_equal(call_end(&open), DS_OK);
    close(open.peer);
}

static void a_reply_of_other_bytes_is_a_failure(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } replies[] = {
        {"", 0},
        {"D", 1},
        {"HTTP/1.1 200 OK\r\n\r\n", 19},
        {"DSR\1\2\0\0\0\0\0\0\0\0\0\0\0", 16},                 /* a response without a call id */
        {"DSR\1\1\0\0\0\0\0\0\0\0\0\0\0", 16},                 /* a request */
        {"DSR\2\2\0\0\0\0\0\0\0\0\0\0\0", 16},                 /* another version */
        {"DSR\1\3\0\0\0\0\0\0\0\2\0\0\0\1\1", 18},             /* none of our versions */
        {"DSR\1\2\0\0\0\xff\xff\xff\xff\0\0\0\0", 16},         /* lengths beyond the limits */
        {"DSR\1\2\0\0\0\4\0\0\0\0\0\0\0\x0a\x7f\x61\x61", 20}, /* a header that is cut */
    };
    int peer = -1;
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct open_call open;
        begin_by(&open, &peer);
        ds_buffer_clear(&answer);
        ds_buffer_append(&answer, replies[i].bytes, replies[i].size);
        rpc_raw_ask(peer, open.number, &answer);
        assert_int_equal(call_end(&open), DS_INTERNAL);
    }
    close(peer);
}

static void of_ten_thousand_metadata_entries_no_more_than_64_are_taken(void **state)
{
    enum { COUNT = 10000 };
    static Rpc__Metadata *entries[COUNT];
    static Rpc__Metadata entry = RPC__METADATA__INIT;
    struct open_call open;
    (void)state;
    entry.key = (char *)(uintptr_t) "k";
    for (size_t i = 0; i < COUNT; i++) {
        entries[i] = &entry;
    }
    call_begin(&open);
    Rpc__ResponseHeader header = answer_to(&open);
    header.metadata = entries;
    header.n_metadata = COUNT;
    ds_buffer_clear(&answer);
    rpc_answer_append(&answer, &header, (struct ds_bytes){0});
    rpc_raw_ask(open.peer, open.number, &answer);
    while (sem_wait(&open.ended) != 0) {
    }
    sem_post(&open.ended);
    assert_in_range(open.call.response_metadata_count, 0, DS_METADATA_ENTRIES_MAX);
    assert_int_equal(call_end(&open), DS_OK);
    close(open.peer);
}

/* The part is larger than what the kernel keeps for a reader that has not begun. */
static void a_channel_closes_in_the_middle_of_a_reply(void **state)
{
    const size_t whole = DS_FRAME_PAYLOAD_BYTES_MAX;
    const size_t part = whole - 1;
    uint8_t *bytes = calloc(1, part);
    struct open_call open;
    (void)state;
    call_begin(&open);
    rpc_raw_announce(open.peer, whole);
    rpc_raw_send(open.peer, bytes, part);
    ds_channel_close(channel);
    channel = NULL;
    assert_int_equal(call_end(&open), DS_CANCELLED);
    close(open.peer);
    free(bytes);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_channel, close_channel)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(no_request_is_sent_again_after_a_disconnect),
        WITH(a_request_larger_than_a_frame_is_not_sent),
        WITH(a_request_header_larger_than_a_frames_is_not_sent),
        WITH(a_reply_announced_larger_than_a_frame_ends_its_connection),
        WITH(a_reply_without_a_request_number_ends_its_connection),
        WITH(a_reply_to_another_request_is_thrown_away),
        WITH(a_second_reply_is_no_answer_to_the_next_call),
        WITH(a_call_whose_reply_never_comes_ends_at_its_deadline),
        WITH(a_frame_for_another_call_is_no_answer),
        WITH(of_two_frames_for_one_call_the_first_counts),
        WITH(a_reply_of_other_bytes_is_a_failure),
        WITH(of_ten_thousand_metadata_entries_no_more_than_64_are_taken),
        WITH(a_channel_closes_in_the_middle_of_a_reply),
    };
    return cmocka_run_group_tests_name("rpc guards, client", tests, NULL, NULL);
}
