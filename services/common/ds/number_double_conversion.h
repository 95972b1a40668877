/* The correctly rounded conversions of Debian's libdouble-conversion, a C++ library. Private to
 * ds_common. */
#ifndef DS_NUMBER_DOUBLE_CONVERSION_H
#define DS_NUMBER_DOUBLE_CONVERSION_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The shortest text, not terminated, of a finite value; returns its length, at most 32. */
size_t ds_double_conversion_format(double value, char *target);
size_t ds_double_conversion_format_float(float value, char *target);

/* Of text that is known to be a JSON number; infinity where it is too large. */
double ds_double_conversion_parse(const char *text, size_t size);
float ds_double_conversion_parse_float(const char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
