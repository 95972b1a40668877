#include "clients/load/rest.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCHEME "http://"
#define DEFAULT_PORT "80"

/* Host and port of "host:port", "host", "[::1]:port". */
static bool host_split(const char *text, char ret_name[LOAD_REST_HOST_BYTES_MAX],
                       const char **ret_port)
{
    const char *end = NULL;
    const char *begin = text;
    if (*text == '[') {
        begin = text + 1;
        end = strchr(begin, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }
        *ret_port = end[1] == ':' ? end + 2 : DEFAULT_PORT;
    } else {
        end = strchr(begin, ':');
        *ret_port = end != NULL ? end + 1 : DEFAULT_PORT;
        end = end != NULL ? end : begin + strlen(begin);
    }
    const size_t size = (size_t)(end - begin);
    if (size == 0 || **ret_port == '\0' || strspn(*ret_port, "0123456789") != strlen(*ret_port)) {
        return false;
    }
    memcpy(ret_name, begin, size);
    ret_name[size] = '\0';
    return true;
}

/* Cuts the URL into what the Host header says and the prefix of paths. */
static bool url_split(const char *url, struct load_rest_address *address)
{
    if (strncmp(url, SCHEME, sizeof SCHEME - 1) != 0) {
        return false;
    }
    const char *host = url + sizeof SCHEME - 1;
    const size_t host_bytes = strcspn(host, "/");
    const char *prefix = host + host_bytes;
    size_t prefix_bytes = strlen(prefix);
    while (prefix_bytes > 0 && prefix[prefix_bytes - 1] == '/') {
        prefix_bytes--;
    }
    if (host_bytes == 0 || host_bytes >= sizeof address->host ||
        prefix_bytes >= sizeof address->prefix || strcspn(url, "?#@ \r\n\t") != strlen(url)) {
        return false;
    }
    memcpy(address->host, host, host_bytes);
    memcpy(address->prefix, prefix, prefix_bytes);
    return true;
}

ds_code load_rest_address_parse(const char *url, struct load_rest_address *ret_address)
{
    struct load_rest_address address = {.address_bytes = 0};
    char name[LOAD_REST_HOST_BYTES_MAX];
    const char *port = NULL;
    if (!url_split(url, &address) || !host_split(address.host, name, &port)) {
        return DS_INVALID_ARGUMENT;
    }
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(name, port, &hints, &found) != 0) {
        return DS_NOT_FOUND;
    }
    memcpy(&address.address, found->ai_addr, found->ai_addrlen);
    address.address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    *ret_address = address;
    return DS_OK;
}

/* 0, or an errno. */
static int connect_within(int file, const struct load_rest_address *address, int timeout_ms)
{
    if (connect(file, (const struct sockaddr *)&address->address, address->address_bytes) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    struct pollfd wait = {.fd = file, .events = POLLOUT};
    if (poll(&wait, 1, timeout_ms) <= 0) {
        return ETIMEDOUT;
    }
    int error = 0;
    socklen_t error_bytes = sizeof error;
    return getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &error_bytes) == 0 ? error : errno;
}

static const char *reason_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return "nobody listens there";
    case ETIMEDOUT:
        return "no answer in time";
    case ENETUNREACH:
    case EHOSTUNREACH:
        return "there is no way to that host";
    case EMFILE:
    case ENFILE:
        return "this process may open no more files: raise ulimit -n";
    default:
        return "connecting failed";
    }
}

ds_code load_rest_probe(const struct load_rest_address *address, int timeout_ms,
                        const char **ret_reason)
{
    const int file =
        socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int error = file < 0 ? errno : connect_within(file, address, timeout_ms);
    if (file >= 0) {
        close(file);
    }
    if (error != 0) {
        *ret_reason = reason_of(error);
        return DS_UNAVAILABLE;
    }
    return DS_OK;
}
