#include "clients/load/generator_read.h"
#include "clients/load/plan_read.h"
#include "support/test.h"

#include <stdlib.h>
#include <unistd.h>

struct fixture {
    struct ds_arena *arena;
    struct member_reader reader;
    char reason[LOAD_PLAN_REASON_BYTES_MAX];
    struct load_generators generators;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->arena = load_plan_arena_create();
    fixture->reader = (struct member_reader){.arena = fixture->arena, .reason = fixture->reason};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ds_arena_destroy(fixture->arena);
    free(fixture);
    return 0;
}

static bool read_data(struct fixture *fixture, const char *text)
{
    json_t *data = json_loads(text, 0, NULL);
    assert_non_null(data);
    const struct member_place place = {.name = "data"};
    fixture->reader.has_failed = false;
    const bool is_read = load_generators_read(&fixture->reader, &place, data, &fixture->generators);
    json_decref(data);
    return is_read;
}

static void refused(struct fixture *fixture, const char *text, const char *reason)
{
    assert_false(read_data(fixture, text));
    assert_string_equal(fixture->reason, reason);
}

/* The value of the only generator, for a flow and a row; lives until the next one. */
static const char *value_of(struct fixture *fixture, const char *column, uint64_t flow,
                            uint64_t row)
{
    static char text[256];
    char scratch[LOAD_GENERATOR_TEXT_BYTES_MAX];
    size_t index = 0;
    assert_true(
        load_generator_column(fixture->generators.items[0], column, strlen(column), &index));
    const struct load_moment moment = {
        .seed = 7, .flow = flow, .row = row, .wall_us = 1737795600123456};
    const struct ds_bytes value =
        load_generator_value(fixture->generators.items[0], index, &moment, scratch);
    snprintf(text, sizeof(text), "%.*s", (int)value.size, (const char *)value.data);
    return text;
}

static void a_sequence_counts_and_no_two_rows_of_any_flows_share_a_number(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(fixture, "{\"id\": {\"kind\": \"sequence\", \"start\": 100}}"));
    load_generator_expect_rows(fixture->generators.items[0], 10);
    load_generator_expect_rows(fixture->generators.items[0], 3);
    assert_string_equal(value_of(fixture, "", 0, 0), "100");
    assert_string_equal(value_of(fixture, "", 0, 9), "109");
    assert_string_equal(value_of(fixture, "", 1, 0), "110");
    assert_string_equal(value_of(fixture, "", 5, 2), "152");
    assert_true(load_generator_is_number(fixture->generators.items[0]));
}

static void a_sequence_with_a_prefix_is_a_text(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(
        fixture, "{\"user\": {\"kind\": \"sequence\", \"prefix\": \"u-\", \"step\": -2}}"));
    assert_string_equal(value_of(fixture, "", 3, 0), "u--6");
    assert_false(load_generator_is_number(fixture->generators.items[0]));
}

static void uniform_numbers_fill_their_range_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(fixture, "{\"n\": {\"kind\": \"uniform\", \"minimum\": -1, "
                                   "\"maximum\": 2}}"));
    int counts[4] = {0};
    for (uint64_t flow = 0; flow < 4000; flow++) {
        const int number = atoi(value_of(fixture, "", flow, 0));
        assert_in_range(number + 1, 0, 3);
        counts[number + 1]++;
    }
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(counts[i], 850, 1150);
    }
}

static void decimals_are_written_as_many_as_were_asked_for(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(fixture, "{\"n\": {\"kind\": \"uniform\", \"minimum\": -0.02, "
                                   "\"maximum\": -0.01, \"decimals\": 3}}"));
    for (uint64_t flow = 0; flow < 100; flow++) {
        const char *text = value_of(fixture, "", flow, 0);
        assert_int_equal(strlen(text), strlen("-0.015"));
        assert_true(atof(text) >= -0.02 && atof(text) <= -0.01);
    }
}

static void zipf_gives_the_first_value_twice_as_often_as_the_second(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(fixture, "{\"s\": {\"kind\": \"zipf\", \"prefix\": \"S\", \"count\": "
                                   "1000}}"));
    int first = 0;
    int second = 0;
    int tenth = 0;
    const int draws = 30000;
    for (uint64_t flow = 0; flow < (uint64_t)draws; flow++) {
        const char *text = value_of(fixture, "", flow, 0);
        first += strcmp(text, "S0") == 0;
        second += strcmp(text, "S1") == 0;
        tenth += strcmp(text, "S9") == 0;
    }
    /* 1 / H(1000) = 0.1336 */
    assert_in_range(first, draws * 0.1336 * 0.93, draws * 0.1336 * 1.07);
    assert_in_range(second, draws * 0.0668 * 0.9, draws * 0.0668 * 1.1);
    assert_in_range(tenth, draws * 0.01336 * 0.8, draws * 0.01336 * 1.2);
}

static void a_choice_gives_each_of_its_texts(void **state)
{
    struct fixture *fixture = *state;
    assert_true(
        read_data(fixture, "{\"s\": {\"kind\": \"choice\", \"of\": [\"NIFTY\", \"DAX\"]}}"));
    int counts[2] = {0};
    for (uint64_t flow = 0; flow < 1000; flow++) {
        counts[strcmp(value_of(fixture, "", flow, 0), "DAX") == 0]++;
    }
    assert_in_range(counts[0], 400, 600);
    assert_int_equal(counts[0] + counts[1], 1000);
}

static void the_same_seed_flow_and_row_give_the_same_value(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(fixture, "{\"n\": {\"kind\": \"uniform\", \"maximum\": 1000000000}}"));
    load_generator_expect_rows(fixture->generators.items[0], 2);
    char before[256];
    snprintf(before, sizeof(before), "%s", value_of(fixture, "", 17, 1));
    assert_string_not_equal(value_of(fixture, "", 17, 0), before);
    assert_string_not_equal(value_of(fixture, "", 18, 1), before);
    assert_string_equal(value_of(fixture, "", 17, 1), before);
}

static void a_random_price_moves_by_little_from_one_to_the_next(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(fixture, "{\"p\": {\"kind\": \"random_price\", \"start\": 22500, "
                                   "\"volatility\": 0.0001}}"));
    double before = atof(value_of(fixture, "", 0, 0));
    double lowest = before;
    double highest = before;
    for (uint64_t flow = 1; flow < 5000; flow++) {
        const double price = atof(value_of(fixture, "", flow, 0));
        assert_true(price / before > 0.998 && price / before < 1.002);
        lowest = price < lowest ? price : lowest;
        highest = price > highest ? price : highest;
        before = price;
    }
    assert_true(highest / lowest > 1.004 && highest / lowest < 1.3);
}

static void times_come_in_the_form_that_is_asked_for(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(fixture, "{\"t\": {\"kind\": \"time\", \"start\": "
                                   "\"2025-01-25T09:15:00Z\", \"step\": \"250ms\"}}"));
    assert_string_equal(value_of(fixture, "", 0, 0), "2025-01-25T09:15:00Z");
    assert_string_equal(value_of(fixture, "", 5, 0), "2025-01-25T09:15:01.250Z");
    assert_false(load_generator_is_number(fixture->generators.items[0]));
    assert_true(read_data(fixture, "{\"t\": {\"kind\": \"time\", \"start\": \"1970-01-02\", "
                                   "\"as\": \"ms\"}}"));
    assert_string_equal(value_of(fixture, "", 7, 0), "86400007");
    assert_true(load_generator_is_number(fixture->generators.items[0]));
    assert_true(read_data(fixture, "{\"t\": {\"kind\": \"now\", \"offset\": \"-1s\", \"step\": "
                                   "\"1ms\"}}"));
    load_generator_expect_rows(fixture->generators.items[0], 2);
    assert_string_equal(value_of(fixture, "", 3, 0), "2025-01-25T08:59:59.123456Z");
    assert_string_equal(value_of(fixture, "", 3, 1), "2025-01-25T08:59:59.124456Z");
    assert_true(read_data(fixture, "{\"t\": {\"kind\": \"now\", \"as\": \"seconds\"}}"));
    assert_string_equal(value_of(fixture, "", 3, 0), "1737795600");
    assert_true(read_data(fixture, "{\"t\": {\"kind\": \"now\", \"as\": \"us\"}}"));
    assert_string_equal(value_of(fixture, "", 3, 0), "1737795600123456");
}

static void a_time_beyond_the_calendar_stays_at_its_end(void **state)
{
    struct fixture *fixture = *state;
    assert_true(read_data(fixture, "{\"t\": {\"kind\": \"time\", \"start\": "
                                   "\"9999-12-31T23:59:59Z\", \"step\": \"1d\"}}"));
    assert_string_equal(value_of(fixture, "", 9, 0), "9999-12-31T23:59:59Z");
}

/* A scenario's folder with users.csv in it. */
static void write_csv(struct fixture *fixture, const char *text)
{
    char *folder = ds_arena_printf(fixture->arena, "/tmp/test_load_generator.XXXXXX");
    assert_non_null(mkdtemp(folder));
    fixture->reader.folder = folder;
    FILE *stream = fopen(ds_arena_printf(fixture->arena, "%s/users.csv", folder), "w");
    assert_non_null(stream);
    fputs(text, stream);
    fclose(stream);
}

static void remove_csv(const struct fixture *fixture)
{
    unlink(ds_arena_printf(fixture->arena, "%s/users.csv", fixture->reader.folder));
    rmdir(fixture->reader.folder);
}

static const char users_in_turn[] = "{\"users\": {\"kind\": \"csv\", \"file\": \"users.csv\"}}";

static void rows_of_a_csv_come_in_turn_and_their_columns_together(void **state)
{
    struct fixture *fixture = *state;
    write_csv(fixture, "name,word\nann,\"a,b\"\nbob,\nçan,ü\n");
    const bool is_read = read_data(fixture, users_in_turn);
    remove_csv(fixture);
    assert_true(is_read);
    assert_string_equal(value_of(fixture, "name", 0, 0), "ann");
    assert_string_equal(value_of(fixture, "word", 0, 0), "a,b");
    assert_string_equal(value_of(fixture, "word", 1, 0), "");
    assert_string_equal(value_of(fixture, "word", 2, 0), "ü");
    assert_string_equal(value_of(fixture, "name", 3, 0), "ann");
    size_t column = 0;
    assert_false(load_generator_column(fixture->generators.items[0], "", 0, &column));
    assert_false(load_generator_column(fixture->generators.items[0], "Name", 4, &column));
}

static void rows_of_a_csv_at_random_keep_their_columns_together(void **state)
{
    struct fixture *fixture = *state;
    write_csv(fixture, "a,b\n1,1\n2,2\n3,3\n");
    const bool is_read = read_data(
        fixture, "{\"u\": {\"kind\": \"csv\", \"file\": \"users.csv\", \"rows\": \"at random\"}}");
    remove_csv(fixture);
    assert_true(is_read);
    int counts[4] = {0};
    for (uint64_t flow = 0; flow < 300; flow++) {
        const int number = atoi(value_of(fixture, "a", flow, 0));
        assert_int_equal(number, atoi(value_of(fixture, "b", flow, 0)));
        counts[number]++;
    }
    assert_true(counts[1] > 50 && counts[2] > 50 && counts[3] > 50);
}

static void a_bad_csv_is_refused_by_its_line(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"a,b\n1\n", "data.users.file: line 2 has 1 fields, the first one 2"},
        {"a,b\n", "data.users.file: takes a line with the names of the columns and at least one "
                  "row"},
        {"", "data.users.file: takes a line with the names of the columns and at least one row"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_csv(fixture, cases[i].text);
        const bool is_read = read_data(fixture, users_in_turn);
        remove_csv(fixture);
        assert_false(is_read);
        assert_string_equal(fixture->reason, cases[i].reason);
    }
    refused(fixture, "{\"users\": {\"kind\": \"csv\", \"file\": \"/no/such.csv\"}}",
            "data.users.file: \"/no/such.csv\": No such file or directory");
    refused(fixture, "{\"users\": {\"kind\": \"csv\", \"file\": \"/dev/zero\"}}",
            "data.users.file: is no file of at most 16 MiB");
    refused(fixture, "{\"users\": {\"kind\": \"csv\"}}",
            "data.users.file: takes the path of a CSV file");
}

static void what_is_no_generator_is_refused_with_what_would_do(void **state)
{
    struct fixture *fixture = *state;
    refused(fixture, "{\"s\": {\"kind\": \"zpif\"}}",
            "data.s.kind: no \"zpif\"; did you mean \"zipf\"?");
    refused(fixture, "{\"s\": {}}",
            "data.s.kind: is missing: choice, zipf, uniform, sequence, csv, now, time or "
            "random_price");
    refused(fixture, "{\"s\": {\"kind\": \"zipf\", \"count\": 3, \"exponnet\": 1}}",
            "data.s.exponnet: is not known here; did you mean \"exponent\"?");
    refused(fixture, "{\"s\": {\"kind\": \"zipf\"}}",
            "data.s: takes either \"of\", a list of texts, or \"prefix\" and \"count\"");
    refused(fixture, "{\"s\": {\"kind\": \"choice\", \"of\": [\"a\"], \"count\": 3}}",
            "data.s: takes either \"of\", a list of texts, or \"prefix\" and \"count\"");
    refused(fixture, "{\"s\": {\"kind\": \"choice\", \"of\": [\"a\", 3]}}",
            "data.s.of[1]: takes a text in quotes");
    refused(fixture, "{\"s\": {\"kind\": \"zipf\", \"count\": 0}}",
            "data.s.count: takes a whole number from 1 to 1000000");
    refused(fixture, "{\"s\": {\"kind\": \"zipf\", \"count\": 3, \"exponent\": -1}}",
            "data.s.exponent: takes a number from 0 to 10");
    refused(fixture, "{\"s\": {\"kind\": \"uniform\", \"minimum\": 3}}",
            "data.s.minimum: is above the maximum");
    refused(fixture, "{\"s\": {\"kind\": \"uniform\", \"maximum\": 1e12, \"decimals\": 9}}",
            "data.s: such large numbers can't have 9 decimals");
    refused(fixture, "{\"s\": {\"kind\": \"time\", \"start\": \"soon\"}}",
            "data.s.start: takes a time: \"2025-01-25T09:15:00Z\"");
    refused(fixture, "{\"s\": {\"kind\": \"now\", \"offset\": \"1 day\"}}",
            "data.s.offset: takes a duration: \"2m\", \"-1h\"");
    refused(fixture, "{\"s\": {\"kind\": \"now\", \"step\": 5}}",
            "data.s.step: takes a duration in quotes: \"500ms\", \"10s\", \"2m\", \"1h\"");
    refused(fixture, "{\"a.b\": {\"kind\": \"now\"}}",
            "data.a.b: a name has 1 to 63 letters, digits, _ and -");
    refused(fixture, "{\"s\": 5}", "data.s: takes an object {…}");
    refused(fixture, "[]", "data: takes an object {…}");
    refused(fixture,
            "{\"s\": {\"kind\": \"sequence\", \"prefix\": "
            "\"0123456789012345678901234567890123456789012345678\"}}",
            "data.s.prefix: is longer than 48 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_sequence_counts_and_no_two_rows_of_any_flows_share_a_number, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sequence_with_a_prefix_is_a_text, setup, teardown),
        cmocka_unit_test_setup_teardown(uniform_numbers_fill_their_range_and_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(decimals_are_written_as_many_as_were_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(zipf_gives_the_first_value_twice_as_often_as_the_second,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_choice_gives_each_of_its_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_seed_flow_and_row_give_the_same_value, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_random_price_moves_by_little_from_one_to_the_next, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(times_come_in_the_form_that_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_time_beyond_the_calendar_stays_at_its_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rows_of_a_csv_come_in_turn_and_their_columns_together,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(rows_of_a_csv_at_random_keep_their_columns_together, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_bad_csv_is_refused_by_its_line, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_generator_is_refused_with_what_would_do, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
