/* The target of a request in the four forms of RFC 9112 section 3.2. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "http/request.h"

/*
 * Splits `target` into request->path and request->query, and request->host where it names one, and
 * checks it whole: the form that request->method takes, RFC 3986's characters, complete
 * percent-encoding, and UTF-8 without U+0000 once decoded. Returns NULL, or what is wrong.
 */
const char *http_target_read(struct http_request *request, struct ds_bytes target);

/*
 * Appends `text` with its percent-encoding undone. keep_slash leaves %2F as it is; plus_is_blank is
 * the rule of query strings. `text` has passed http_target_read().
 */
void http_target_decode(struct ds_bytes text, bool keep_slash, bool plus_is_blank,
                        struct ds_buffer *target);

#endif
