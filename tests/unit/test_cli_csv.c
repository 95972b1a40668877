#include "clients/cli/csv.h"
#include "support/test.h"

#include <stdlib.h>

struct fixture {
    FILE *stream;
    struct csv_reader *reader;
    struct csv_record record;
    const char *reason;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->stream = tmpfile();
    assert_non_null(fixture->stream);
    fixture->reader = csv_reader_create(fixture->stream, ',');
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    csv_reader_destroy(fixture->reader);
    fclose(fixture->stream);
    free(fixture);
    return 0;
}

static void give(struct fixture *fixture, const char *text, size_t bytes)
{
    assert_int_equal(fwrite(text, 1, bytes, fixture->stream), bytes);
    rewind(fixture->stream);
}

static void give_text(struct fixture *fixture, const char *text)
{
    give(fixture, text, strlen(text));
}

static enum csv_result next(struct fixture *fixture)
{
    return csv_reader_next(fixture->reader, &fixture->record, &fixture->reason);
}

/* The next record's fields must be those of `fields`, parted by '|', on that line. */
static void expect(struct fixture *fixture, uint64_t line, const char *fields)
{
    char joined[512] = "";
    size_t used = 0;
    assert_int_equal(next(fixture), CSV_RECORD);
    for (size_t i = 0; i < fixture->record.field_count; i++) {
        const struct ds_bytes field = fixture->record.fields[i];
        assert_true(used + field.size + 2 < sizeof(joined));
        used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%.*s", i == 0 ? "" : "|",
                                 (int)field.size, (const char *)field.data);
    }
    assert_string_equal(joined, fields);
    assert_int_equal(fixture->record.line, line);
}

static void expect_damage(struct fixture *fixture, uint64_t line, const char *reason)
{
    assert_int_equal(next(fixture), CSV_DAMAGED);
    assert_string_equal(fixture->reason, reason);
    assert_int_equal(fixture->record.line, line);
}

static void expect_end(struct fixture *fixture)
{
    assert_int_equal(next(fixture), CSV_END);
}

static void plain_records_are_parted_at_commas_and_line_ends(void **state)
{
    give_text(*state, "a,b,c\n1,,3\n,\n");
    expect(*state, 1, "a|b|c");
    expect(*state, 2, "1||3");
    expect(*state, 3, "|");
    expect_end(*state);
}

static void crlf_ends_a_line_and_a_lone_cr_does_not(void **state)
{
    give_text(*state, "a,b\r\nc\rd,e\r\n");
    expect(*state, 1, "a|b");
    expect(*state, 2, "c\rd|e");
    expect_end(*state);
}

static void the_last_line_needs_no_end(void **state)
{
    give_text(*state, "a,b\nc,d");
    expect(*state, 1, "a|b");
    expect(*state, 2, "c|d");
    expect_end(*state);
}

static void a_byte_order_mark_is_no_part_of_the_first_field(void **state)
{
    give_text(*state, "\xEF\xBB\xBF"
                      "a,b\n");
    expect(*state, 1, "a|b");
    expect_end(*state);
}

static void empty_lines_are_passed_over_and_counted(void **state)
{
    give_text(*state, "\n\r\na\n\nb\n");
    expect(*state, 3, "a");
    expect(*state, 5, "b");
    expect_end(*state);
}

static void an_empty_file_has_no_records(void **state)
{
    give_text(*state, "");
    expect_end(*state);
}

static void quotes_hold_commas_quotes_and_line_breaks(void **state)
{
    give_text(*state, "\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",\"\"\nnext,line\n");
    expect(*state, 1, "a,b|say \"hi\"|two\r\nlines|");
    expect(*state, 3, "next|line");
    expect_end(*state);
}

static void a_quote_that_is_not_closed_costs_one_line(void **state)
{
    give_text(*state, "a,b\n\"open,1\nc,d\n");
    expect(*state, 1, "a|b");
    expect_damage(*state, 2, "a quote is opened and not closed");
    expect(*state, 3, "c|d");
    expect_end(*state);
}

static void text_behind_a_closing_quote_is_damage(void **state)
{
    give_text(*state, "\"a\"b,c\nd,e\n");
    expect_damage(*state, 1, "text follows a closing quote");
    expect(*state, 2, "d|e");
}

static void a_quote_inside_a_plain_field_is_damage(void **state)
{
    give_text(*state, "5\" pipe,c\nd,e\n");
    expect_damage(*state, 1, "a quote stands inside a field that does not begin with one");
    expect(*state, 2, "d|e");
}

static void a_nul_byte_is_damage(void **state)
{
    give(*state, "a\0b,c\nd,e\n", 10);
    expect_damage(*state, 1, "a NUL byte");
    expect(*state, 2, "d|e");
}

static void a_nul_byte_inside_quotes_is_damage(void **state)
{
    give(*state, "\"a\0b\",c\nd,e\n", 12);
    expect_damage(*state, 1, "a NUL byte");
    expect(*state, 2, "d|e");
}

static void more_fields_than_allowed_are_damage(void **state)
{
    char line[CSV_FIELDS_MAX + 16];
    memset(line, ',', CSV_FIELDS_MAX);
    memcpy(line + CSV_FIELDS_MAX, "\nd,e\n", 6);
    give_text(*state, line);
    expect_damage(*state, 1, "more than 256 fields");
    expect(*state, 2, "d|e");
}

static void as_many_fields_as_allowed_are_taken(void **state)
{
    struct fixture *fixture = *state;
    char line[CSV_FIELDS_MAX + 16];
    memset(line, ',', CSV_FIELDS_MAX - 1);
    memcpy(line + CSV_FIELDS_MAX - 1, "\n", 2);
    give_text(fixture, line);
    assert_int_equal(next(fixture), CSV_RECORD);
    assert_int_equal(fixture->record.field_count, CSV_FIELDS_MAX);
}

/* A field of `bytes` letters between two sound rows. */
static void give_long_field(struct fixture *fixture, size_t bytes)
{
    char *text = malloc(bytes + 64);
    assert_non_null(text);
    memcpy(text, "a,b\n", 4);
    memset(text + 4, 'x', bytes);
    memcpy(text + 4 + bytes, "\nc,d\n", 5);
    give(fixture, text, bytes + 9);
    free(text);
}

static void a_record_of_the_greatest_length_is_taken(void **state)
{
    struct fixture *fixture = *state;
    give_long_field(fixture, CSV_RECORD_BYTES_MAX);
    expect(fixture, 1, "a|b");
    assert_int_equal(next(fixture), CSV_RECORD);
    assert_int_equal(fixture->record.fields[0].size, CSV_RECORD_BYTES_MAX);
    expect(fixture, 3, "c|d");
}

static void a_record_one_byte_longer_is_damage(void **state)
{
    give_long_field(*state, CSV_RECORD_BYTES_MAX + 1);
    expect(*state, 1, "a|b");
    expect_damage(*state, 2, "longer than 64 KiB");
    expect(*state, 3, "c|d");
    expect_end(*state);
}

static void a_line_of_many_buffers_is_passed_over_whole(void **state)
{
    give_long_field(*state, (size_t)10 * CSV_RECORD_BYTES_MAX);
    expect(*state, 1, "a|b");
    expect_damage(*state, 2, "longer than 64 KiB");
    expect(*state, 3, "c|d");
    expect_end(*state);
}

static void records_keep_their_lines_over_many_buffers(void **state)
{
    struct fixture *fixture = *state;
    enum { ROWS = 50000 };
    for (int i = 1; i <= ROWS; i++) {
        fprintf(fixture->stream, "%d,\"%d\"\r\n", i, i * 7);
    }
    rewind(fixture->stream);
    for (int i = 1; i <= ROWS; i++) {
        char fields[64];
        snprintf(fields, sizeof(fields), "%d|%d", i, i * 7);
        expect(fixture, (uint64_t)i, fields);
    }
    expect_end(fixture);
}

static void another_delimiter_can_be_chosen(void **state)
{
    struct fixture *fixture = *state;
    csv_reader_destroy(fixture->reader);
    fixture->reader = csv_reader_create(fixture->stream, ';');
    give_text(fixture, "1,5;2\n");
    expect(fixture, 1, "1,5|2");
}

static void a_stream_that_fails_is_told(void **state)
{
    (void)state;
    FILE *folder = fopen("/", "r");
    assert_non_null(folder);
    struct csv_reader *reader = csv_reader_create(folder, ',');
    struct csv_record record;
    const char *reason = NULL;
    assert_int_equal(csv_reader_next(reader, &record, &reason), CSV_UNREADABLE);
    csv_reader_destroy(reader);
    fclose(folder);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(plain_records_are_parted_at_commas_and_line_ends),
        T(crlf_ends_a_line_and_a_lone_cr_does_not),
        T(the_last_line_needs_no_end),
        T(a_byte_order_mark_is_no_part_of_the_first_field),
        T(empty_lines_are_passed_over_and_counted),
        T(an_empty_file_has_no_records),
        T(quotes_hold_commas_quotes_and_line_breaks),
        T(a_quote_that_is_not_closed_costs_one_line),
        T(text_behind_a_closing_quote_is_damage),
        T(a_quote_inside_a_plain_field_is_damage),
        T(a_nul_byte_is_damage),
        T(a_nul_byte_inside_quotes_is_damage),
        T(more_fields_than_allowed_are_damage),
        T(as_many_fields_as_allowed_are_taken),
        T(a_record_of_the_greatest_length_is_taken),
        T(a_record_one_byte_longer_is_damage),
        T(a_line_of_many_buffers_is_passed_over_whole),
        T(records_keep_their_lines_over_many_buffers),
        T(another_delimiter_can_be_chosen),
        T(a_stream_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
