/* The proxies that are believed when they say who a request comes from. */
#ifndef HTTP_PROXIES_H
#define HTTP_PROXIES_H

#include "http/request.h"

struct http_proxies; /* a list of networks; NULL trusts nobody */

/* Of texts such as "10.0.0.0/8", "::1" or "2001:db8::/32". NULL where one of `items` is not of that
 * form: ret_wrong is its place. */
struct http_proxies *http_proxies_create(const char *const *items, size_t count, size_t *ret_wrong);
void http_proxies_destroy(struct http_proxies *proxies); /* takes NULL */

bool http_proxies_trust(const struct http_proxies *proxies, const char *peer);

/*
 * The rightmost hop of X-Forwarded-For (all its fields, joined by commas) that is not a trusted
 * proxy, or the leftmost one where all are. False, and `peer` in ret_client, where `peer` is not
 * trusted, or a hop on the way there is no address.
 */
bool http_proxies_client(const struct http_proxies *proxies, const char *peer,
                         struct ds_bytes forwarded_for, char ret_client[HTTP_PEER_BYTES]);

/* Fills in request->client and request->secure from request->peer and the fields. */
void http_proxies_read(const struct http_proxies *proxies, struct http_request *request);

#endif
