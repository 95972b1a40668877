/*
 * Files of rows: delimited protobuf and NDJSON. The first byte: bits 0-1 the kind (0: to be found
 * out), bit 2 NDJSON instead of protobuf, bit 3 a product and a symbol for rows that have none.
 */
#include "clients/cli/row_writer.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATH_BYTES_MAX 64

/* A file in memory and the name by which the reader opens it. */
static int file_create(struct ds_bytes content, char path[PATH_BYTES_MAX])
{
    const int descriptor = memfd_create("rows", MFD_CLOEXEC);
    fuzz_require(descriptor >= 0, "a file in memory opens");
    const ssize_t written = content.size == 0 ? 0 : write(descriptor, content.data, content.size);
    fuzz_require(written == (ssize_t)content.size, "it takes the content");
    snprintf(path, PATH_BYTES_MAX, "/proc/self/fd/%d", descriptor);
    return descriptor;
}

static void check_row(const struct row_reader *reader, const struct row *row)
{
    struct ds_wire_error error;
    fuzz_require(ds_wire_check(row_kind_message(row_reader_kind(reader)), row->wire, &error) ==
                     DS_OK,
                 "a row is a sound message of its kind");
}

static void check_fault(const struct row_fault *fault)
{
    fuzz_require(fault->reason[0] != '\0', "a fault says what is wrong");
}

/* Reads to the end; rows go to `copy` where it is not NULL. Returns the number of sound rows. */
static uint64_t read_all(struct row_reader *reader, struct ds_bytes content,
                         struct row_writer *copy)
{
    uint64_t row_count = 0;
    uint64_t place = row_reader_position(reader).offset;
    for (;;) {
        struct row row;
        struct row_fault fault;
        const enum row_result result = row_reader_next(reader, &row, &fault);
        const uint64_t next = row_reader_position(reader).offset;
        fuzz_require(next >= place && next <= content.size, "the reader goes on within the file");
        if (result == ROW_END || result == ROW_FAILED) {
            fuzz_require(result == ROW_FAILED || next == content.size, "the end is the file's end");
            return row_count;
        }
        fuzz_require(next > place, "every result takes something");
        place = next;
        if (result == ROW_DAMAGED) {
            check_fault(&fault);
            continue;
        }
        check_row(reader, &row);
        row_count++;
        if (copy != NULL) {
            fuzz_require(row_writer_add(copy, row.wire) == DS_OK, "a sound row is written");
        }
    }
}

static bool open_reader(const struct row_reader_options *options, struct row_reader **ret_reader)
{
    char reason[ROW_READER_REASON_BYTES_MAX] = "";
    const ds_code code = row_reader_open(options, ret_reader, reason);
    fuzz_require(code == DS_OK || reason[0] != '\0', "a file that is refused is refused with why");
    return code == DS_OK;
}

/* Rows that are written delimited are read as the same rows. */
static void check_round_trip(const struct row_reader_options *options, struct ds_bytes content)
{
    struct row_reader *reader = NULL;
    if (!open_reader(options, &reader) || row_reader_kind(reader) == ROW_KIND_AUTO) {
        row_reader_close(reader);
        return;
    }
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *stream = open_memstream(&text, &text_bytes);
    fuzz_require(stream != NULL, "a stream opens");
    struct row_writer *writer =
        row_writer_create(stream, row_reader_kind(reader), ROW_FORMAT_PROTOBUF, false);
    const uint64_t row_count = read_all(reader, content, writer);
    row_writer_destroy(writer);
    fclose(stream);
    char path[PATH_BYTES_MAX];
    const struct ds_bytes written = ds_bytes_of(text, text_bytes);
    const int descriptor = file_create(written, path);
    struct row_reader_options again = *options;
    again.path = path;
    again.kind = row_reader_kind(reader);
    again.format = ROW_FORMAT_PROTOBUF;
    struct row_reader *second = NULL;
    fuzz_require(open_reader(&again, &second), "what is written opens");
    fuzz_require(read_all(second, written, NULL) == row_count, "what is written has all rows");
    row_reader_close(second);
    row_reader_close(reader);
    close(descriptor);
    free(text);
}

/* Reading on from any place between two rows gives the same as reading through. */
static void check_seek(const struct row_reader_options *options, struct ds_bytes content)
{
    struct row_reader *reader = NULL;
    struct row row;
    struct row_fault fault;
    if (!open_reader(options, &reader) || row_reader_kind(reader) == ROW_KIND_AUTO) {
        row_reader_close(reader);
        return;
    }
    const enum row_result first = row_reader_next(reader, &row, &fault);
    if (first == ROW_READ || first == ROW_DAMAGED) {
        const struct row_place place = row_reader_position(reader);
        const uint64_t row_count = read_all(reader, content, NULL);
        fuzz_require(row_reader_seek(reader, place) == DS_OK, "a file goes back");
        fuzz_require(read_all(reader, content, NULL) == row_count,
                     "reading on from a place gives the same rows");
    }
    row_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FUZZ_BYTES_MAX / 16) {
        return 0;
    }
    char path[PATH_BYTES_MAX];
    const struct ds_bytes content = ds_bytes_of(data + 1, size - 1);
    const int descriptor = file_create(content, path);
    const bool has_names = (data[0] & 8) != 0;
    const struct row_reader_options options = {.path = path,
                                               .kind = (enum row_kind)(data[0] & 3),
                                               .format = (data[0] & 4) != 0 ? ROW_FORMAT_NDJSON
                                                                            : ROW_FORMAT_PROTOBUF,
                                               .product = has_names ? "P" : NULL,
                                               .symbol = has_names ? "S" : NULL};
    check_round_trip(&options, content);
    check_seek(&options, content);
    close(descriptor);
    return 0;
}
