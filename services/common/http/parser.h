/*
 * llhttp behind one .c file: a second opinion on the head of a request. What llhttp leaves open is
 * head.c's to check, and bodies are read by reader.c and chunked.c: llhttp ends the trailer section
 * of a chunked one at a bare LF.
 */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include "ds/bytes.h"

/*
 * Judges a whole head. `method_is_known` is false where the request's method is not one that a
 * handler may serve; llhttp then judges the fields only. Returns NULL, or what is wrong with the
 * head. ret_has_body: whether it announces one.
 */
const char *http_parser_head(struct ds_bytes head, bool method_is_known, bool *ret_has_body);

#endif
