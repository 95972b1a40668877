#include "clients/cli/row_reader.h"
#include "clients/cli/row_writer.h"
#include "ds/json.h"
#include "support/test.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct ds_json_style style = {.proto_names = true, .int64_numbers = true};

struct fixture {
    int descriptor;
    char path[64];
    struct row_reader_options options;
    struct row_reader *reader;
    struct row row;
    struct row_fault fault;
    struct ds_buffer text;
    char reason[ROW_READER_REASON_BYTES_MAX];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->descriptor = memfd_create("rows", MFD_CLOEXEC);
    snprintf(fixture->path, sizeof(fixture->path), "/proc/self/fd/%d", fixture->descriptor);
    fixture->options.path = fixture->path;
    ds_buffer_init(&fixture->text, 65536);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    row_reader_close(fixture->reader);
    ds_buffer_deinit(&fixture->text);
    close(fixture->descriptor);
    free(fixture);
    return 0;
}

static ds_code open_bytes(struct fixture *fixture, const void *bytes, size_t size)
{
    assert_int_equal(ftruncate(fixture->descriptor, 0), 0);
    assert_int_equal(pwrite(fixture->descriptor, bytes, size, 0), (ssize_t)size);
    row_reader_close(fixture->reader);
    fixture->reader = NULL;
    return row_reader_open(&fixture->options, &fixture->reader, fixture->reason);
}

static ds_code open_text(struct fixture *fixture, const char *text)
{
    return open_bytes(fixture, text, strlen(text));
}

static enum row_result next(struct fixture *fixture)
{
    return row_reader_next(fixture->reader, &fixture->row, &fixture->fault);
}

static void expect_row(struct fixture *fixture, const char *json)
{
    assert_int_equal(next(fixture), ROW_READ);
    ds_buffer_clear(&fixture->text);
    assert_int_equal(ds_wire_to_json(row_kind_message(row_reader_kind(fixture->reader)),
                                     fixture->row.wire, &style, &fixture->text),
                     DS_OK);
    ds_buffer_append_byte(&fixture->text, '\0');
    assert_string_equal((const char *)fixture->text.data, json);
}

static void the_format_follows_from_the_beginning(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_text(fixture, " \n{\"price\":1}"), DS_OK);
    assert_int_equal(row_reader_format(fixture->reader), ROW_FORMAT_NDJSON);
    assert_int_equal(open_text(fixture, "timestamp,price,product\n"), DS_OK);
    assert_int_equal(row_reader_format(fixture->reader), ROW_FORMAT_CSV);
    fixture->options.kind = ROW_KIND_TICKS;
    assert_int_equal(open_bytes(fixture, "{\n\x01X", 4), DS_OK);
    assert_int_equal(row_reader_format(fixture->reader), ROW_FORMAT_PROTOBUF);
    assert_int_equal(open_bytes(fixture, "a\0b", 3), DS_OK);
    assert_int_equal(row_reader_format(fixture->reader), ROW_FORMAT_PROTOBUF);
}

static void the_format_follows_from_the_names_end(void **state)
{
    (void)state;
    assert_int_equal(row_format_of_path("a/b.CSV"), ROW_FORMAT_CSV);
    assert_int_equal(row_format_of_path("b.ticks.jsonl"), ROW_FORMAT_NDJSON);
    assert_int_equal(row_format_of_path("x.pb"), ROW_FORMAT_PROTOBUF);
    assert_int_equal(row_format_of_path("x.csv/y"), ROW_FORMAT_AUTO);
    assert_int_equal(row_format_of_path("csv"), ROW_FORMAT_AUTO);
}

static void a_row_has_its_line_and_its_offset(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_text(fixture, "\n{\"price\":1}\r\n\n{\"price\":2}"), DS_OK);
    expect_row(fixture, "{\"price\":1}");
    assert_int_equal(fixture->row.place.line, 2);
    assert_int_equal(fixture->row.place.offset, 1);
    const struct row_place place = row_reader_position(fixture->reader);
    assert_int_equal(place.line, 3);
    assert_int_equal(place.offset, 14);
    expect_row(fixture, "{\"price\":2}");
    assert_int_equal(fixture->row.place.line, 4);
    assert_int_equal(next(fixture), ROW_END);
    assert_int_equal(row_reader_seek(fixture->reader, place), DS_OK);
    expect_row(fixture, "{\"price\":2}");
    assert_int_equal(fixture->row.place.line, 4);
}

static void a_csv_row_is_found_again_by_its_place(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_text(fixture, "timestamp,price,product\n2025-01-25,1,\"X\nY\"\n"
                                        "2025-01-26,2,Z\n2025-01-27,oops,Z\n"),
                     DS_OK);
    const struct row_place begin = row_reader_position(fixture->reader);
    assert_int_equal(begin.line, 2);
    assert_int_equal(next(fixture), ROW_READ);
    const struct row_place place = row_reader_position(fixture->reader);
    assert_int_equal(place.line, 4);
    expect_row(fixture, "{\"product\":\"Z\",\"price\":2,\"timestamp\":\"2025-01-26T00:00:00Z\"}");
    assert_int_equal(next(fixture), ROW_DAMAGED);
    assert_int_equal(fixture->fault.place.line, 5);
    assert_string_equal(fixture->fault.field, "price");
    assert_int_equal(row_reader_seek(fixture->reader, place), DS_OK);
    expect_row(fixture, "{\"product\":\"Z\",\"price\":2,\"timestamp\":\"2025-01-26T00:00:00Z\"}");
}

static void a_first_csv_line_that_is_a_row_is_one(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.map = "timestamp=0,price=1";
    fixture->options.product = "X";
    assert_int_equal(open_text(fixture, "\"2025-01-25\",1\n2025-01-26,2\n"), DS_OK);
    assert_int_equal(row_reader_position(fixture->reader).offset, 0);
    expect_row(fixture, "{\"product\":\"X\",\"price\":1,\"timestamp\":\"2025-01-25T00:00:00Z\"}");
    assert_int_equal(fixture->row.place.line, 1);
    assert_int_equal(row_reader_seek(fixture->reader, (struct row_place){.line = 1}), DS_OK);
    expect_row(fixture, "{\"product\":\"X\",\"price\":1,\"timestamp\":\"2025-01-25T00:00:00Z\"}");
}

static void the_kind_of_an_empty_file_stays_open(void **state)
{
    struct fixture *fixture = *state;
    for (int format = ROW_FORMAT_AUTO; format <= ROW_FORMAT_PROTOBUF; format++) {
        fixture->options.format = (enum row_format)format;
        assert_int_equal(open_text(fixture, ""), DS_OK);
        assert_int_equal(row_reader_kind(fixture->reader), ROW_KIND_AUTO);
        assert_int_equal(next(fixture), ROW_END);
    }
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.path = "/dev/null/rows";
    assert_int_equal(row_reader_open(&fixture->options, &fixture->reader, fixture->reason),
                     DS_NOT_FOUND);
    assert_non_null(strstr(fixture->reason, "/dev/null/rows"));
}

static void a_pipe_is_looked_at_and_read_from_its_beginning(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "{\"symbol\":\"S\"}", 14), 14);
    close(ends[1]);
    snprintf(fixture->path, sizeof(fixture->path), "/proc/self/fd/%d", ends[0]);
    assert_int_equal(row_reader_open(&fixture->options, &fixture->reader, fixture->reason), DS_OK);
    close(ends[0]);
    assert_int_equal(row_reader_kind(fixture->reader), ROW_KIND_QUOTES);
    expect_row(fixture, "{\"symbol\":\"S\"}");
    assert_int_equal(next(fixture), ROW_END);
    assert_int_equal(row_reader_seek(fixture->reader, (struct row_place){.line = 1}),
                     DS_UNAVAILABLE);
}

/* Writes the text's rows as CSV and reads them back. */
static void expect_csv(struct fixture *fixture, const char *ndjson, const char *csv)
{
    char *written = NULL;
    size_t written_bytes = 0;
    fixture->options.kind = ROW_KIND_QUOTES;
    fixture->options.format = ROW_FORMAT_NDJSON;
    assert_int_equal(open_text(fixture, ndjson), DS_OK);
    assert_int_equal(next(fixture), ROW_READ);
    FILE *stream = open_memstream(&written, &written_bytes);
    struct row_writer *writer = row_writer_create(stream, ROW_KIND_QUOTES, ROW_FORMAT_CSV, false);
    assert_int_equal(row_writer_add(writer, fixture->row.wire), DS_OK);
    row_writer_destroy(writer);
    fclose(stream);
    const char *line = strchr(written, '\n') + 1;
    assert_string_equal(line, csv);
    fixture->options.format = ROW_FORMAT_CSV;
    assert_int_equal(open_bytes(fixture, written, written_bytes), DS_OK);
    expect_row(fixture, ndjson);
    free(written);
}

static void an_empty_text_and_blanks_survive_csv(void **state)
{
    struct fixture *fixture = *state;
    expect_csv(fixture,
               "{\"symbol\":\"S\",\"timestamp\":\"2025-01-25T00:00:00Z\",\"exchange\":\"\"}",
               "S,,,,,,,,,,,,,,,2025-01-25T00:00:00Z,,,,\"\"\n");
    expect_csv(fixture, "{\"symbol\":\" S \",\"timestamp\":\"2025-01-25T00:00:00Z\",\"bid_qty\":7}",
               "\" S \",,,,,,,,,,,,,,,2025-01-25T00:00:00Z,,7,,\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_format_follows_from_the_beginning),
        T(the_format_follows_from_the_names_end),
        T(a_row_has_its_line_and_its_offset),
        T(a_csv_row_is_found_again_by_its_place),
        T(a_first_csv_line_that_is_a_row_is_one),
        T(the_kind_of_an_empty_file_stays_open),
        T(a_file_that_is_not_there_is_named),
        T(a_pipe_is_looked_at_and_read_from_its_beginning),
        T(an_empty_text_and_blanks_survive_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
