#include "fuzz/http_replies.h"

#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define STATUS_SWITCHING 101

struct reading {
    struct ds_bytes text; /* what is left */
    bool may_be_cut;
};

/* Whether the text ends too early, which it then must be allowed to. */
static bool is_cut(const struct reading *reading, bool is_missing)
{
    fuzz_require(!is_missing || reading->may_be_cut, "a reply comes whole");
    return is_missing;
}

static void skip(struct reading *reading, size_t size)
{
    reading->text = ds_bytes_of(reading->text.data + size, reading->text.size - size);
}

/* Takes a line without its end off the front; false where the text ends within it. */
static bool next_line(struct reading *reading, struct ds_bytes *ret_line)
{
    const uint8_t *end =
        reading->text.size == 0 ? NULL : memmem(reading->text.data, reading->text.size, "\r\n", 2);
    if (is_cut(reading, end == NULL)) {
        return false;
    }
    *ret_line = ds_bytes_of(reading->text.data, (size_t)(end - reading->text.data));
    skip(reading, ret_line->size + 2);
    return true;
}

struct head {
    int status;
    size_t length;
    bool has_length;
    bool is_chunked;
};

static bool has_prefix(struct ds_bytes line, const char *prefix)
{
    return line.size >= strlen(prefix) && memcmp(line.data, prefix, strlen(prefix)) == 0;
}

static bool read_head(struct reading *reading, struct head *ret_head)
{
    static const char length[] = "Content-Length: ";
    struct head head = {.status = 0};
    struct ds_bytes line = {.size = 0};
    if (!next_line(reading, &line)) {
        return false;
    }
    fuzz_require(line.size >= strlen("HTTP/1.1 200") && has_prefix(line, "HTTP/1.1 "),
                 "a reply begins with its status line");
    head.status = (int)strtol((const char *)line.data + strlen("HTTP/1.1 "), NULL, 10);
    do {
        if (!next_line(reading, &line)) {
            return false;
        }
        if (has_prefix(line, length)) {
            head.has_length = true;
            head.length = (size_t)strtoul((const char *)line.data + strlen(length), NULL, 10);
        }
        head.is_chunked = head.is_chunked || has_prefix(line, "Transfer-Encoding: chunked");
    } while (line.size > 0);
    *ret_head = head;
    return true;
}

static bool read_whole(struct reading *reading, const struct head *head, size_t number)
{
    char text[32];
    const size_t size = (size_t)snprintf(text, sizeof text, "%zu", number);
    fuzz_require(head->has_length && !head->is_chunked && head->length == size,
                 "a whole reply has a length");
    if (is_cut(reading, reading->text.size < size)) {
        return false;
    }
    fuzz_require(memcmp(reading->text.data, text, size) == 0,
                 "replies come in the order of their requests");
    skip(reading, size);
    return true;
}

/* Takes `size` bytes of the stream, or all that are left; returns how many. */
static size_t read_stream_bytes(struct reading *reading, size_t number, uint64_t at, size_t size)
{
    const size_t taken = reading->text.size < size ? reading->text.size : size;
    for (size_t i = 0; i < taken; i++) {
        fuzz_require(reading->text.data[i] == http_stream_byte(number, at + i),
                     "a stream's bytes come whole and in their order");
    }
    skip(reading, taken);
    return taken;
}

/* Takes chunks up to the last one. */
static bool read_chunks(struct reading *reading, const struct http_expected *expected,
                        size_t number)
{
    uint64_t at = 0;
    struct ds_bytes line = {.size = 0};
    while (next_line(reading, &line)) {
        const size_t size = (size_t)strtoul((const char *)line.data, NULL, 16);
        const size_t taken = read_stream_bytes(reading, number, at, size);
        at += taken;
        if (is_cut(reading, taken < size || reading->text.size < 2)) {
            return false;
        }
        fuzz_require(memcmp(reading->text.data, "\r\n", 2) == 0, "a chunk is as long as it says");
        skip(reading, 2);
        if (size == 0) {
            fuzz_require(at == expected->stream_bytes, "a stream that ends is whole");
            return true;
        }
    }
    return false;
}

/* Until the connection's end. */
static bool read_rest(struct reading *reading, const struct http_expected *expected, size_t number)
{
    const uint64_t size = read_stream_bytes(reading, number, 0, reading->text.size);
    (void)is_cut(reading, size < expected->stream_bytes);
    fuzz_require(size <= expected->stream_bytes, "nothing follows a stream without an end");
    return false;
}

static bool read_body(struct reading *reading, const struct head *head,
                      const struct http_expected *expected, size_t number)
{
    if (expected->is_head) {
        return true;
    }
    if (!expected->is_stream) {
        return read_whole(reading, head, number);
    }
    fuzz_require(!head->has_length, "a stream has no length");
    return head->is_chunked ? read_chunks(reading, expected, number)
                            : read_rest(reading, expected, number);
}

uint8_t http_stream_byte(size_t number, uint64_t at)
{
    return (uint8_t)('a' + (number * 7 + at) % 26);
}

void http_replies_check(struct ds_bytes text, const struct http_expected *expected, size_t count,
                        bool may_be_cut, struct ds_buffer *trace)
{
    struct reading reading = {.text = text, .may_be_cut = may_be_cut};
    struct head head;
    size_t number = 0;
    while (reading.text.size > 0 && read_head(&reading, &head)) {
        if (head.status == 100) {
            continue;
        }
        fuzz_require(number < count, "there are no more replies than requests");
        ds_buffer_printf(trace, "%d ", head.status);
        fuzz_require((head.status == STATUS_SWITCHING) <= expected[number].is_stream,
                     "only streams are upgraded");
        if (!read_body(&reading, &head, &expected[number], number + 1)) {
            break;
        }
        number++;
    }
    fuzz_require(reading.text.size == 0 || reading.may_be_cut, "nothing follows the last reply");
}
