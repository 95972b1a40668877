/* The grammar of a JSON number, taken apart without losing a digit that counts. Private to
 * ds_common. */
#ifndef DS_NUMBER_SCAN_H
#define DS_NUMBER_SCAN_H

#include "ds/bytes.h"

/* The number is digits * 10^exponent with that sign, exactly unless `inexact`. */
struct ds_number {
    uint64_t digits;
    int64_t exponent;
    bool negative;
    bool full;    /* later digits no longer fit */
    bool inexact; /* digits other than 0 did not fit */
};

/* Reads a number off the front of text to end and returns what follows it; NULL where there is no
 * number (RFC 8259 section 6). */
const uint8_t *ds_number_scan(const uint8_t *text, const uint8_t *end,
                              struct ds_number *ret_number);

/* The double nearest to the number, whose text is `text`. False where it is too large. */
bool ds_number_to_double(const struct ds_number *number, struct ds_bytes text, double *ret_value);

/* The float nearest to it: not the same as the float nearest to that double. */
bool ds_number_to_float(const struct ds_number *number, struct ds_bytes text, float *ret_value);

/* The absolute value where the number is whole (1.0 and 1e3 are) and fits; else false. */
bool ds_number_to_magnitude(const struct ds_number *number, uint64_t *ret_magnitude);

#endif
