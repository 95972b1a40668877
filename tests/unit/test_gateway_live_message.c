/* Places among events, sets of keys, and the three forms of a message. */
#include "gateway/key_set.h"
#include "gateway/live_message.h"
#include "support/test.h"

#include <stdio.h>

static void places_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct live_id places[] = {
        {1, 0}, {0xabc, 7}, {UINT64_MAX, UINT64_MAX}, {0x0123456789abcdef, 1}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char text[LIVE_ID_BYTES_MAX];
        struct live_id id = {0};
        live_id_write(places[i], text);
        assert_true(live_id_read(ds_bytes_of_text(text), &id));
        assert_int_equal(id.epoch, places[i].epoch);
        assert_int_equal(id.sequence, places[i].sequence);
    }
    struct live_id id = {0};
    assert_true(live_id_read(ds_bytes_of_text("00aB-007"), &id));
    assert_int_equal(id.epoch, 0xab);
    assert_int_equal(id.sequence, 7);
}

static void what_is_no_place_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        "a",
                                        "a-",
                                        "-1",
                                        "0-1",
                                        "g-1",
                                        "a-x",
                                        "a-1x",
                                        "a--1",
                                        "a 1",
                                        "a-1 ",
                                        " a-1",
                                        "a-18446744073709551616",
                                        "11112222333344445-1",
                                        "a-99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct live_id id = {.epoch = 5};
        assert_false(live_id_read(ds_bytes_of_text(texts[i]), &id));
        assert_int_equal(id.epoch, 5);
    }
}

static struct ds_bytes number_of(char text[16], int number)
{
    return ds_bytes_of(text, (size_t)snprintf(text, 16, "%d", number));
}

static void a_set_has_each_key_once_and_a_bounded_number_of_them(void **state)
{
    (void)state;
    char text[LIVE_KEY_BYTES_MAX + 1];
    struct ds_bytes views[LIVE_KEYS_MAX];
    struct key_set keys;
    key_set_init(&keys);
    for (int i = 0; i < LIVE_KEYS_MAX; i++) {
        assert_null(key_set_add(&keys, number_of(text, i)));
    }
    assert_null(key_set_add(&keys, ds_bytes_of_text("7")));
    assert_non_null(key_set_add(&keys, ds_bytes_of_text("more")));
    assert_int_equal(key_set_view(&keys, views), LIVE_KEYS_MAX);
    assert_true(key_set_remove(&keys, ds_bytes_of_text("7")));
    assert_false(key_set_remove(&keys, ds_bytes_of_text("7")));
    assert_false(key_set_has(&keys, ds_bytes_of_text("7")));
    assert_true(key_set_has(&keys, ds_bytes_of_text("255")));
    assert_int_equal(key_set_view(&keys, views), LIVE_KEYS_MAX - 1);
    assert_true(ds_bytes_equal_text(views[7], "8"));
    assert_non_null(key_set_add(&keys, ds_bytes_of_text("")));
    memset(text, 'x', sizeof text);
    assert_null(key_set_add(&keys, ds_bytes_of(text, LIVE_KEY_BYTES_MAX)));
    assert_true(key_set_remove(&keys, ds_bytes_of(text, LIVE_KEY_BYTES_MAX)));
    assert_non_null(key_set_add(&keys, ds_bytes_of(text, LIVE_KEY_BYTES_MAX + 1)));
    key_set_deinit(&keys);
}

static void an_event_is_the_same_in_each_form_but_for_what_is_around_it(void **state)
{
    (void)state;
#define JSON                                                                                       \
    "{\"type\":\"tick\",\"key\":\"A\\\"\",\"epoch\":\"ab\",\"sequence\":12,\"data\":{\"price\":1}" \
    "}"
    static const char *const expected[LIVE_FORM_COUNT] = {
        [LIVE_WEBSOCKET] = "\x81\x49" JSON,
        [LIVE_SSE] = "id: ab-12\nevent: tick\ndata: " JSON "\n\n",
        [LIVE_NDJSON] = JSON "\n",
    };
    const struct live_event event = {
        .kind = LIVE_TICKS, .epoch = 0xab, .sequence = 12, .key = ds_bytes_of_text("A\"")};
    for (int form = 0; form < LIVE_FORM_COUNT; form++) {
        struct ds_buffer bytes;
        ds_buffer_init(&bytes, SIZE_MAX);
        live_renders[form](&event, ds_bytes_of_text("{\"price\":1}"), &bytes);
        ds_buffer_append_byte(&bytes, '\0');
        assert_string_equal((const char *)bytes.data, expected[form]);
        ds_buffer_deinit(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_read_as_they_are_written),
        cmocka_unit_test(what_is_no_place_is_refused),
        cmocka_unit_test(a_set_has_each_key_once_and_a_bounded_number_of_them),
        cmocka_unit_test(an_event_is_the_same_in_each_form_but_for_what_is_around_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
