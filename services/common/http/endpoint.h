/* The address of a listener as its setting gives it: HOST:PORT or HOST:PORT=service-name. */
#ifndef HTTP_ENDPOINT_H
#define HTTP_ENDPOINT_H

#include "ds/code.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define HTTP_ENDPOINT_NAME_BYTES 64

struct http_endpoint {
    struct sockaddr_storage address;
    char name[HTTP_ENDPOINT_NAME_BYTES]; /* "" where there is none */
};

/* Whether a text has that form; HOST is a name, an IPv4 address or an IPv6 address in brackets.
 * Looks nothing up. */
bool http_endpoint_is_well_formed(const char *text);

/*
 * Reads an address. Names are looked up, which may block. DS_INVALID_ARGUMENT: not of that form;
 * DS_NOT_FOUND: there is no such host.
 */
DS_MUST_USE ds_code http_endpoint_parse(const char *text, struct http_endpoint *ret_endpoint);

/* Writes "127.0.0.1:8080" or "[::1]:8080". */
void http_endpoint_format(const struct sockaddr *address, char *ret_text, size_t text_bytes_max);

/* Why http_server_listen() failed at an address, for a person. */
const char *http_endpoint_failure(ds_code code);

#endif
