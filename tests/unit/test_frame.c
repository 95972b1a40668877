/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/frame.h"

#include <string.h>

static void a_preface_has_the_bytes_of_the_specification(void **state)
{
    (void)state;
    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    static const uint8_t expected[] = {'D',  'S',  'R', 1, 1,    0x05, 0,    0,
                                       0x34, 0x12, 0,   0, 0x78, 0x56, 0x34, 0};
    ds_frame_write_preface(preface, DS_FRAME_REQUEST, 0x05, 0x1234, 0x345678);
    assert_memory_equal(preface, expected, sizeof expected);
}

static void frames_come_off_a_message_one_after_the_other(void **state)
{
    (void)state;
    uint8_t bytes[2 * DS_FRAME_PREFACE_BYTES + 5];
    ds_frame_write_preface(bytes, DS_FRAME_REQUEST, 0, 2, 1);
    memcpy(bytes + 16, "HHP", 3);
    ds_frame_write_preface(bytes + 19, DS_FRAME_CANCEL, 0, 1, 1);
    memcpy(bytes + 35, "hp", 2);
    struct ds_bytes message = ds_bytes_of(bytes, sizeof bytes);
    struct ds_frame frame;
    assert_int_equal(ds_frame_next(&message, &frame), DS_OK);
    assert_int_equal(frame.type, DS_FRAME_REQUEST);
    assert_true(ds_bytes_equal_text(frame.header, "HH"));
    assert_true(ds_bytes_equal_text(frame.payload, "P"));
    assert_int_equal(ds_frame_next(&message, &frame), DS_OK);
    assert_int_equal(frame.type, DS_FRAME_CANCEL);
    assert_true(ds_bytes_equal_text(frame.header, "h"));
    assert_int_equal(message.size, 0);
}

static void every_shorter_message_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[DS_FRAME_PREFACE_BYTES + 3];
    ds_frame_write_preface(bytes, DS_FRAME_REQUEST, 0, 2, 1);
    memcpy(bytes + 16, "HHP", 3);
    for (size_t size = 0; size < sizeof bytes; size++) {
        struct ds_bytes message = ds_bytes_of(bytes, size);
        struct ds_frame frame;
        assert_int_equal(ds_frame_next(&message, &frame), DS_INVALID_ARGUMENT);
        assert_int_equal(message.size, size);
    }
}

static void lengths_over_the_limits_are_refused_before_they_are_believed(void **state)
{
    (void)state;
    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    static const size_t lengths[][2] = {
        {DS_FRAME_HEADER_BYTES_MAX + 1, 0},
        {0, DS_FRAME_PAYLOAD_BYTES_MAX + 1},
        {0xffffffff, 0xffffffff},
    };
    for (size_t i = 0; i < 3; i++) {
        ds_frame_write_preface(preface, DS_FRAME_REQUEST, 0, lengths[i][0], lengths[i][1]);
        struct ds_bytes message = ds_bytes_of(preface, sizeof preface);
        struct ds_frame frame;
        assert_int_equal(ds_frame_next(&message, &frame), DS_INVALID_ARGUMENT);
    }
}

static void another_version_is_told_from_damage(void **state)
{
    (void)state;
    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    struct ds_frame frame;
    ds_frame_write_preface(preface, DS_FRAME_REQUEST, 0, 0, 0);
    preface[3] = 9;
    struct ds_bytes message = ds_bytes_of(preface, sizeof preface);
    assert_int_equal(ds_frame_next(&message, &frame), DS_UNIMPLEMENTED);
    preface[0] = 'X';
    assert_int_equal(ds_frame_next(&message, &frame), DS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_preface_has_the_bytes_of_the_specification),
        cmocka_unit_test(frames_come_off_a_message_one_after_the_other),
        cmocka_unit_test(every_shorter_message_is_refused),
        cmocka_unit_test(lengths_over_the_limits_are_refused_before_they_are_believed),
        cmocka_unit_test(another_version_is_told_from_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
