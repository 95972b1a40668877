/* Values of rows that any kind may have. */
#ifndef TESTS_CRASH_ROW_VALUE_H
#define TESTS_CRASH_ROW_VALUE_H

#include "ds/bytes.h"

#define ROW_VALUE_BYTES_MIN 4
#define ROW_VALUE_BYTES_MAX 16384

/* A message of `size` bytes: field 200, of bytes, which no row has; a length of two bytes, and then
 * so often `fill`. */
static inline struct ds_bytes row_value_write(uint8_t *target, size_t size, uint8_t fill)
{
    const size_t length = size - ROW_VALUE_BYTES_MIN;
    memset(target, fill, size);
    target[0] = 0xc2;
    target[1] = 0x0c;
    target[2] = (uint8_t)(length | 0x80);
    target[3] = (uint8_t)(length >> 7);
    return ds_bytes_of(target, size);
}

#endif
