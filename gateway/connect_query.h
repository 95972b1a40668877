/* The query of Connect's GET: connect=v1, encoding, message, base64, compression. */
#ifndef GATEWAY_CONNECT_QUERY_H
#define GATEWAY_CONNECT_QUERY_H

#include "gateway/exchange.h"

/*
 * The message that the query of a GET holds, unpacked, and exchange->form. It stays where it is,
 * in exchange->scratch or request->body, until the exchange ends. False fills ret_problem.
 */
bool connect_query_read(struct exchange *exchange, struct ds_bytes *ret_message,
                        struct problem *ret_problem);

#endif
