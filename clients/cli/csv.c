#include "clients/cli/csv.h"

#include <stdlib.h>

/* Room for the longest record and for reading ahead behind it. */
#define CSV_BUFFER_BYTES (2 * CSV_RECORD_BYTES_MAX)

struct csv_reader {
    FILE *stream;
    char delimiter;
    bool at_end; /* of the stream */
    bool failed;
    bool started;
    size_t next; /* of the buffer's bytes the first that is not consumed */
    size_t size;
    uint64_t line;   /* that `next` is on */
    uint64_t offset; /* of the buffer's first byte in the stream */
    struct ds_bytes fields[CSV_FIELDS_MAX];
    bool is_quoted[CSV_FIELDS_MAX];
    uint8_t buffer[CSV_BUFFER_BYTES];
};

/* What a look over a record's bytes found; nothing is changed by it. */
struct extent {
    size_t bytes;       /* of the record without its line end */
    size_t end_bytes;   /* of the line end: 0 at the end of the stream, 1 or 2 */
    size_t line_count;  /* line breaks inside quotes */
    const char *damage; /* NULL: none */
};

struct csv_reader *csv_reader_create(FILE *stream, char delimiter)
{
    struct csv_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        abort();
    }
    reader->stream = stream;
    reader->delimiter = delimiter;
    reader->line = 1;
    return reader;
}

void csv_reader_destroy(struct csv_reader *reader)
{
    free(reader);
}

/* Makes as many bytes available as the buffer holds or the stream has. */
static void fill(struct csv_reader *reader)
{
    if (reader->at_end || reader->size - reader->next > CSV_RECORD_BYTES_MAX + 2) {
        return;
    }
    memmove(reader->buffer, reader->buffer + reader->next, reader->size - reader->next);
    reader->size -= reader->next;
    reader->offset += reader->next;
    reader->next = 0;
    const size_t wanted = CSV_BUFFER_BYTES - reader->size;
    const size_t got = fread(reader->buffer + reader->size, 1, wanted, reader->stream);
    reader->size += got;
    if (got < wanted) {
        reader->at_end = true;
        reader->failed = ferror(reader->stream) != 0;
    }
}

static void skip_byte_order_mark(struct csv_reader *reader)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    if (!reader->started && reader->size >= sizeof(mark) &&
        memcmp(reader->buffer, mark, sizeof(mark)) == 0) {
        reader->next = sizeof(mark);
    }
    reader->started = true;
}

enum place {
    FIELD_BEGIN,
    IN_PLAIN,
    IN_QUOTES,
    AFTER_QUOTES,
};

/* The bytes of a line end at `at`, 0 where there is none. A lone CR is no line end. */
static size_t line_end_bytes(const uint8_t *bytes, size_t size, size_t at)
{
    if (bytes[at] == '\n') {
        return 1;
    }
    return bytes[at] == '\r' && at + 1 < size && bytes[at + 1] == '\n' ? 2 : 0;
}

/* Looks at one byte outside quotes; returns the place behind it, or sets the damage. */
static enum place step(const struct csv_reader *reader, enum place place, uint8_t byte,
                       struct extent *extent)
{
    if (byte == (uint8_t)reader->delimiter) {
        return FIELD_BEGIN;
    }
    if (place == AFTER_QUOTES) {
        extent->damage = "text follows a closing quote";
    } else if (byte == '"' && place == FIELD_BEGIN) {
        return IN_QUOTES;
    } else if (byte == '"') {
        extent->damage = "a quote stands inside a field that does not begin with one";
    }
    return IN_PLAIN;
}

static struct extent find_extent(const struct csv_reader *reader)
{
    const uint8_t *bytes = reader->buffer + reader->next;
    const size_t available = reader->size - reader->next;
    struct extent extent = {0};
    enum place place = FIELD_BEGIN;
    size_t at = 0;
    while (at < available && at <= CSV_RECORD_BYTES_MAX && extent.damage == NULL) {
        const size_t end_bytes = line_end_bytes(bytes, available, at);
        if (bytes[at] == '\0') {
            extent.damage = "a NUL byte";
        } else if (place == IN_QUOTES) {
            extent.line_count += bytes[at] == '\n';
            place = bytes[at] == '"' ? AFTER_QUOTES : IN_QUOTES;
        } else if (place == AFTER_QUOTES && bytes[at] == '"') {
            place = IN_QUOTES;
        } else if (end_bytes > 0) {
            extent.bytes = at;
            extent.end_bytes = end_bytes;
            return extent;
        } else {
            place = step(reader, place, bytes[at], &extent);
        }
        at++;
    }
    extent.bytes = at;
    if (extent.damage == NULL && place == IN_QUOTES) {
        extent.damage = "a quote is opened and not closed";
    } else if (extent.damage == NULL && at > CSV_RECORD_BYTES_MAX) {
        extent.damage = "longer than 64 KiB";
    }
    return extent;
}

/* Passes over the rest of the line that `next` is on, however long it is. */
static void skip_line(struct csv_reader *reader)
{
    for (;;) {
        uint8_t *begin = reader->buffer + reader->next;
        const uint8_t *end = memchr(begin, '\n', reader->size - reader->next);
        if (end != NULL) {
            reader->next += (size_t)(end - begin) + 1;
            reader->line++;
            return;
        }
        reader->next = reader->size;
        if (reader->at_end) {
            return;
        }
        fill(reader);
    }
}

/* Takes the field at `at` out of its quotes, in place; returns the place of the delimiter or end.
 */
static size_t take_field(struct csv_reader *reader, uint8_t *bytes, size_t size, size_t at,
                         struct ds_bytes *ret_field)
{
    if (at == size || bytes[at] != '"') {
        const uint8_t *delimiter = memchr(bytes + at, reader->delimiter, size - at);
        const size_t end = delimiter == NULL ? size : (size_t)(delimiter - bytes);
        *ret_field = ds_bytes_of(bytes + at, end - at);
        return end;
    }
    uint8_t *target = bytes + at;
    const uint8_t *begin = target;
    for (at++; bytes[at] != '"' || (at + 1 < size && bytes[at + 1] == '"'); at++) {
        at += bytes[at] == '"';
        *target++ = bytes[at];
    }
    *ret_field = ds_bytes_of(begin, (size_t)(target - begin));
    return at + 1;
}

/* Parts a sound record into fields; false where it has too many. */
static bool split(struct csv_reader *reader, size_t size, struct csv_record *ret_record)
{
    uint8_t *bytes = reader->buffer + reader->next;
    size_t count = 0;
    size_t at = 0;
    for (;;) {
        if (count == CSV_FIELDS_MAX) {
            return false;
        }
        reader->is_quoted[count] = at < size && bytes[at] == '"';
        at = take_field(reader, bytes, size, at, &reader->fields[count++]);
        if (at == size) {
            break;
        }
        at++;
    }
    *ret_record = (struct csv_record){.fields = reader->fields,
                                      .is_quoted = reader->is_quoted,
                                      .field_count = count,
                                      .line = reader->line,
                                      .offset = reader->offset + reader->next};
    return true;
}

static enum csv_result tell_damage(struct csv_reader *reader, const char *damage,
                                   struct csv_record *ret_record, const char **ret_reason)
{
    *ret_record =
        (struct csv_record){.line = reader->line, .offset = reader->offset + reader->next};
    *ret_reason = damage;
    skip_line(reader);
    return CSV_DAMAGED;
}

enum csv_result csv_reader_next(struct csv_reader *reader, struct csv_record *ret_record,
                                const char **ret_reason)
{
    for (;;) {
        fill(reader);
        skip_byte_order_mark(reader);
        if (reader->next == reader->size) {
            return reader->failed ? CSV_UNREADABLE : CSV_END;
        }
        const struct extent extent = find_extent(reader);
        if (reader->failed && reader->next + extent.bytes == reader->size) {
            return CSV_UNREADABLE;
        }
        if (extent.damage != NULL) {
            return tell_damage(reader, extent.damage, ret_record, ret_reason);
        }
        const bool is_empty = extent.bytes == 0;
        if (!is_empty && !split(reader, extent.bytes, ret_record)) {
            return tell_damage(reader, "more than 256 fields", ret_record, ret_reason);
        }
        reader->next += extent.bytes + extent.end_bytes;
        reader->line += extent.line_count + (extent.end_bytes > 0);
        if (!is_empty) {
            return CSV_RECORD;
        }
    }
}

void csv_reader_place(const struct csv_reader *reader, uint64_t *ret_line, uint64_t *ret_offset)
{
    *ret_line = reader->line;
    *ret_offset = reader->offset + reader->next;
}

bool csv_reader_seek(struct csv_reader *reader, uint64_t line, uint64_t offset)
{
    if (fseeko(reader->stream, (off_t)offset, SEEK_SET) != 0) {
        return false;
    }
    reader->at_end = false;
    reader->failed = false;
    reader->started = true;
    reader->next = 0;
    reader->size = 0;
    reader->line = line;
    reader->offset = offset;
    return true;
}
