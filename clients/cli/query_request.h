/* The request of a query, made of the command's operands and flags. */
#ifndef CLI_QUERY_REQUEST_H
#define CLI_QUERY_REQUEST_H

#include "clients/cli/query.h"
#include "ds/buffer.h"

/* Appends the request on the wire. False after telling on stderr which flag or operand can't be
 * used. `page_token` replaces the flag's. */
DS_MUST_USE bool query_request_write(const struct query *query, const struct ds_config *config,
                                     const struct query_options *options, const char *page_token,
                                     struct ds_buffer *request);

#endif
