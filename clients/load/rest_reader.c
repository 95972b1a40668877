#include "clients/load/rest_reader.h"

#include <strings.h>

#define CHUNK_LINE_BYTES_MAX 1024

void load_rest_reader_init(struct load_rest_reader *reader)
{
    *reader = (struct load_rest_reader){.part = LOAD_REST_HEAD};
    ds_buffer_init(&reader->line, LOAD_REST_HEAD_BYTES_MAX);
    ds_buffer_init(&reader->body, LOAD_REST_BODY_BYTES_MAX);
}

void load_rest_reader_deinit(struct load_rest_reader *reader)
{
    ds_buffer_deinit(&reader->line);
    ds_buffer_deinit(&reader->body);
}

void load_rest_reader_begin(struct load_rest_reader *reader, bool has_no_body, bool keeps_body)
{
    reader->part = LOAD_REST_HEAD;
    reader->has_no_body = has_no_body;
    reader->keeps_body = keeps_body;
    reader->body_bytes = 0;
    ds_buffer_clear(&reader->line);
    ds_buffer_clear(&reader->body);
}

static bool is_digit(uint8_t character)
{
    return character >= '0' && character <= '9';
}

/* "HTTP/1.1 200 OK". */
static bool status_line_read(struct load_rest_reader *reader, struct ds_bytes line)
{
    static const char version[] = "HTTP/1.";
    if (line.size < 12 || memcmp(line.data, version, sizeof version - 1) != 0 ||
        (line.data[7] != '0' && line.data[7] != '1') || line.data[8] != ' ' ||
        !is_digit(line.data[9]) || !is_digit(line.data[10]) || !is_digit(line.data[11]) ||
        (line.size > 12 && line.data[12] != ' ')) {
        return false;
    }
    reader->status =
        (uint16_t)((line.data[9] - '0') * 100 + (line.data[10] - '0') * 10 + (line.data[11] - '0'));
    reader->keeps_connection = line.data[7] == '1';
    return reader->status >= 100;
}

static bool number_read(struct ds_bytes text, int64_t *ret_number)
{
    int64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.data[i]) || number > LOAD_REST_BODY_BYTES_MAX) {
            return false;
        }
        number = number * 10 + (text.data[i] - '0');
    }
    *ret_number = number;
    return text.size > 0 && number <= LOAD_REST_BODY_BYTES_MAX;
}

/* What frames the answer. */
struct framing {
    bool has_length;
    bool is_chunked;
    int64_t length;
};

static bool equals_ignoring_case(struct ds_bytes text, const char *other)
{
    return text.size == strlen(other) &&
           strncasecmp((const char *)text.data, other, text.size) == 0;
}

static bool field_read(struct load_rest_reader *reader, struct ds_bytes name, struct ds_bytes value,
                       struct framing *framing)
{
    if (equals_ignoring_case(name, "content-length")) {
        int64_t length = 0;
        if (!number_read(value, &length) || (framing->has_length && framing->length != length)) {
            return false;
        }
        framing->has_length = true;
        framing->length = length;
    } else if (equals_ignoring_case(name, "transfer-encoding")) {
        framing->is_chunked = true;
        return equals_ignoring_case(value, "chunked");
    } else if (equals_ignoring_case(name, "connection")) {
        if (equals_ignoring_case(value, "close")) {
            reader->keeps_connection = false;
        } else if (equals_ignoring_case(value, "keep-alive")) {
            reader->keeps_connection = true;
        }
    }
    return true;
}

static struct ds_bytes trimmed(const uint8_t *begin, const uint8_t *end)
{
    while (begin != end && (*begin == ' ' || *begin == '\t')) {
        begin++;
    }
    while (end != begin && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    return ds_bytes_of(begin, (size_t)(end - begin));
}

/* The next line of a head, which ends with an empty line; false where it has no CR before its LF.
 */
static bool line_take(struct ds_bytes *head, struct ds_bytes *ret_line)
{
    const uint8_t *end = memchr(head->data, '\n', head->size);
    if (end == NULL || end == head->data || end[-1] != '\r') {
        return false;
    }
    *ret_line = ds_bytes_of(head->data, (size_t)(end - 1 - head->data));
    *head = ds_bytes_of(end + 1, head->size - (size_t)(end + 1 - head->data));
    return true;
}

/* The whole head with the empty line. */
static bool head_read(struct load_rest_reader *reader, struct ds_bytes head,
                      struct framing *ret_framing)
{
    struct ds_bytes line;
    struct framing framing = {.has_length = false};
    if (!line_take(&head, &line) || !status_line_read(reader, line)) {
        return false;
    }
    while (line_take(&head, &line) && line.size > 0) {
        const uint8_t *colon = memchr(line.data, ':', line.size);
        if (colon == NULL ||
            !field_read(reader, ds_bytes_of(line.data, (size_t)(colon - line.data)),
                        trimmed(colon + 1, line.data + line.size), &framing)) {
            return false;
        }
    }
    *ret_framing = framing;
    return line.size == 0 && head.size == 0 && !(framing.has_length && framing.is_chunked);
}

/* Behind the head: LOAD_REST_END where there is no body. */
static enum load_rest_event body_begin(struct load_rest_reader *reader,
                                       const struct framing *framing)
{
    if (reader->status < 200) {
        reader->part = LOAD_REST_HEAD; /* The answer itself comes behind this one. */
        return reader->status == 101 ? LOAD_REST_WRONG : LOAD_REST_MORE;
    }
    if (reader->has_no_body || reader->status == 204 || reader->status == 304) {
        return LOAD_REST_END;
    }
    if (framing->is_chunked) {
        reader->part = LOAD_REST_CHUNK_SIZE;
        return LOAD_REST_MORE;
    }
    if (framing->has_length) {
        reader->part = LOAD_REST_BODY;
        reader->left = framing->length;
        return framing->length == 0 ? LOAD_REST_END : LOAD_REST_MORE;
    }
    reader->part = LOAD_REST_UNTIL_CLOSE;
    reader->keeps_connection = false;
    return LOAD_REST_MORE;
}

/*
 * Takes bytes up to and with `end_text`, which comes once; what came in pieces is gathered in
 * reader->line. False where the end is not there yet, and all is taken.
 */
static bool stretch_take(struct load_rest_reader *reader, struct ds_bytes *bytes,
                         const char *end_text, struct ds_bytes *ret_stretch)
{
    const size_t end_size = strlen(end_text);
    if (reader->line.size == 0) {
        const uint8_t *end = memmem(bytes->data, bytes->size, end_text, end_size);
        if (end != NULL) {
            const size_t size = (size_t)(end - bytes->data) + end_size;
            *ret_stretch = ds_bytes_of(bytes->data, size);
            *bytes = ds_bytes_of(bytes->data + size, bytes->size - size);
            return true;
        }
    }
    const size_t before = reader->line.size;
    ds_buffer_append(&reader->line, bytes->data, bytes->size);
    const size_t from = before < end_size ? 0 : before - (end_size - 1);
    const uint8_t *end =
        reader->line.overflow
            ? NULL
            : memmem(reader->line.data + from, reader->line.size - from, end_text, end_size);
    if (end == NULL) {
        *bytes = ds_bytes_of(bytes->data + bytes->size, 0);
        return false;
    }
    const size_t size = (size_t)(end - reader->line.data) + end_size;
    const size_t taken = size - before;
    *ret_stretch = ds_bytes_of(reader->line.data, size);
    *bytes = ds_bytes_of(bytes->data + taken, bytes->size - taken);
    return true;
}

static enum load_rest_event take_head(struct load_rest_reader *reader, struct ds_bytes *bytes)
{
    struct ds_bytes head;
    struct framing framing;
    if (!stretch_take(reader, bytes, "\r\n\r\n", &head)) {
        return reader->line.overflow ? LOAD_REST_WRONG : LOAD_REST_MORE;
    }
    if (head.size > LOAD_REST_HEAD_BYTES_MAX || !head_read(reader, head, &framing)) {
        return LOAD_REST_WRONG;
    }
    ds_buffer_clear(&reader->line);
    return body_begin(reader, &framing);
}

/* Takes what is there of the body; false where it is larger than one may be. */
static bool take_content(struct load_rest_reader *reader, struct ds_bytes *bytes, int64_t at_most)
{
    const size_t size = (int64_t)bytes->size < at_most ? bytes->size : (size_t)at_most;
    reader->body_bytes += (int64_t)size;
    if (reader->body_bytes > LOAD_REST_BODY_BYTES_MAX) {
        return false;
    }
    if (reader->keeps_body) {
        ds_buffer_append(&reader->body, bytes->data, size);
    }
    reader->left -= (int64_t)size;
    *bytes = ds_bytes_of(bytes->data + size, bytes->size - size);
    return true;
}

static int hexadecimal(uint8_t character)
{
    if (is_digit(character)) {
        return character - '0';
    }
    const uint8_t lower = character | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The size in front of extensions and the line's end. */
static bool chunk_size_read(struct ds_bytes line, int64_t *ret_size)
{
    int64_t size = 0;
    size_t digits = 0;
    while (digits < line.size && hexadecimal(line.data[digits]) >= 0) {
        size = size * 16 + hexadecimal(line.data[digits]);
        digits++;
        if (size > LOAD_REST_BODY_BYTES_MAX) {
            return false;
        }
    }
    *ret_size = size;
    const uint8_t behind = line.data[digits];
    return digits > 0 && (behind == '\r' || behind == ';' || behind == ' ' || behind == '\t');
}

static enum load_rest_event take_chunk_line(struct load_rest_reader *reader, struct ds_bytes *bytes)
{
    struct ds_bytes line;
    if (!stretch_take(reader, bytes, "\r\n", &line)) {
        return reader->line.size > CHUNK_LINE_BYTES_MAX ? LOAD_REST_WRONG : LOAD_REST_MORE;
    }
    const bool is_wrong = line.size > CHUNK_LINE_BYTES_MAX;
    enum load_rest_event event = LOAD_REST_MORE;
    if (reader->part == LOAD_REST_CHUNK_SIZE) {
        event = chunk_size_read(line, &reader->left) ? LOAD_REST_MORE : LOAD_REST_WRONG;
        reader->part = reader->left > 0 ? LOAD_REST_CHUNK : LOAD_REST_TRAILER;
    } else if (reader->part == LOAD_REST_CHUNK_END) {
        event = line.size == 2 ? LOAD_REST_MORE : LOAD_REST_WRONG;
        reader->part = LOAD_REST_CHUNK_SIZE;
    } else if (line.size == 2) {
        event = LOAD_REST_END;
    }
    ds_buffer_clear(&reader->line);
    return is_wrong ? LOAD_REST_WRONG : event;
}

static enum load_rest_event take_part(struct load_rest_reader *reader, struct ds_bytes *bytes)
{
    switch (reader->part) {
    case LOAD_REST_HEAD:
        return take_head(reader, bytes);
    case LOAD_REST_BODY:
        if (!take_content(reader, bytes, reader->left)) {
            return LOAD_REST_WRONG;
        }
        return reader->left == 0 ? LOAD_REST_END : LOAD_REST_MORE;
    case LOAD_REST_CHUNK:
        if (!take_content(reader, bytes, reader->left)) {
            return LOAD_REST_WRONG;
        }
        reader->part = reader->left == 0 ? LOAD_REST_CHUNK_END : LOAD_REST_CHUNK;
        return LOAD_REST_MORE;
    case LOAD_REST_UNTIL_CLOSE:
        return take_content(reader, bytes, INT64_MAX) ? LOAD_REST_MORE : LOAD_REST_WRONG;
    case LOAD_REST_CHUNK_SIZE:
    case LOAD_REST_CHUNK_END:
    case LOAD_REST_TRAILER:
        break;
    }
    return take_chunk_line(reader, bytes);
}

enum load_rest_event load_rest_reader_take(struct load_rest_reader *reader, struct ds_bytes bytes,
                                           size_t *ret_used)
{
    struct ds_bytes left = bytes;
    enum load_rest_event event = LOAD_REST_MORE;
    while (event == LOAD_REST_MORE && left.size > 0) {
        event = take_part(reader, &left);
    }
    *ret_used = bytes.size - left.size;
    return event;
}

enum load_rest_event load_rest_reader_close(struct load_rest_reader *reader)
{
    return reader->part == LOAD_REST_UNTIL_CLOSE ? LOAD_REST_END : LOAD_REST_WRONG;
}
