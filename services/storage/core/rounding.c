#include "storage/core/rounding.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The longest finite double has 309 digits before its point. */
#define TEXT_BYTES_MAX (309 + ROUNDING_DECIMALS_MAX + 3)

/*
 * By way of the decimal text, which the C library makes of the exact value: multiplying by a power
 * of ten first would round twice (2.675 is a little less than it looks).
 */
double round_decimals(double value, unsigned int decimals)
{
    assert(decimals <= ROUNDING_DECIMALS_MAX);
    if (!isfinite(value)) {
        return value;
    }
    char text[TEXT_BYTES_MAX];
    const int size = snprintf(text, sizeof text, "%.*f", (int)decimals, value);
    assert(size > 0 && (size_t)size < sizeof text);
    (void)size;
    return strtod(text, NULL);
}
