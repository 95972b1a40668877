/* Numbers to text and back, exactly and whatever the locale. */
#ifndef DS_NUMBER_H
#define DS_NUMBER_H

#include "ds/bytes.h"

#define DS_DOUBLE_TEXT_MAX 32

/*
 * Writes the shortest decimal that reads back as the same double (or float), not terminated, and
 * returns its length; at most DS_DOUBLE_TEXT_MAX bytes. Exponents from 1e21 on and below 1e-6, as
 * ECMAScript does. Finite values only.
 */
size_t ds_double_format(double value, char target[DS_DOUBLE_TEXT_MAX]);
size_t ds_float_format(float value, char target[DS_DOUBLE_TEXT_MAX]);

/*
 * Reads a decimal number (JSON's grammar) that fills `text` whole, correctly rounded. False where
 * it is something else or too large for a double.
 */
bool ds_double_parse(struct ds_bytes text, double *ret_value);
bool ds_float_parse(struct ds_bytes text, float *ret_value);

/* Decimal integers that fill `text` whole: an optional '-', no '+', no blanks; false also when out
 * of range. */
bool ds_int64_parse(struct ds_bytes text, int64_t *ret_value);
bool ds_uint64_parse(struct ds_bytes text, uint64_t *ret_value);

#define DS_INT_TEXT_MAX 21
size_t ds_int64_format(int64_t value, char target[DS_INT_TEXT_MAX]);
size_t ds_uint64_format(uint64_t value, char target[DS_INT_TEXT_MAX]);

#endif
