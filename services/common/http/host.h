/* Who a request is for, as its Host field or the authority of its target says. */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include "ds/bytes.h"

enum http_port_rule {
    HTTP_PORT_OPTIONAL,
    HTTP_PORT_REQUIRED, /* as CONNECT has it */
};

/*
 * Whether `text` is HOST or HOST:PORT by RFC 3986: a name, an IPv4 address or an IPv6 address in
 * brackets, and a port up to 65535, which may be empty where it is optional. Refused although the
 * grammar has them: an empty host, a name with a comma, which another reader takes for a list, and
 * what brackets may hold besides IPv6 addresses, which nobody has defined.
 */
bool http_host_is_well_formed(struct ds_bytes text, enum http_port_rule port_rule);

#endif
