#include "clients/cli/table.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static const struct table_column columns[] = {
    {.name = "name"}, {.name = "text"}, {.name = "number", .is_number = true}, {.name = "empty"}};

/* A table of one row of the three values, in lines of `width` characters. */
static void expect(size_t width, const char *name, const char *text, const char *number,
                   const char *shown)
{
    char *written = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&written, &bytes);
    assert_non_null(stream);
    const struct table_options options = {.columns = columns, .column_count = 4, .width = width};
    struct table *table = table_create(stream, &options);
    table_row(table);
    table_cell(table, 0, ds_bytes_of_text(name));
    table_cell(table, 1, ds_bytes_of_text(text));
    table_cell(table, 2, ds_bytes_of_text(number));
    table_destroy(table);
    fclose(stream);
    assert_string_equal(written, shown);
    free(written);
}

static void without_a_width_nothing_is_cut(void **state)
{
    (void)state;
    expect(0, "a", "a long text that says much", "12345678",
           "name  text                          number\n"
           "a     a long text that says much  12345678\n");
}

static void the_widest_text_is_cut_until_the_line_fits(void **state)
{
    (void)state;
    expect(30, "a", "a long text that says much", "12345678",
           "name  text              number\n"
           "a     a long text t\xE2\x80\xA6  12345678\n");
}

static void columns_that_do_not_fit_are_left_out_from_the_right(void **state)
{
    (void)state;
    expect(20, "a", "abcdefgh", "1234567890123456",
           "name  text      \xE2\x80\xA6\n"
           "a     abcdefgh\n");
    expect(3, "a", "abcdefgh", "1234567890123456",
           "name  \xE2\x80\xA6\n"
           "a\n");
}

static void characters_of_several_bytes_are_one_wide_and_stay_whole(void **state)
{
    (void)state;
    expect(0, "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", "b", "1",
           "name   text  number\n"
           "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9  b          1\n");
    expect(26,
           "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3"
           "\xA9\xC3\xA9\xC3\xA9\xC3\xA9",
           "b", "1",
           "name          text  number\n"
           "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3"
           "\xA9\xE2\x80\xA6  b          1\n");
}

static void a_huge_cell_is_bounded(void **state)
{
    (void)state;
    const size_t size = 200 * 1024;
    char *huge = malloc(size + 1);
    assert_non_null(huge);
    memset(huge, 'x', size);
    huge[size] = '\0';
    expect(26, "a", huge, "1",
           "name  text          number\n"
           "a     xxxxxxxxxxx\xE2\x80\xA6       1\n");
    free(huge);
}

static void a_stream_that_is_no_terminal_has_no_width_and_no_bold(void **state)
{
    (void)state;
    FILE *stream = tmpfile();
    assert_non_null(stream);
    assert_int_equal(table_terminal_width(stream), 0);
    assert_false(table_terminal_is_bold(stream));
    fclose(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_width_nothing_is_cut),
        cmocka_unit_test(the_widest_text_is_cut_until_the_line_fits),
        cmocka_unit_test(columns_that_do_not_fit_are_left_out_from_the_right),
        cmocka_unit_test(characters_of_several_bytes_are_one_wide_and_stay_whole),
        cmocka_unit_test(a_huge_cell_is_bounded),
        cmocka_unit_test(a_stream_that_is_no_terminal_has_no_width_and_no_bold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
