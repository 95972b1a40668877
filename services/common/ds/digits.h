/* Decimal digits two at a time. Private to ds_common. */
#ifndef DS_DIGITS_H
#define DS_DIGITS_H

#include <string.h>

/* "00" to "99". */
extern const char ds_digit_pairs[201];

/* `value` is below 100. */
static inline void ds_put_two_digits(char *target, unsigned int value)
{
    memcpy(target, ds_digit_pairs + 2 * (size_t)value, 2);
}

#endif
