#include "http/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define HOST_BYTES 256
#define PORT_BYTES 6

/* Names of services stand in JSON and log lines: letters, digits, '-', '_' and '.'. */
static bool is_service_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const size_t size = strlen(name);
    return size > 0 && size < HTTP_ENDPOINT_NAME_BYTES && strspn(name, allowed) == size;
}

static bool is_port(const char *text, size_t size)
{
    unsigned int port = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned int)(text[i] - '0');
    }
    return size > 0 && size < PORT_BYTES && port <= 65535;
}

/* Cuts HOST out of "HOST:PORT", without its brackets. */
static bool split_host(const char *text, size_t size, char host[HOST_BYTES], char port[PORT_BYTES])
{
    const char *colon = memrchr(text, ':', size);
    if (colon == NULL) {
        return false;
    }
    const char *port_text = colon + 1;
    const size_t port_size = (size_t)(text + size - port_text);
    size_t host_size = (size_t)(colon - text);
    if (host_size >= 2 && text[0] == '[' && text[host_size - 1] == ']') {
        text++;
        host_size -= 2;
    } else if (memchr(text, ':', host_size) != NULL) {
        return false;
    }
    if (host_size == 0 || host_size >= HOST_BYTES || !is_port(port_text, port_size)) {
        return false;
    }
    memcpy(host, text, host_size);
    host[host_size] = '\0';
    memcpy(port, port_text, port_size);
    port[port_size] = '\0';
    return true;
}

/* Cuts a text into its parts; the name is "" where there is none. */
static bool split(const char *text, char host[HOST_BYTES], char port[PORT_BYTES],
                  const char **ret_name)
{
    const char *equals = strchr(text, '=');
    const size_t size = equals == NULL ? strlen(text) : (size_t)(equals - text);
    if (!split_host(text, size, host, port) || (equals != NULL && !is_service_name(equals + 1))) {
        return false;
    }
    *ret_name = equals == NULL ? "" : equals + 1;
    return true;
}

bool http_endpoint_is_well_formed(const char *text)
{
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    const char *name = NULL;
    return split(text, host, port, &name);
}

ds_code http_endpoint_parse(const char *text, struct http_endpoint *ret_endpoint)
{
    struct http_endpoint endpoint = {.name = ""};
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    const char *name = NULL;
    if (!split(text, host, port, &name)) {
        return DS_INVALID_ARGUMENT;
    }
    memcpy(endpoint.name, name, strlen(name) + 1);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return DS_NOT_FOUND;
    }
    memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    *ret_endpoint = endpoint;
    return DS_OK;
}

void http_endpoint_format(const struct sockaddr *address, char *ret_text, size_t text_bytes_max)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        (void)snprintf(ret_text, text_bytes_max, "[%s]:%u", host, ntohs(v6.sin6_port));
        return;
    }
    struct sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    (void)snprintf(ret_text, text_bytes_max, "%s:%u", host, ntohs(v4.sin_port));
}

const char *http_endpoint_failure(ds_code code)
{
    switch (code) {
    case DS_NOT_FOUND:
        return "there is no such host";
    case DS_UNAVAILABLE:
        return "this machine does not have that address";
    case DS_PERMISSION_DENIED:
        return "this user may not listen there; ports from 1024 on are open to everybody";
    default:
        return ds_code_name(code);
    }
}
