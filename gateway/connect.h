/*
 * Connect's unary protocol (connectrpc.com/docs/protocol): POST of /package.Service/Method with
 * JSON or protobuf's wire format, and GET where the method has no side effects. JSON is read as on
 * every route and written as protobuf has it to the letter; errors are Connect's, the permissions
 * are the method's as everywhere.
 */
#ifndef GATEWAY_CONNECT_H
#define GATEWAY_CONNECT_H

#include "gateway/exchange_protocol.h"

extern const struct exchange_protocol exchange_connect;

/* Whether `path` is of a service that has a backend. ret_method is NULL where the service has no
 * such method. */
bool connect_find(struct gateway *gateway, struct ds_bytes path,
                  const struct ds_method **ret_method);

/* Whether the exchange's method is called in that way; ret_allow names those that it takes. */
bool connect_takes(const struct exchange *exchange, const char **ret_allow);

#endif
