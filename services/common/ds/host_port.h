/* HOST:PORT as addresses have it. Any thread. */
#ifndef DS_HOST_PORT_H
#define DS_HOST_PORT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes the text apart at its last colon. An IPv6 host stands in brackets, which are taken off and
 * noted in *ret_is_bracketed; NULL where nobody asks. *ret_port is the rest of `text`, unchecked.
 * False where there is no host, no colon, or no room for the host with its terminator.
 */
bool ds_host_port_split(const char *text, char *ret_host, size_t host_bytes_max,
                        bool *ret_is_bracketed, const char **ret_port);

#endif
