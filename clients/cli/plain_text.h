/* Text of others on a terminal: what would steer it is shown as a blank. */
#ifndef CLI_PLAIN_TEXT_H
#define CLI_PLAIN_TEXT_H

#include "ds/bytes.h"

#include <stdio.h>

/* The byte as it is shown; those of UTF-8 stay. */
static inline uint8_t plain_text_byte(uint8_t byte)
{
    return byte < 0x20 || byte == 0x7F ? ' ' : byte;
}

/* Writes the text without its line's end; a failure is left in the stream. */
void plain_text_write(FILE *stream, struct ds_bytes text);

#endif
