/*
 * Which pages of other origins may call, by the CORS protocol of the Fetch standard. Listed origins
 * get their own name back, and may send credentials; those that only the sign * lets in get the
 * sign back, which browsers do not take together with credentials.
 */
#ifndef GATEWAY_CORS_H
#define GATEWAY_CORS_H

#include "gateway/problem.h"

struct cors;

/* Whether `origin` is * or what a browser sends as Origin: SCHEME://HOST[:PORT], without a path and
 * without the scheme's own port. */
bool cors_origin_is_well_formed(struct ds_bytes origin);

/* Each of `items` is an origin or a list of them with commas, all well-formed. NULL where there is
 * none: then nothing is said of origins at all. Copies them. */
struct cors *cors_create(const char *const *items, size_t count);
void cors_destroy(struct cors *cors); /* takes NULL */

/* Whether a page of that origin may call; where `cors` is NULL, none may. */
bool cors_allows(const struct cors *cors, struct ds_bytes origin);

/* Whether a browser asks with it what a page may do. */
bool cors_is_preflight(const struct http_request *request);

/* Appends the fields of any reply: whether the page that the request came from may read it. None
 * where it names no origin, or one that may not call. */
void cors_write_fields(const struct cors *cors, const struct http_request *request,
                       struct ds_buffer *head);

/*
 * Appends what the reply to a preflight has besides: the path's methods, and those of the fields
 * that are asked for which a request may have. False, and ret_problem, where the origin may not
 * call.
 */
bool cors_write_preflight(const struct cors *cors, const struct http_request *request,
                          const char *methods, struct ds_buffer *head, struct problem *ret_problem);

#endif
