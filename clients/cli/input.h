/* Whole files and lines of files, with limits. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "ds/buffer.h"
#include "ds/code.h"

#include <stdio.h>

/* The largest document that a command reads whole: twice what any method takes. */
#define INPUT_DOCUMENT_BYTES_MAX (32 * 1024 * 1024)

/* Opens `path`, or standard input for "-"; NULL after telling on stderr. */
FILE *input_open(const char *path);

/* Takes NULL; leaves standard input open. */
void input_close(FILE *stream);

/* Appends the rest of the stream. DS_RESOURCE_EXHAUSTED where the buffer meets its limit,
 * DS_UNAVAILABLE where reading fails. */
DS_MUST_USE ds_code input_read_all(FILE *stream, struct ds_buffer *target);

/* What input_peek() shows at most. */
#define INPUT_PEEK_BYTES_MAX 4096

enum input_line {
    INPUT_LINE,
    INPUT_END,
    INPUT_TOO_LONG, /* the line was passed over */
    INPUT_UNREADABLE,
};

/* Puts the next line, without its end, into `target`, which is cleared first. ret_bytes: what was
 * taken off the stream, the line's end included. */
enum input_line input_read_line(FILE *stream, struct ds_buffer *target, uint64_t *ret_bytes);

/*
 * Looks at the first bytes of a stream that nobody has read from; they can still be read from
 * *stream afterwards, which may be another stream then and takes the old one's place for
 * input_close(). Returns how many there are: fewer than `size` at the end of the input, or where a
 * pipe gives no more for now.
 */
size_t input_peek(FILE **stream, uint8_t *target, size_t size);

#endif
