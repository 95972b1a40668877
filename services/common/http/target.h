/* The target of a request: origin-form, absolute-form and "*". */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "http/request.h"

/*
 * Splits `target` into request->path and request->query and checks it whole: characters of a URL,
 * complete percent-encoding, and UTF-8 without U+0000 once decoded. Returns NULL, or what is wrong.
 */
const char *http_target_read(struct http_request *request, struct ds_bytes target);

/*
 * Appends `text` with its percent-encoding undone. keep_slash leaves %2F as it is; plus_is_blank is
 * the rule of query strings. `text` has passed http_target_read().
 */
void http_target_decode(struct ds_bytes text, bool keep_slash, bool plus_is_blank,
                        struct ds_buffer *target);

#endif
