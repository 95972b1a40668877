/* Whether an address to listen at can be reached from this machine alone. */
#ifndef DS_LOOPBACK_H
#define DS_LOOPBACK_H

#include <stdbool.h>

/*
 * `address` begins with HOST:PORT, an IPv6 host in brackets; what follows the port is not looked
 * at. True for 127.0.0.0/8, ::1 and the name localhost, written out: a name that merely begins
 * like one of them may be anybody's.
 */
bool ds_address_is_loopback(const char *address);

#endif
