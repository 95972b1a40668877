#include "clients/cli/rows.h"
#include "support/test.h"

#include <stdlib.h>

struct fixture {
    char *text;
    size_t bytes;
    FILE *stream;
    const struct ds_message *tick;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->stream = open_memstream(&fixture->text, &fixture->bytes);
    assert_non_null(fixture->stream);
    fixture->tick = ds_message_find("deltastream.storage.v1.Tick");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    fclose(fixture->stream);
    free(fixture->text);
    free(fixture);
    return 0;
}

static void add_of(const struct ds_message *message, struct rows *rows, const char *json)
{
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer wire;
    ds_buffer_init(&wire, 4096);
    assert_int_equal(ds_json_to_wire(message, ds_bytes_of_text(json), &options, &wire, &error),
                     DS_OK);
    assert_int_equal(rows_add(rows, ds_buffer_bytes(&wire)), DS_OK);
    ds_buffer_deinit(&wire);
}

static void add(struct fixture *fixture, struct rows *rows, const char *json)
{
    add_of(fixture->tick, rows, json);
}

static const char *const two_rows[] = {
    "{\"product\": \"A\", \"price\": 1.5, \"timestamp\": \"2025-01-25T10:00:00Z\"}",
    "{\"product\": \"B,\\\"x\\\"\", \"price\": 20, \"volume\": 7}"};

/* What the two rows look like in that format. */
static void expect(struct fixture *fixture, enum rows_format format, size_t row_count,
                   const char *text)
{
    struct rows *rows = rows_create(fixture->stream, format, fixture->tick);
    for (size_t i = 0; i < row_count; i++) {
        add(fixture, rows, two_rows[i]);
    }
    rows_destroy(rows);
    fflush(fixture->stream);
    assert_string_equal(fixture->text, text);
}

static void ndjson_has_a_row_a_line(void **state)
{
    expect(*state, ROWS_NDJSON, 2,
           "{\"product\":\"A\",\"price\":1.5,\"timestamp\":\"2025-01-25T10:00:00Z\"}\n"
           "{\"product\":\"B,\\\"x\\\"\",\"price\":20,\"volume\":7}\n");
}

static void json_is_one_array(void **state)
{
    expect(*state, ROWS_JSON, 2,
           "[\n {\"product\":\"A\",\"price\":1.5,\"timestamp\":\"2025-01-25T10:00:00Z\"},\n "
           "{\"product\":\"B,\\\"x\\\"\",\"price\":20,\"volume\":7}\n]\n");
}

static void json_of_no_rows_is_an_empty_array(void **state)
{
    expect(*state, ROWS_JSON, 0, "[]\n");
}

static void csv_has_a_header_and_quotes_where_needed(void **state)
{
    expect(*state, ROWS_CSV, 2,
           "product,price,timestamp,tick_id,processed_at,volume,open,high,low,close,change\n"
           "A,1.5,2025-01-25T10:00:00Z,,,,,,,,\n"
           "\"B,\"\"x\"\"\",20,,,,7,,,,,\n");
}

static void csv_of_no_rows_is_the_header(void **state)
{
    expect(*state, ROWS_CSV, 0,
           "product,price,timestamp,tick_id,processed_at,volume,open,high,low,close,change\n");
}

static void a_table_has_the_columns_that_have_values(void **state)
{
    expect(*state, ROWS_TABLE, 2,
           "product  price  timestamp             volume\n"
           "A          1.5  2025-01-25T10:00:00Z        \n"
           "B,\"x\"       20                             7\n");
}

static void a_table_of_no_rows_is_empty(void **state)
{
    struct fixture *fixture = *state;
    struct rows *rows = rows_create(fixture->stream, ROWS_TABLE, fixture->tick);
    rows_destroy(rows);
    fflush(fixture->stream);
    assert_int_equal(fixture->bytes, 0);
}

static void a_table_longer_than_a_page_has_all_its_rows(void **state)
{
    struct fixture *fixture = *state;
    struct rows *rows = rows_create(fixture->stream, ROWS_TABLE, fixture->tick);
    for (int i = 0; i < 2500; i++) {
        add(fixture, rows, two_rows[0]);
    }
    rows_destroy(rows);
    fflush(fixture->stream);
    size_t lines = 0;
    for (const char *next = strstr(fixture->text, "\nA "); next != NULL;
         next = strstr(next + 1, "\nA ")) {
        lines++;
    }
    assert_int_equal(lines, 2500);
}

/* What one row of another message looks like. */
static void expect_of(struct fixture *fixture, enum rows_format format, bool is_vertical,
                      const char *message_name, const char *json, const char *text)
{
    const struct ds_message *message = ds_message_find(message_name);
    assert_non_null(message);
    struct rows *rows = is_vertical ? rows_create_vertical(fixture->stream, format, message)
                                    : rows_create(fixture->stream, format, message);
    add_of(message, rows, json);
    rows_destroy(rows);
    fflush(fixture->stream);
    assert_string_equal(fixture->text, text);
}

#define SURFACE "deltastream.storage.v1.VolatilityExpiry"
static const char surface[] = "{\"expiry\": \"2025-01-25\", \"strikes\": [100, 110.5], "
                              "\"avg_iv\": 0.25, \"num_quotes\": 3}";

static void a_list_is_its_count_in_a_table(void **state)
{
    expect_of(*state, ROWS_TABLE, false, SURFACE, surface,
              "expiry      strikes  avg_iv  num_quotes\n"
              "2025-01-25        2    0.25           3\n");
}

static void a_list_of_messages_is_counted_too(void **state)
{
    expect_of(*state, ROWS_TABLE, false, "deltastream.storage.v1.OptionChain",
              "{\"product\": \"A\", \"calls\": [{\"iv\": 1}, {\"iv\": 2}], \"puts\": [{}]}",
              "product  calls  puts\n"
              "A            2     1\n");
}

static void a_list_is_json_in_csv(void **state)
{
    expect_of(*state, ROWS_CSV, false, SURFACE, surface,
              "expiry,strikes,call_ivs,put_ivs,avg_iv,num_quotes\n"
              "2025-01-25,\"[100,110.5]\",,,0.25,3\n");
}

#define BUILDUP "deltastream.storage.v1.GetOiBuildupResponse"
static const char buildup[] = "{\"product\": \"A\", \"spot_price\": 1.5, "
                              "\"call_buildup\": {\"itm\": 1, \"otm\": 3}}";

static void a_message_inside_has_columns_of_its_own(void **state)
{
    expect_of(*state, ROWS_CSV, false, BUILDUP, buildup,
              "product,expiry,spot_price,call_buildup.itm,call_buildup.atm,call_buildup.otm,"
              "put_buildup.itm,put_buildup.atm,put_buildup.otm,timestamp,interpretation\n"
              "A,,1.5,1,0,3,,,,,\n");
}

static void a_vertical_table_has_a_line_a_value(void **state)
{
    expect_of(*state, ROWS_TABLE, true, BUILDUP, buildup,
              "product           A\n"
              "spot_price        1.5\n"
              "call_buildup.itm  1\n"
              "call_buildup.atm  0\n"
              "call_buildup.otm  3\n");
}

static void what_would_steer_a_terminal_is_a_blank_in_a_table(void **state)
{
    expect_of(*state, ROWS_TABLE, false, "deltastream.storage.v1.Tick",
              "{\"product\": \"A\\u001b[2J\\n\"}", "product\nA [2J \n");
}

static void a_damaged_row_is_refused_in_every_format(void **state)
{
    static const enum rows_format formats[] = {ROWS_TABLE, ROWS_CSV, ROWS_NDJSON};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct rows *rows = rows_create(fixture->stream, formats[i], fixture->tick);
        assert_int_equal(rows_add(rows, ds_bytes_of("\x0A\x7F", 2)), DS_INVALID_ARGUMENT);
        rows_destroy(rows);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(ndjson_has_a_row_a_line),
        T(json_is_one_array),
        T(json_of_no_rows_is_an_empty_array),
        T(csv_has_a_header_and_quotes_where_needed),
        T(csv_of_no_rows_is_the_header),
        T(a_table_has_the_columns_that_have_values),
        T(a_table_of_no_rows_is_empty),
        T(a_table_longer_than_a_page_has_all_its_rows),
        T(a_list_is_its_count_in_a_table),
        T(a_list_of_messages_is_counted_too),
        T(a_list_is_json_in_csv),
        T(a_message_inside_has_columns_of_its_own),
        T(a_vertical_table_has_a_line_a_value),
        T(what_would_steer_a_terminal_is_a_blank_in_a_table),
        T(a_damaged_row_is_refused_in_every_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
