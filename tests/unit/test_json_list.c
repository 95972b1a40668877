/* Messages that stand for a list that may be absent: option (deltastream.list). */
#include "support/codec_helper.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define FIELD(its_name, its_kind, its_number, its_flags)                                           \
    .name = (its_name), .json_name = (its_name), .name_bytes = sizeof(its_name) - 1,               \
    .json_name_bytes = sizeof(its_name) - 1, .kind = (its_kind), .number = (its_number),           \
    .oneof = -1, .flags = (its_flags)

#define MESSAGE(its_name, its_fields, its_wellknown)                                               \
    {                                                                                              \
        .full_name = (its_name), .fields = (its_fields), .field_count = COUNT_OF(its_fields),      \
        .wellknown = (its_wellknown)                                                               \
    }

static const struct ds_field numbers_fields[] = {
    {FIELD("values", DS_KIND_INT32, 1, DS_FIELD_REPEATED | DS_FIELD_PACKED)},
};
static const struct ds_message numbers =
    MESSAGE("fixture.Numbers", numbers_fields, DS_WELLKNOWN_LIST_VALUE);

static const struct ds_field words_fields[] = {
    {FIELD("values", DS_KIND_STRING, 3, DS_FIELD_REPEATED)},
};
static const struct ds_message words =
    MESSAGE("fixture.Words", words_fields, DS_WELLKNOWN_LIST_VALUE);

static const struct ds_field row_list_fields[] = {
    {FIELD("values", DS_KIND_MESSAGE, 1, DS_FIELD_REPEATED), .message = &fixture_row},
};
static const struct ds_message row_list =
    MESSAGE("fixture.RowList", row_list_fields, DS_WELLKNOWN_LIST_VALUE);

static const struct ds_field matrix_fields[] = {
    {FIELD("rows", DS_KIND_MESSAGE, 1, DS_FIELD_REPEATED), .message = &numbers},
};
static const struct ds_message matrix =
    MESSAGE("fixture.Matrix", matrix_fields, DS_WELLKNOWN_LIST_VALUE);

static const struct ds_field entry_fields[] = {
    {FIELD("key", DS_KIND_STRING, 1, 0)},
    {FIELD("value", DS_KIND_MESSAGE, 2, DS_FIELD_PRESENCE), .message = &numbers},
};
static const struct ds_message entry =
    MESSAGE("fixture.Holder.ByNameEntry", entry_fields, DS_WELLKNOWN_NONE);

static const struct ds_message holder;

static const struct ds_field holder_fields[] = {
    {FIELD("product", DS_KIND_STRING, 1, 0)},
    {FIELD("numbers", DS_KIND_MESSAGE, 2, DS_FIELD_PRESENCE), .message = &numbers},
    {FIELD("words", DS_KIND_MESSAGE, 3, DS_FIELD_PRESENCE), .message = &words},
    {FIELD("ticks", DS_KIND_MESSAGE, 4, DS_FIELD_PRESENCE), .message = &row_list},
    {FIELD("matrix", DS_KIND_MESSAGE, 5, DS_FIELD_PRESENCE), .message = &matrix},
    {FIELD("several", DS_KIND_MESSAGE, 6, DS_FIELD_REPEATED), .message = &words},
    {FIELD("by_name", DS_KIND_MESSAGE, 7, DS_FIELD_REPEATED | DS_FIELD_MAP), .message = &entry},
    {FIELD("child", DS_KIND_MESSAGE, 8, DS_FIELD_PRESENCE), .message = &holder},
};
static const struct ds_message holder = MESSAGE("fixture.Holder", holder_fields, DS_WELLKNOWN_NONE);

static const struct ds_json_style plain = {.proto_names = true};

static void a_list_is_its_array_at_every_place(void **state)
{
    (void)state;
    const char *json = "{\"numbers\":[1,-2],\"words\":[\"a\",\"\"],"
                       "\"ticks\":[{\"product\":\"A\",\"price\":1},{}],\"matrix\":[[1,2],[],[3]],"
                       "\"several\":[[\"x\"],[]],\"by_name\":{\"k\":[7],\"l\":[]},"
                       "\"child\":{\"numbers\":[5]}}";
    codec_round_trip(&holder, json, json);
    codec_round_trip(&numbers, "[1,2,3]", "[1,2,3]");
    codec_round_trip(&words, " [ ] ", "[]");
    codec_round_trip(&matrix, "[[],[4]]", "[[],[4]]");
}

static void an_array_is_the_bytes_of_the_message(void **state)
{
    (void)state;
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(&holder, "{\"numbers\":[1,2],\"words\":[\"ab\"]}", &wire);
    codec_assert_bytes(ds_buffer_bytes(&wire), "12 04 0a 02 01 02 1a 04 1a 02 61 62");
    ds_buffer_deinit(&wire);
}

static void an_empty_list_is_not_an_absent_one(void **state)
{
    (void)state;
    const struct ds_json_style defaults = {.proto_names = true, .defaults = true};
    struct ds_buffer wire;
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    codec_read(&holder, "{\"numbers\":[],\"words\":null}", &wire);
    codec_assert_bytes(ds_buffer_bytes(&wire), "12 00");
    codec_written(&holder, ds_buffer_bytes(&wire), &plain, "{\"numbers\":[]}");
    codec_written(&holder, ds_buffer_bytes(&wire), &defaults,
                  "{\"product\":\"\",\"numbers\":[],\"several\":[],\"by_name\":{}}");
    codec_written(&holder, codec_hex(""), &plain, "{}");
    ds_buffer_deinit(&wire);
}

static void scattered_lists_merge(void **state)
{
    (void)state;
    /* The field before comes behind, the message comes twice, packed and loose. */
    codec_written(&holder, codec_hex("12 04 0a 02 01 02 0a 01 41 12 02 08 03"), &plain,
                  "{\"product\":\"A\",\"numbers\":[1,2,3]}");
    /* An unknown field lies between the elements. */
    codec_written(&words, codec_hex("1a 01 61 08 05 1a 01 62"), &plain, "[\"a\",\"b\"]");
    codec_written(&holder, codec_hex("1a 05 08 05 1a 01 62 0a 01 41"), &plain,
                  "{\"product\":\"A\",\"words\":[\"b\"]}");
}

static void whole_rows_of_a_list_take_their_series_from_the_message_around_it(void **state)
{
    (void)state;
    const struct ds_json_style whole_rows = {.proto_names = true, .whole_rows = true};
    codec_written(&holder, codec_hex("0a 01 41 22 07 0a 00 0a 03 0a 01 42"), &whole_rows,
                  "{\"product\":\"A\",\"ticks\":[{\"product\":\"A\"},{\"product\":\"B\"}]}");
    codec_written(&row_list, codec_hex("0a 00"), &whole_rows, "[{}]");
    const struct ds_json_style defaults = {.proto_names = true, .defaults = true};
    codec_written(&row_list, codec_hex("0a 00"), &defaults, "[{}]");
}

static void what_is_no_array_is_refused(void **state)
{
    (void)state;
    codec_refused(&holder, "{\"numbers\":{\"values\":[1]}}", "/numbers", "expected an array");
    codec_refused(&holder, "{\"numbers\":1}", "/numbers", "expected an array");
    codec_refused(&holder, "{\"numbers\":[1,\"x\"]}", "/numbers/1", "");
    codec_refused(&holder, "{\"words\":[null]}", "/words/0", "null");
    codec_refused(&numbers, "{}", "", "expected an array");
}

static void malformed_lists_are_not_written(void **state)
{
    (void)state;
    static const char *const wires[] = {"12 01 0a", "12 02 0d 01", "12 02 0a 05"};
    for (size_t i = 0; i < COUNT_OF(wires); i++) {
        struct ds_buffer text;
        ds_buffer_init(&text, CODEC_BYTES_MAX);
        assert_int_equal(ds_wire_to_json(&holder, codec_hex(wires[i]), &plain, &text),
                         DS_INVALID_ARGUMENT);
        ds_buffer_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_its_array_at_every_place),
        cmocka_unit_test(an_array_is_the_bytes_of_the_message),
        cmocka_unit_test(an_empty_list_is_not_an_absent_one),
        cmocka_unit_test(scattered_lists_merge),
        cmocka_unit_test(whole_rows_of_a_list_take_their_series_from_the_message_around_it),
        cmocka_unit_test(what_is_no_array_is_refused),
        cmocka_unit_test(malformed_lists_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
