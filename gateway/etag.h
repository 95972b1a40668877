/* Entity tags (RFC 9110 8.8.3): a hash of the reply's body before any coding. They are weak, since
 * the same tag stands for the body as it is and for its compressed form. */
#ifndef GATEWAY_ETAG_H
#define GATEWAY_ETAG_H

#include "http/request.h"

#define ETAG_BYTES 20 /* W/"0123456789abcdef", without a terminator */

void etag_of(struct ds_bytes body, char ret_tag[ETAG_BYTES]);

/* Whether the fields of that kind are the one sign *, which stands for any representation. */
bool etag_any_is_listed(const struct http_request *request, enum http_header_id id);

/* Whether the fields of that kind have `tag` in their list, by the weak comparison of RFC 9110
 * 8.8.3.2. What comes after a malformed element is not looked at. */
bool etag_is_listed(const struct http_request *request, enum http_header_id id,
                    struct ds_bytes tag);

#endif
