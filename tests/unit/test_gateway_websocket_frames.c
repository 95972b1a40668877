/* The frames of a WebSocket, whole and byte by byte: what becomes of them and what is answered. The
 * table of RFC 6455 on the real server is tests/e2e/websocket_rows.py. */
#include "ds/buffer.h"
#include "gateway/websocket_frames.h"
#include "support/test.h"

#include <stdlib.h>

#define MESSAGE_BYTES_MAX 300

struct reading {
    struct ds_buffer texts; /* each with "|" behind it */
    struct ds_buffer out;
    size_t pong_count;
    bool goes_on;
};

static bool on_text(void *context, struct ds_bytes utf8)
{
    struct reading *reading = context;
    ds_buffer_append(&reading->texts, utf8.data, utf8.size);
    ds_buffer_append_byte(&reading->texts, '|');
    return !ds_bytes_equal_text(utf8, "stop");
}

static void on_pong(void *context)
{
    struct reading *reading = context;
    reading->pong_count++;
}

static void read_in_steps(struct reading *reading, struct ds_bytes bytes, size_t step)
{
    static const struct websocket_frames_events events = {.text = on_text, .pong = on_pong};
    struct websocket_frames *frames = websocket_frames_create(&events, reading, MESSAGE_BYTES_MAX);
    *reading = (struct reading){.goes_on = true};
    ds_buffer_init(&reading->texts, SIZE_MAX);
    ds_buffer_init(&reading->out, SIZE_MAX);
    for (size_t at = 0; at < bytes.size && reading->goes_on; at += step) {
        const size_t left = bytes.size - at;
        reading->goes_on = websocket_frames_take(
            frames, ds_bytes_of(bytes.data + at, left < step ? left : step), &reading->out);
    }
    websocket_frames_destroy(frames);
}

static void reading_deinit(struct reading *reading)
{
    ds_buffer_deinit(&reading->texts);
    ds_buffer_deinit(&reading->out);
}

/* A client's frame; `head` is its first byte. */
static void put_frame(struct ds_buffer *bytes, unsigned int head, const void *payload, size_t size)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    ds_buffer_append_byte(bytes, (uint8_t)head);
    if (size < 126) {
        ds_buffer_append_byte(bytes, (uint8_t)(0x80 | size));
    } else {
        ds_buffer_append_byte(bytes, 0x80 | 126);
        ds_buffer_append_byte(bytes, (uint8_t)(size >> 8));
        ds_buffer_append_byte(bytes, (uint8_t)size);
    }
    ds_buffer_append(bytes, mask, sizeof mask);
    for (size_t i = 0; i < size; i++) {
        ds_buffer_append_byte(bytes, ((const uint8_t *)payload)[i] ^ mask[i % 4]);
    }
}

static void put_text(struct ds_buffer *bytes, unsigned int head, const char *payload)
{
    put_frame(bytes, head, payload, strlen(payload));
}

static void expect(struct ds_buffer *bytes, const char *texts, const void *out, size_t out_size,
                   bool goes_on)
{
    for (size_t step = 1; step <= 7; step += 2) {
        struct reading reading;
        read_in_steps(&reading, ds_buffer_bytes(bytes), step == 7 ? bytes->size : step);
        ds_buffer_append_byte(&reading.texts, '\0');
        assert_string_equal((const char *)reading.texts.data, texts);
        assert_int_equal(reading.out.size, out_size);
        assert_memory_equal(reading.out.data, out, out_size);
        assert_int_equal(reading.goes_on, goes_on);
        reading_deinit(&reading);
    }
    ds_buffer_deinit(bytes);
}

/* A close frame of ours begins so. */
static void expect_close(struct ds_buffer *bytes, const char *texts, unsigned int code)
{
    for (size_t step = 1; step <= 7; step += 2) {
        struct reading reading;
        read_in_steps(&reading, ds_buffer_bytes(bytes), step == 7 ? bytes->size : step);
        ds_buffer_append_byte(&reading.texts, '\0');
        assert_string_equal((const char *)reading.texts.data, texts);
        assert_false(reading.goes_on);
        assert_true(reading.out.size >= 4);
        assert_int_equal(reading.out.data[0], 0x88);
        assert_int_equal(reading.out.data[2] << 8 | reading.out.data[3], code);
        assert_int_equal(reading.out.size, 2 + reading.out.data[1]);
        reading_deinit(&reading);
    }
    ds_buffer_deinit(bytes);
}

static struct ds_buffer empty(void)
{
    struct ds_buffer bytes;
    ds_buffer_init(&bytes, SIZE_MAX);
    return bytes;
}

static void messages_are_put_together_around_control_frames(void **state)
{
    (void)state;
    struct ds_buffer bytes = empty();
    put_text(&bytes, 0x81, "one");
    put_text(&bytes, 0x01, "t");
    put_text(&bytes, 0x89, "ping");
    put_text(&bytes, 0x00, "");
    put_text(&bytes, 0x8a, "unasked");
    put_text(&bytes, 0x00, "w");
    put_text(&bytes, 0x80, "o");
    put_text(&bytes, 0x81, "");
    expect(&bytes, "one|two||", "\x8a\x04ping", 6, true);
}

static void a_message_that_wants_no_more_ends_the_reading(void **state)
{
    (void)state;
    struct ds_buffer bytes = empty();
    put_text(&bytes, 0x81, "stop");
    put_text(&bytes, 0x81, "more");
    expect(&bytes, "stop|", "", 0, false);
}

static void a_close_is_answered_with_its_code(void **state)
{
    (void)state;
    struct ds_buffer bytes = empty();
    put_text(&bytes, 0x88, "\x03\xe9going");
    put_text(&bytes, 0x81, "late");
    expect(&bytes, "", "\x88\x02\x03\xe9", 4, false);
    put_text(&bytes, 0x88, "");
    expect(&bytes, "", "\x88\x00", 2, false);
}

static void close_codes_are_checked(void **state)
{
    (void)state;
    static const unsigned int good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                        1010, 1011, 1012, 1013, 1014, 3000, 4999};
    static const unsigned int bad[] = {0,    1,    999,  1004, 1005, 1006,
                                       1015, 1016, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof good / sizeof good[0] + sizeof bad / sizeof bad[0]; i++) {
        const bool is_good = i < sizeof good / sizeof good[0];
        const unsigned int code = is_good ? good[i] : bad[i - sizeof good / sizeof good[0]];
        const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
        struct ds_buffer bytes = empty();
        put_frame(&bytes, 0x88, payload, sizeof payload);
        expect_close(&bytes, "", is_good ? code : WEBSOCKET_CLOSE_PROTOCOL_ERROR);
    }
}

static void a_message_has_its_greatest_length_and_no_byte_more(void **state)
{
    (void)state;
    char text[MESSAGE_BYTES_MAX + 2];
    memset(text, 'x', sizeof text);
    text[MESSAGE_BYTES_MAX] = '|';
    text[MESSAGE_BYTES_MAX + 1] = '\0';
    struct ds_buffer bytes = empty();
    put_frame(&bytes, 0x01, text, MESSAGE_BYTES_MAX - 1);
    put_frame(&bytes, 0x80, text, 1);
    expect(&bytes, text, "", 0, true);
    put_frame(&bytes, 0x81, text, MESSAGE_BYTES_MAX + 1);
    expect_close(&bytes, "", WEBSOCKET_CLOSE_TOO_BIG);
    put_frame(&bytes, 0x01, text, MESSAGE_BYTES_MAX);
    put_frame(&bytes, 0x80, text, 1);
    expect_close(&bytes, "", WEBSOCKET_CLOSE_TOO_BIG);
}

static void what_breaks_the_rules_is_told_by_its_code(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        unsigned int code;
    } rows[] = {
#define ROW(text, code) {text, sizeof text - 1, code}
        ROW("\xc1\x80\0\0\0\0", 1002),                     /* RSV1 */
        ROW("\xa1\x80\0\0\0\0", 1002),                     /* RSV2 */
        ROW("\x91\x80\0\0\0\0", 1002),                     /* RSV3 */
        ROW("\x81\x01x", 1002),                            /* unmasked */
        ROW("\x89\x00", 1002),                             /* an unmasked ping */
        ROW("\x83\x80\0\0\0\0", 1002),                     /* reserved opcodes */
        ROW("\x87\x80\0\0\0\0", 1002),                     /**/
        ROW("\x8b\x80\0\0\0\0", 1002),                     /**/
        ROW("\x8f\x80\0\0\0\0", 1002),                     /**/
        ROW("\x80\x80\0\0\0\0", 1002),                     /* continues nothing */
        ROW("\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 1002),     /* a message in a message */
        ROW("\x82\x80\0\0\0\0", 1003),                     /* binary */
        ROW("\x09\x80\0\0\0\0", 1002),                     /* a ping in fragments */
        ROW("\x89\xfe\0\x7e\0\0\0\0", 1002),               /* a ping of 126 bytes */
        ROW("\x81\xfe\0\x05\0\0\0\0hello", 1002),          /* a length in two bytes for no reason */
        ROW("\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 1002), /* the same in eight */
        ROW("\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0x", 1002),  /* the top bit of the length */
        ROW("\x81\xff\0\0\0\x01\0\0\0\0\0\0\0\0x", 1009),
        ROW("\x88\x81\0\0\0\0\x03", 1002),         /* half a code */
        ROW("\x88\x83\0\0\0\0\x03\xe8\xff", 1007), /* a reason that is no UTF-8 */
        ROW("\x81\x81\0\0\0\0\xff", 1007),
        ROW("\x81\x82\0\0\0\0\xc0\x80", 1007),              /* overlong */
        ROW("\x81\x83\0\0\0\0\xed\xa0\x80", 1007),          /* a surrogate */
        ROW("\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0x", 1007), /* a character cut by a fragment */
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_buffer bytes = empty();
        ds_buffer_append(&bytes, rows[i].bytes, rows[i].size);
        expect_close(&bytes, "", rows[i].code);
    }
}

static void a_character_may_be_cut_between_fragments(void **state)
{
    (void)state;
    struct ds_buffer bytes = empty();
    put_text(&bytes, 0x01, "\xe2\x82");
    put_text(&bytes, 0x80, "\xac");
    expect(&bytes, "\xe2\x82\xac|", "", 0, true);
}

static void frames_of_ours_have_the_shortest_length(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *head;
        size_t head_bytes;
    } rows[] = {
        {0, "\x81\x00", 2},
        {125, "\x81\x7d", 2},
        {126, "\x81\x7e\x00\x7e", 4},
        {65535, "\x81\x7e\xff\xff", 4},
        {65536, "\x81\x7f\0\0\0\0\0\x01\0\0", 10},
    };
    uint8_t *payload = calloc(1, 65536);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_buffer bytes = empty();
        websocket_frame_write(&bytes, WEBSOCKET_TEXT, ds_bytes_of(payload, rows[i].size));
        assert_int_equal(bytes.size, rows[i].head_bytes + rows[i].size);
        assert_memory_equal(bytes.data, rows[i].head, rows[i].head_bytes);
        ds_buffer_deinit(&bytes);
    }
    free(payload);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    char reason[200] = "x";
    for (size_t i = 1; i + 2 < sizeof reason; i += 2) {
        memcpy(reason + i, "\xc3\xa4", 2);
    }
    struct ds_buffer bytes = empty();
    websocket_close_write(&bytes, WEBSOCKET_CLOSE_POLICY, reason);
    assert_int_equal(bytes.data[1], 125);
    websocket_close_write(&bytes, WEBSOCKET_CLOSE_POLICY, reason + 1);
    assert_int_equal(bytes.data[127 + 1], 124);
    ds_buffer_deinit(&bytes);
}

static void the_key_of_the_standards_example_is_answered_as_there(void **state)
{
    (void)state;
    char accept[WEBSOCKET_ACCEPT_BYTES];
    assert_true(websocket_accept_key(ds_bytes_of_text("dGhlIHNhbXBsZSBub25jZQ=="), accept));
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    static const char *const bad[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25j_Q==",
        "dGhlIHNhbXBsZSBub25j!Q==",
        "dGhlIHNhbXBsZSBub25jZSBsb25nZXI=",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(websocket_accept_key(ds_bytes_of_text(bad[i]), accept));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_put_together_around_control_frames),
        cmocka_unit_test(a_message_that_wants_no_more_ends_the_reading),
        cmocka_unit_test(a_close_is_answered_with_its_code),
        cmocka_unit_test(close_codes_are_checked),
        cmocka_unit_test(a_message_has_its_greatest_length_and_no_byte_more),
        cmocka_unit_test(what_breaks_the_rules_is_told_by_its_code),
        cmocka_unit_test(a_character_may_be_cut_between_fragments),
        cmocka_unit_test(frames_of_ours_have_the_shortest_length),
        cmocka_unit_test(a_long_reason_is_cut_between_characters),
        cmocka_unit_test(the_key_of_the_standards_example_is_answered_as_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
