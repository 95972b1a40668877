/*
 * CSV in records. The first byte: bits 0-1 the delimiter, bit 2 lets the stream fail behind the
 * last byte, bit 3 puts a long damaged line in front, so that the bytes lie across the end of the
 * reader's buffer.
 */
#include "clients/cli/csv.h"
#include "ds/buffer.h"
#include "fuzz/fuzz.h"

#include <errno.h>
#include <stdlib.h>

/* What the reader takes from its stream at first. */
#define BUFFER_BYTES (2 * (size_t)CSV_RECORD_BYTES_MAX)

/* What begins a damaged line: the reader passes over the rest of it. */
#define PADDING_BEGIN "\"\"x"

/* A stream of one line of padding, or none, and then bytes. */
struct source {
    size_t padding_bytes;
    struct ds_bytes bytes;
    size_t at;
    bool fails;
};

/* Takes of the padding what there is of it; returns how much. */
static size_t padding_read(struct source *source, char *target, size_t size)
{
    const size_t at = source->at < source->padding_bytes ? source->at : source->padding_bytes;
    const size_t left = source->padding_bytes - at;
    const size_t taken = left < size ? left : size;
    if (taken > 0) {
        memset(target, 'x', taken);
        for (size_t i = at; i < at + taken && i < strlen(PADDING_BEGIN); i++) {
            target[i - at] = PADDING_BEGIN[i];
        }
        target[taken - 1] = taken == left ? '\n' : target[taken - 1];
        source->at += taken;
    }
    return taken;
}

static ssize_t source_read(void *context, char *target, size_t size)
{
    struct source *source = context;
    size_t count = padding_read(source, target, size);
    if (count < size && source->at >= source->padding_bytes) {
        const size_t place = source->at - source->padding_bytes;
        const size_t left = source->bytes.size - place;
        const size_t taken = left < size - count ? left : size - count;
        memcpy(target + count, source->bytes.data + place, taken);
        source->at += taken;
        count += taken;
    }
    if (count == 0 && source->fails) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)count;
}

static FILE *source_open(struct source *source)
{
    FILE *stream = fopencookie(source, "r", (cookie_io_functions_t){.read = source_read});
    fuzz_require(stream != NULL, "a stream opens");
    return stream;
}

/* One record with all fields in quotes is read as one record with these fields. */
static void check_round_trip(const struct csv_record *record, char delimiter)
{
    struct ds_buffer text;
    ds_buffer_init(&text, FUZZ_BYTES_MAX);
    for (size_t i = 0; i < record->field_count; i++) {
        if (i > 0) {
            ds_buffer_append_byte(&text, (uint8_t)delimiter);
        }
        ds_buffer_append_byte(&text, '"');
        for (size_t j = 0; j < record->fields[i].size; j++) {
            const uint8_t byte = record->fields[i].data[j];
            ds_buffer_append(&text, "\"", byte == '"' ? 1 : 0);
            ds_buffer_append_byte(&text, byte);
        }
        ds_buffer_append_byte(&text, '"');
    }
    if (text.size <= CSV_RECORD_BYTES_MAX) {
        struct source source = {.bytes = ds_buffer_bytes(&text)};
        FILE *stream = source_open(&source);
        struct csv_reader *reader = csv_reader_create(stream, delimiter);
        struct csv_record again;
        const char *reason;
        fuzz_require(csv_reader_next(reader, &again, &reason) == CSV_RECORD,
                     "a record that is quoted is a record");
        fuzz_require(again.field_count == record->field_count && again.line == 1,
                     "a record that is quoted has its fields");
        for (size_t i = 0; i < again.field_count; i++) {
            fuzz_require(ds_bytes_equal(again.fields[i], record->fields[i]),
                         "a field that is quoted stays the same");
        }
        fuzz_require(csv_reader_next(reader, &again, &reason) == CSV_END,
                     "a record that is quoted is the only one");
        csv_reader_destroy(reader);
        fclose(stream);
    }
    ds_buffer_deinit(&text);
}

static void check_record(const struct csv_record *record, char delimiter)
{
    size_t bytes = 0;
    fuzz_require(record->field_count >= 1 && record->field_count <= CSV_FIELDS_MAX,
                 "the fields are within their limit");
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ds_bytes field = record->fields[i];
        bytes += field.size;
        fuzz_require(field.size == 0 || memchr(field.data, '\0', field.size) == NULL,
                     "a field has no NUL");
    }
    fuzz_require(bytes <= CSV_RECORD_BYTES_MAX, "a record is within its limit");
    check_round_trip(record, delimiter);
}

/* Reads everything and appends what came behind the padding to `trace`. */
static void read_all(struct source *source, char delimiter, bool check, struct ds_buffer *trace)
{
    FILE *stream = source_open(source);
    struct csv_reader *reader = csv_reader_create(stream, delimiter);
    struct csv_record record;
    const uint64_t padding = source->padding_bytes > 0 ? 1 : 0;
    uint64_t line = 0;
    for (;;) {
        const char *reason = NULL;
        const enum csv_result result = csv_reader_next(reader, &record, &reason);
        if (result == CSV_END || result == CSV_UNREADABLE) {
            fuzz_require((result == CSV_UNREADABLE) == source->fails,
                         "a stream that fails has no end");
            break;
        }
        fuzz_require(record.line > line, "every result begins on a line behind the one before");
        line = record.line;
        if (line <= padding) {
            continue;
        }
        ds_buffer_printf(trace, "%d line %llu ", (int)result, (unsigned long long)(line - padding));
        if (result == CSV_DAMAGED) {
            fuzz_require(reason != NULL && reason[0] != '\0', "damage says what is wrong");
            ds_buffer_append_text(trace, reason);
            continue;
        }
        for (size_t i = 0; i < record.field_count; i++) {
            ds_buffer_printf(trace, " %zu ", record.fields[i].size);
            ds_buffer_append(trace, record.fields[i].data, record.fields[i].size);
        }
        if (check) {
            check_record(&record, delimiter);
        }
    }
    fuzz_require(source->at >= source->padding_bytes + source->bytes.size,
                 "everything is read before the end");
    uint64_t line_count = padding + 1;
    for (size_t i = 0; i < source->bytes.size; i++) {
        line_count += source->bytes.data[i] == '\n';
    }
    fuzz_require(line <= line_count, "there are no more lines than line ends");
    csv_reader_destroy(reader);
    fclose(stream);
}

static void require_same(struct source source, char delimiter, const struct ds_buffer *expected,
                         const char *property)
{
    struct ds_buffer trace;
    ds_buffer_init(&trace, FUZZ_BYTES_MAX);
    read_all(&source, delimiter, false, &trace);
    fuzz_require(ds_bytes_equal(ds_buffer_bytes(expected), ds_buffer_bytes(&trace)), property);
    ds_buffer_deinit(&trace);
}

static bool has_mark(struct ds_bytes bytes)
{
    return bytes.size >= 3 && memcmp(bytes.data, "\xEF\xBB\xBF", 3) == 0;
}

static void check_mark(struct source source, char delimiter, const struct ds_buffer *expected)
{
    struct ds_buffer marked;
    ds_buffer_init(&marked, FUZZ_BYTES_MAX);
    ds_buffer_append_text(&marked, "\xEF\xBB\xBF");
    ds_buffer_append(&marked, source.bytes.data, source.bytes.size);
    source.bytes = ds_buffer_bytes(&marked);
    require_same(source, delimiter, expected, "a byte order mark in front changes nothing");
    ds_buffer_deinit(&marked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FUZZ_BYTES_MAX / 16) {
        return 0;
    }
    const char delimiter = ",;\t|"[data[0] & 3];
    const struct source source = {.bytes = ds_bytes_of(data + 1, size - 1),
                                  .fails = (data[0] & 4) != 0};
    struct ds_buffer trace;
    ds_buffer_init(&trace, FUZZ_BYTES_MAX);
    struct source first = source;
    read_all(&first, delimiter, true, &trace);
    if (!has_mark(source.bytes)) {
        check_mark(source, delimiter, &trace);
    }
    if ((data[0] & 8) != 0 && !has_mark(source.bytes) &&
        size / 2 + sizeof PADDING_BEGIN <= BUFFER_BYTES) {
        struct source moved = source;
        moved.padding_bytes = BUFFER_BYTES - size / 2;
        require_same(moved, delimiter, &trace, "the reader's buffer has no edges");
    }
    ds_buffer_deinit(&trace);
    return 0;
}
