#include "clients/cli/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_CHUNK_BYTES (64 * 1024)
/* Enough to tell what a file is; with so many a pipe's writer is not waited for any longer. */
#define INPUT_PEEK_BYTES_ENOUGH 64

FILE *input_open(const char *path)
{
    if (strcmp(path, "-") == 0) {
        return stdin;
    }
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        fprintf(stderr, "deltastream: can't open \"%s\": %s\n", path, strerror(errno));
        return NULL;
    }
    struct stat status;
    if (fstat(fileno(stream), &status) == 0 && S_ISDIR(status.st_mode)) {
        fprintf(stderr, "deltastream: \"%s\" is a folder; name a file\n", path);
        fclose(stream);
        return NULL;
    }
    return stream;
}

void input_close(FILE *stream)
{
    if (stream != NULL && stream != stdin) {
        fclose(stream);
    }
}

ds_code input_read_all(FILE *stream, struct ds_buffer *target)
{
    uint8_t chunk[INPUT_CHUNK_BYTES];
    for (;;) {
        const size_t got = fread(chunk, 1, sizeof(chunk), stream);
        ds_buffer_append(target, chunk, got);
        if (target->overflow) {
            return DS_RESOURCE_EXHAUSTED;
        }
        if (got < sizeof(chunk)) {
            return ferror(stream) != 0 ? DS_UNAVAILABLE : DS_OK;
        }
    }
}

enum input_line input_read_line(FILE *stream, struct ds_buffer *target, uint64_t *ret_bytes)
{
    ds_buffer_clear(target);
    int byte = getc_unlocked(stream);
    const bool is_end = byte == EOF;
    uint64_t count = 0;
    for (; byte != EOF && byte != '\n'; byte = getc_unlocked(stream)) {
        ds_buffer_append_byte(target, (uint8_t)byte);
        count++;
    }
    *ret_bytes = count + (byte == '\n');
    if (ferror(stream) != 0) {
        return INPUT_UNREADABLE;
    }
    if (is_end) {
        return INPUT_END;
    }
    if (target->overflow) {
        return INPUT_TOO_LONG;
    }
    if (target->size > 0 && target->data[target->size - 1] == '\r') {
        target->size--;
    }
    return INPUT_LINE;
}

/* A stream whose first bytes have been looked at. */
struct peeked {
    FILE *stream;
    size_t size;
    size_t next;
    uint8_t bytes[INPUT_PEEK_BYTES_MAX];
};

static ssize_t peeked_read(void *context, char *target, size_t size)
{
    struct peeked *peeked = context;
    const size_t left = peeked->size - peeked->next;
    if (left == 0) {
        return read(fileno(peeked->stream), target, size);
    }
    const size_t taken = left < size ? left : size;
    memcpy(target, peeked->bytes + peeked->next, taken);
    peeked->next += taken;
    return (ssize_t)taken;
}

static int peeked_close(void *context)
{
    struct peeked *peeked = context;
    input_close(peeked->stream);
    free(peeked);
    return 0;
}

/* Puts the bytes in front of a stream that can't go back. */
static FILE *peeked_open(FILE *stream, const uint8_t *bytes, size_t size)
{
    struct peeked *peeked = calloc(1, sizeof(*peeked));
    if (peeked == NULL) {
        abort();
    }
    peeked->stream = stream;
    peeked->size = size;
    memcpy(peeked->bytes, bytes, size);
    FILE *opened = fopencookie(peeked, "r",
                               (cookie_io_functions_t){.read = peeked_read, .close = peeked_close});
    if (opened == NULL) {
        abort();
    }
    return opened;
}

size_t input_peek(FILE **stream, uint8_t *target, size_t size)
{
    uint8_t bytes[INPUT_PEEK_BYTES_MAX];
    const int descriptor = fileno(*stream);
    const off_t begin = lseek(descriptor, 0, SEEK_CUR);
    size_t count = 0;
    while (count < INPUT_PEEK_BYTES_ENOUGH) {
        const ssize_t got = read(descriptor, bytes + count, sizeof(bytes) - count);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        count += (size_t)got;
    }
    if (begin < 0 || lseek(descriptor, begin, SEEK_SET) < 0) {
        *stream = peeked_open(*stream, bytes, count);
    }
    const size_t shown = count < size ? count : size;
    memcpy(target, bytes, shown);
    return shown;
}
