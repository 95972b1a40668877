/* Writing the reply to a request: status line, fields, body, and the sending. Loop's thread only.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "http/request.h"

#define HTTP_DATE_BYTES 29 /* "Sat, 25 Jan 2025 10:00:00 GMT" */

/* Writes an IMF-fixdate (RFC 9110 5.6.7). */
void http_date_format(int64_t unix_seconds, char target[HTTP_DATE_BYTES]);

/* The standard's phrase; "" for a number that has none here. */
const char *http_status_phrase(unsigned int status);

/* Begins the reply anew: what had been written is forgotten. */
void http_reply_begin(struct http_request *request, unsigned int status);

/* `value` must not hold CR or LF: it never comes from a client unchecked. */
void http_reply_field(struct http_request *request, const char *name, struct ds_bytes value);
void http_reply_field_text(struct http_request *request, const char *name, const char *value);
void http_reply_field_number(struct http_request *request, const char *name, uint64_t value);

/*
 * Sends the reply: request->reply_head is completed, request->reply_body goes out unless the method
 * is HEAD. Exactly once for every request whose head was handed over; the request belongs to the
 * server again. Replies leave in the order of the requests. Also where the client has gone.
 */
void http_reply_send(struct http_request *request);

#endif
