#include "clients/cli/import_row.h"
#include "ds/json.h"
#include "support/test.h"

#include <stdlib.h>

static const struct ds_json_style style = {.proto_names = true, .int64_numbers = true};

struct fixture {
    struct ds_arena *arena;
    struct import_row row;
    struct ds_buffer wire;
    struct ds_buffer text;
    char reason[COLUMN_REASON_BYTES_MAX];
    const char *field;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->arena = ds_arena_create(64 * 1024);
    fixture->row.message = ds_message_find("deltastream.storage.v1.Tick");
    assert_non_null(fixture->row.message);
    ds_buffer_init(&fixture->wire, 4096);
    ds_buffer_init(&fixture->text, 4096);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ds_arena_destroy(fixture->arena);
    ds_buffer_deinit(&fixture->wire);
    ds_buffer_deinit(&fixture->text);
    free(fixture);
    return 0;
}

static ds_code parse(struct fixture *fixture, const char *text)
{
    return column_map_parse(text, fixture->row.message, fixture->arena, &fixture->row.map,
                            fixture->reason);
}

#define CELLS_MAX 16

/* A record of cells that `text` parts by '|'. */
static struct csv_record record_of(struct fixture *fixture, const char *text)
{
    struct ds_bytes *fields = ds_arena_alloc(fixture->arena, CELLS_MAX * sizeof(fields[0]));
    size_t count = 0;
    for (;;) {
        const size_t bytes = strcspn(text, "|");
        fields[count++] = ds_bytes_of(text, bytes);
        if (text[bytes] == '\0') {
            break;
        }
        text += bytes + 1;
    }
    return (struct csv_record){.fields = fields, .field_count = count, .line = 1};
}

static ds_code write_row(struct fixture *fixture, const char *cells)
{
    const struct csv_record record = record_of(fixture, cells);
    return import_row_write(&fixture->row, &record, &fixture->wire, &fixture->field,
                            fixture->reason);
}

static void expect_row(struct fixture *fixture, const char *cells, const char *json)
{
    ds_buffer_clear(&fixture->wire);
    ds_buffer_clear(&fixture->text);
    assert_int_equal(write_row(fixture, cells), DS_OK);
    assert_int_equal(ds_wire_to_json(fixture->row.message, ds_buffer_bytes(&fixture->wire), &style,
                                     &fixture->text),
                     DS_OK);
    ds_buffer_append_byte(&fixture->text, '\0');
    assert_string_equal((const char *)fixture->text.data, json);
}

static void a_map_takes_indexes_and_names(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "timestamp=0,price=Close"), DS_OK);
    assert_int_equal(fixture->row.map.count, 2);
    assert_true(column_map_has_names(&fixture->row.map));
    const struct csv_record header = record_of(fixture, "|Open|Close");
    assert_int_equal(column_map_bind(&fixture->row.map, &header, fixture->arena, fixture->reason),
                     DS_OK);
    assert_int_equal(column_map_find(&fixture->row.map, "price")->index, 2);
    assert_int_equal(column_map_find(&fixture->row.map, "timestamp")->index, 0);
    assert_null(column_map_find(&fixture->row.map, "open"));
}

static void a_map_with_an_unknown_field_suggests_one(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "timestmap=0"), DS_INVALID_ARGUMENT);
    assert_string_equal(fixture->reason,
                        "a row has no field \"timestmap\"; did you mean \"timestamp\"?");
}

static void a_map_that_is_no_list_of_pairs_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"", "price", "price=", "=0", "price=0,", "price=0,,open=1"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(fixture, texts[i]), DS_INVALID_ARGUMENT);
        assert_non_null(strstr(fixture->reason, "FIELD=COLUMN"));
    }
}

static void a_field_mapped_twice_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "price=0,price=1"), DS_INVALID_ARGUMENT);
    assert_string_equal(fixture->reason, "\"price\" is mapped twice");
}

static void a_column_that_the_header_lacks_is_named_with_the_nearest(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "price=Closs"), DS_OK);
    const struct csv_record header = record_of(fixture, "Time|Close");
    assert_int_equal(column_map_bind(&fixture->row.map, &header, fixture->arena, fixture->reason),
                     DS_NOT_FOUND);
    assert_string_equal(fixture->reason,
                        "the header has no column \"Closs\"; did you mean \"Close\"?");
}

static void a_record_becomes_a_row(void **state)
{
    struct fixture *fixture = *state;
    fixture->row.product = "EURUSD";
    assert_int_equal(parse(fixture, "timestamp=0,price=1,volume=2,tick_id=3"), DS_OK);
    expect_row(fixture, "2017-04-19 09:00:00|1.0716| 1413 |",
               "{\"product\":\"EURUSD\",\"price\":1.0716,\"timestamp\":\"2017-04-19T09:00:00Z\","
               "\"volume\":1413}");
}

static void the_product_may_be_a_column(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "product=1,price=0"), DS_OK);
    expect_row(fixture, "5|ABC", "{\"product\":\"ABC\",\"price\":5}");
}

static void unix_times_are_exact_to_the_microsecond(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "timestamp=0"), DS_OK);
    fixture->row.time_format = IMPORT_TIME_UNIX;
    expect_row(fixture, "1492592400.000001", "{\"timestamp\":\"2017-04-19T09:00:00.000001Z\"}");
    expect_row(fixture, "0", "{\"timestamp\":\"1970-01-01T00:00:00Z\"}");
    expect_row(fixture, "-0.5", "{\"timestamp\":\"1969-12-31T23:59:59.500Z\"}");
    fixture->row.time_format = IMPORT_TIME_UNIX_MS;
    expect_row(fixture, "1492592400001", "{\"timestamp\":\"2017-04-19T09:00:00.001Z\"}");
    expect_row(fixture, "-1", "{\"timestamp\":\"1969-12-31T23:59:59.999Z\"}");
    fixture->row.time_format = IMPORT_TIME_UNIX_US;
    expect_row(fixture, "1492592400000001", "{\"timestamp\":\"2017-04-19T09:00:00.000001Z\"}");
}

static void a_time_that_is_none_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {"noon", "1e9", "1.2.3", "99999999999999999999", "1,5", "."};
    assert_int_equal(parse(fixture, "timestamp=0"), DS_OK);
    fixture->row.time_format = IMPORT_TIME_UNIX;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(write_row(fixture, bad[i]), DS_INVALID_ARGUMENT);
        assert_string_equal(fixture->field, "timestamp");
    }
    fixture->row.time_format = IMPORT_TIME_ISO;
    assert_int_equal(write_row(fixture, "2017-13-01"), DS_INVALID_ARGUMENT);
}

static void a_cell_of_the_wrong_kind_is_refused_with_its_field(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "price=0,volume=1"), DS_OK);
    assert_int_equal(write_row(fixture, "1.5|many"), DS_INVALID_ARGUMENT);
    assert_string_equal(fixture->field, "volume");
    assert_non_null(strstr(fixture->reason, "many"));
}

static void a_column_behind_the_records_end_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "price=3"), DS_OK);
    assert_int_equal(write_row(fixture, "1|2"), DS_INVALID_ARGUMENT);
    assert_string_equal(fixture->reason, "there is no column 3");
}

static void a_header_is_told_from_a_row_by_its_time(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "timestamp=0"), DS_OK);
    const struct csv_record header = record_of(fixture, "time|price");
    const struct csv_record row = record_of(fixture, "2017-04-19|1");
    const struct csv_record empty = record_of(fixture, "");
    assert_false(import_row_has_time(&fixture->row, &header));
    assert_false(import_row_has_time(&fixture->row, &empty));
    assert_true(import_row_has_time(&fixture->row, &row));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_map_takes_indexes_and_names),
        T(a_map_with_an_unknown_field_suggests_one),
        T(a_map_that_is_no_list_of_pairs_is_refused),
        T(a_field_mapped_twice_is_refused),
        T(a_column_that_the_header_lacks_is_named_with_the_nearest),
        T(a_record_becomes_a_row),
        T(the_product_may_be_a_column),
        T(unix_times_are_exact_to_the_microsecond),
        T(a_time_that_is_none_is_refused),
        T(a_cell_of_the_wrong_kind_is_refused_with_its_field),
        T(a_column_behind_the_records_end_is_refused),
        T(a_header_is_told_from_a_row_by_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
