/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/sp_stream.h"

#include <stdlib.h>

#define MESSAGE_BYTES_MAX 65536

static const uint8_t greeting[DS_SP_GREETING_BYTES] = {0, 'S', 'P', 0, 0, DS_SP_PUB, 0, 0};

static void stream_open(struct ds_sp_stream *stream, bool is_ipc)
{
    ds_sp_stream_init(stream,
                      &(struct ds_sp_stream_options){.is_ipc = is_ipc,
                                                     .peer_protocol = DS_SP_PUB,
                                                     .message_bytes_max = MESSAGE_BYTES_MAX});
}

/* What has been added and not taken yet; one connection at a time. */
static struct ds_bytes added;

/* Only behind a stream that has taken all before. */
static void stream_add(const void *bytes, size_t size)
{
    assert_int_equal(added.size, 0);
    added = ds_bytes_of(bytes, size);
}

static void assert_next(struct ds_sp_stream *stream, enum ds_sp_outcome outcome)
{
    struct ds_bytes message = {.size = 77};
    assert_int_equal(ds_sp_stream_next(stream, &added, &message), outcome);
    assert_int_equal(message.size, 77);
    if (outcome != DS_SP_MORE) {
        added.size = 0; /* The connection is over. */
    }
    assert_int_equal(added.size, 0);
}

static void assert_next_message(struct ds_sp_stream *stream, const char *text)
{
    struct ds_bytes message;
    assert_int_equal(ds_sp_stream_next(stream, &added, &message), DS_SP_MESSAGE);
    assert_true(ds_bytes_equal_text(message, text));
}

static void stream_greet(struct ds_sp_stream *stream)
{
    stream_add(greeting, sizeof greeting);
    assert_next(stream, DS_SP_MORE);
    assert_true(stream->is_greeted);
}

static void a_greeting_has_eight_bytes(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {0, 'S', 'P', 0, 0x12, 0x21, 0, 0};
    uint8_t written[DS_SP_GREETING_BYTES];
    ds_sp_greeting_write(0x1221, written);
    assert_memory_equal(written, wanted, sizeof wanted);
}

static void a_head_tells_the_size(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {1, 0, 0, 0, 1, 2, 3, 4, 5};
    uint8_t head[DS_SP_HEAD_BYTES_MAX];
    assert_int_equal(ds_sp_head_write(true, 0x102030405, head), 9);
    assert_memory_equal(head, wanted, 9);
    assert_int_equal(ds_sp_head_write(false, 0x102030405, head), 8);
    assert_memory_equal(head, wanted + 1, 8);
}

static void messages_follow_the_greeting(void **state)
{
    (void)state;
    struct ds_sp_stream stream;
    stream_open(&stream, true);
    assert_next(&stream, DS_SP_MORE);
    assert_false(stream.is_greeted);
    assert_true(ds_sp_stream_is_midway(&stream));
    stream_greet(&stream);
    assert_false(ds_sp_stream_is_midway(&stream));
    static const uint8_t two[] = {1, 0, 0, 0, 0, 0, 0, 0, 2, 'a', 'b', 1, 0, 0, 0, 0, 0, 0, 0, 0};
    stream_add(two, sizeof two);
    assert_next_message(&stream, "ab");
    assert_next_message(&stream, "");
    assert_next(&stream, DS_SP_MORE);
    ds_sp_stream_deinit(&stream);
}

static void a_message_may_come_with_the_greeting(void **state)
{
    (void)state;
    struct ds_sp_stream stream;
    static const uint8_t both[] = {0, 'S', 'P', 0, 0, DS_SP_PUB, 0, 0,   0,
                                   0, 0,   0,   0, 0, 0,         2, 'a', 'b'};
    stream_open(&stream, false);
    stream_add(both, sizeof both);
    assert_next_message(&stream, "ab");
    ds_sp_stream_deinit(&stream);
}

static void over_tcp_no_byte_stands_before_the_size(void **state)
{
    (void)state;
    struct ds_sp_stream stream;
    stream_open(&stream, false);
    stream_greet(&stream);
    static const uint8_t one[] = {0, 0, 0, 0, 0, 0, 0, 2, 'a', 'b'};
    stream_add(one, sizeof one);
    assert_next_message(&stream, "ab");
    ds_sp_stream_deinit(&stream);
}

static void a_message_may_come_in_single_bytes(void **state)
{
    (void)state;
    struct ds_sp_stream stream;
    static const uint8_t one[] = {1, 0, 0, 0, 0, 0, 0, 0, 2, 'a', 'b'};
    stream_open(&stream, true);
    for (size_t i = 0; i < sizeof greeting; i++) {
        stream_add(&greeting[i], 1);
        assert_next(&stream, DS_SP_MORE);
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i + 1 < sizeof one; i++) {
            stream_add(&one[i], 1);
            assert_next(&stream, DS_SP_MORE);
            assert_true(ds_sp_stream_is_midway(&stream));
        }
        stream_add(&one[sizeof one - 1], 1);
        assert_next_message(&stream, "ab");
        assert_false(ds_sp_stream_is_midway(&stream));
    }
    assert_next(&stream, DS_SP_MORE);
    assert_null(stream.partial.data);
    ds_sp_stream_deinit(&stream);
}

static void a_wrong_greeting_is_seen_at_its_first_wrong_byte(void **state)
{
    (void)state;
    for (size_t wrong = 0; wrong < sizeof greeting; wrong++) {
        struct ds_sp_stream stream;
        uint8_t bytes[sizeof greeting];
        memcpy(bytes, greeting, sizeof bytes);
        bytes[wrong] ^= 1;
        stream_open(&stream, true);
        stream_add(bytes, wrong);
        assert_next(&stream, DS_SP_MORE);
        stream_add(bytes + wrong, 1);
        assert_next(&stream, DS_SP_NO_PEER);
        stream_add(greeting, sizeof greeting);
        assert_next(&stream, DS_SP_NO_PEER);
        ds_sp_stream_restart(&stream);
        stream_greet(&stream);
        ds_sp_stream_deinit(&stream);
    }
}

static void sizes_past_the_limit_are_too_large(void **state)
{
    (void)state;
    static const uint8_t sizes[][8] = {{0, 0, 0, 0, 0, 1, 0, 1},
                                       {0, 0, 0, 1, 0, 0, 0, 0},
                                       {0x80, 0, 0, 0, 0, 0, 0, 0},
                                       {255, 255, 255, 255, 255, 255, 255, 255}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t first = 1; first <= 8; first += 7) { /* In two parts, and whole. */
            struct ds_sp_stream stream;
            stream_open(&stream, false);
            stream_greet(&stream);
            stream_add(sizes[i], first);
            assert_next(&stream, first < 8 ? DS_SP_MORE : DS_SP_TOO_LARGE);
            stream_add(sizes[i] + first, 8 - first);
            assert_next(&stream, DS_SP_TOO_LARGE);
            assert_next(&stream, DS_SP_TOO_LARGE);
            ds_sp_stream_deinit(&stream);
        }
    }
}

static void over_ipc_a_message_is_of_type_one(void **state)
{
    (void)state;
    struct ds_sp_stream stream;
    stream_open(&stream, true);
    stream_greet(&stream);
    stream_add("\0", 1);
    assert_next(&stream, DS_SP_NO_FRAME);
    ds_sp_stream_deinit(&stream);
}

/* A peer that announces much and sends little. */
static void memory_grows_with_what_has_come(void **state)
{
    (void)state;
    struct ds_sp_stream stream;
    stream_open(&stream, false);
    stream_greet(&stream);
    assert_null(stream.partial.data);
    static const uint8_t size[] = {0, 0, 0, 0, 0, 1, 0, 0};
    stream_add(size, sizeof size);
    assert_next(&stream, DS_SP_MORE);
    for (size_t sent = 0; sent < MESSAGE_BYTES_MAX / 4; sent++) {
        stream_add("d", 1);
        assert_next(&stream, DS_SP_MORE);
        assert_true(stream.partial.capacity <= 2 * (sent + 256));
    }
    ds_sp_stream_deinit(&stream);
}

static void the_largest_message_fits_and_nothing_is_held_behind_it(void **state)
{
    (void)state;
    struct ds_sp_stream stream;
    struct ds_bytes message = {.size = 0};
    char *body = malloc(MESSAGE_BYTES_MAX);
    assert_non_null(body);
    memset(body, 'b', MESSAGE_BYTES_MAX);
    stream_open(&stream, true);
    stream_greet(&stream);
    for (int round = 0; round < 3; round++) {
        static const uint8_t head[] = {1, 0, 0, 0, 0, 0, 1, 0, 0};
        stream_add(head, sizeof head);
        assert_next(&stream, DS_SP_MORE);
        stream_add(body, MESSAGE_BYTES_MAX / 2);
        assert_next(&stream, DS_SP_MORE);
        stream_add(body, MESSAGE_BYTES_MAX / 2);
        assert_int_equal(ds_sp_stream_next(&stream, &added, &message), DS_SP_MESSAGE);
        assert_int_equal(message.size, MESSAGE_BYTES_MAX);
        assert_memory_equal(message.data, body, MESSAGE_BYTES_MAX);
        assert_true(stream.partial.capacity <= MESSAGE_BYTES_MAX + 9);
        assert_next(&stream, DS_SP_MORE);
        assert_null(stream.partial.data);
    }
    ds_sp_stream_deinit(&stream);
    free(body);
}

static void a_restart_forgets_half_a_message(void **state)
{
    (void)state;
    struct ds_sp_stream stream;
    stream_open(&stream, false);
    stream_greet(&stream);
    static const uint8_t half[] = {0, 0, 0, 0, 0, 0, 0, 2, 'a'};
    stream_add(half, sizeof half);
    assert_next(&stream, DS_SP_MORE);
    ds_sp_stream_restart(&stream);
    assert_false(stream.is_greeted);
    stream_greet(&stream);
    static const uint8_t whole[] = {0, 0, 0, 0, 0, 0, 0, 1, 'z'};
    stream_add(whole, sizeof whole);
    assert_next_message(&stream, "z");
    ds_sp_stream_deinit(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_greeting_has_eight_bytes),
        cmocka_unit_test(a_head_tells_the_size),
        cmocka_unit_test(messages_follow_the_greeting),
        cmocka_unit_test(a_message_may_come_with_the_greeting),
        cmocka_unit_test(over_tcp_no_byte_stands_before_the_size),
        cmocka_unit_test(a_message_may_come_in_single_bytes),
        cmocka_unit_test(a_wrong_greeting_is_seen_at_its_first_wrong_byte),
        cmocka_unit_test(sizes_past_the_limit_are_too_large),
        cmocka_unit_test(over_ipc_a_message_is_of_type_one),
        cmocka_unit_test(memory_grows_with_what_has_come),
        cmocka_unit_test(the_largest_message_fits_and_nothing_is_held_behind_it),
        cmocka_unit_test(a_restart_forgets_half_a_message),
    };
    return cmocka_run_group_tests_name("sp stream", tests, NULL, NULL);
}
