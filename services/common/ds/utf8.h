/* UTF-8 as RFC 3629 defines it. */
#ifndef DS_UTF8_H
#define DS_UTF8_H

#include "ds/bytes.h"

/* True where the bytes are well-formed UTF-8: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
bool ds_utf8_valid(struct ds_bytes text);

/* The same, and without U+0000. */
bool ds_utf8_valid_without_nul(struct ds_bytes text);

/* How many of the bytes are left without a character that is cut off at the end of well-formed
 * text. */
size_t ds_utf8_whole_bytes(struct ds_bytes text);

#endif
