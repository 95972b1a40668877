/*
 * What is done with a request's body before it is read, and with a complete reply before it leaves.
 * exchange_end() calls what concerns replies, exactly once and in this order, for those of failures
 * too: finish_etag(), finish_encoding(), exchange_common_fields(), finish_encode_later().
 */
#ifndef GATEWAY_FINISH_H
#define GATEWAY_FINISH_H

#include "gateway/exchange.h"

/* A larger reply has no entity tag. */
#define FINISH_ETAG_BYTES_MAX ((size_t)1024 * 1024)
/* A smaller reply is sent as it is, unless the client refuses that. */
#define FINISH_GZIP_BYTES_MIN ((size_t)1024)
/* A larger one is compressed on another thread: this takes a millisecond or two, in which the loop
 * serves nobody else. */
#define FINISH_GZIP_LOOP_BYTES_MAX ((size_t)256 * 1024)
/* Replies that other threads compress at a time; more are sent as they are. */
#define FINISH_GZIP_WORKS_MAX 16
/* Bytes of these replies together, which are in no count of what clients have not taken yet. One
 * that is larger is compressed alone. */
#define FINISH_GZIP_WORKS_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* The preconditions of requests but GET and HEAD: before a change there is no entity tag that they
 * could be compared with, so the request is refused (412) where they might not hold. */
bool finish_check_preconditions(const struct exchange *exchange, struct problem *ret_problem);

/* Whether the reply can be in one of the codings that the client takes (406). */
bool finish_check_encoding(const struct exchange *exchange, struct problem *ret_problem);

/*
 * The body as sent into the body as meant, in its place. Refuses codings other than gzip and
 * identity (415), what is not gzip (400), and what has more than request->body_bytes_max bytes once
 * it is unpacked (413). Without Content-Encoding it does nothing.
 */
bool finish_decode_body(struct exchange *exchange, struct problem *ret_problem);

/* The same of the codings alone, before there is a body. ret_is_gzip may be NULL. */
bool finish_check_body_encoding(const struct exchange *exchange, bool *ret_is_gzip,
                                struct problem *ret_problem);

/* ETag of a 200 where exchange->has_etag; may turn it into 304 or 412. */
void finish_etag(struct exchange *exchange);

/* gzip of the reply's body where exchange->may_compress and it is asked for and worth it. True
 * where the body is too large for that on this thread: finish_encode_later() is owed. */
bool finish_encoding(struct exchange *exchange);

/* Has the body compressed on another thread, after which exchange_send() is called. */
void finish_encode_later(struct exchange *exchange);

#endif
