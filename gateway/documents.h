/* The documents that the build puts into the program: /openapi.json, and the page of /docs with
 * what it loads. No part of them asks another host. */
#ifndef GATEWAY_DOCUMENTS_H
#define GATEWAY_DOCUMENTS_H

#include "gateway/exchange.h"

/* Answers the exchange, whose route is one of those documents'. */
void documents_serve(struct exchange *exchange);

/* Leads to /docs. */
void documents_redirect(struct exchange *exchange);

#endif
