/* What tests with sockets of nng 1.5.2 need: nng may wait for ever in nng_close where a connection
 * ends in the middle of a message (nng issues 1543, 1713, 1837). */
#ifndef TESTS_INTEGRATION_NNG_SOCKETS_H
#define TESTS_INTEGRATION_NNG_SOCKETS_H

#include <nng/nng.h>
#include <stdbool.h>

/* Closes in a thread of its own, which is waited for two seconds; false where that was not enough:
 * the socket then stays until the process ends. */
bool nng_sockets_close(nng_socket socket);

#endif
