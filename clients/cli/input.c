#include "clients/cli/input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_CHUNK_BYTES (64 * 1024)

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

enum input_line input_read_line(FILE *stream, struct ds_buffer *target)
{
    ds_buffer_clear(target);
    int byte = getc_unlocked(stream);
    const bool is_end = byte == EOF;
    for (; byte != EOF && byte != '\n'; byte = getc_unlocked(stream)) {
        ds_buffer_append_byte(target, (uint8_t)byte);
    }
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
