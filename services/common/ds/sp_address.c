#include "ds/sp_address.h"

#include "ds/host_port.h"
#include "ds/tls.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define IPC_SCHEME "ipc://"
#define TCP_SCHEME "tcp://"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define PORT_MAX 65535
#define PORT_DIGITS_MAX 5

static ds_code read_path(const char *path, struct ds_sp_address *ret_address)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    const size_t path_bytes = strlen(path);
    if (path_bytes == 0 || path_bytes >= sizeof local.sun_path) {
        return DS_INVALID_ARGUMENT;
    }
    memcpy(local.sun_path, path, path_bytes);
    *ret_address = (struct ds_sp_address){.is_ipc = true, .place_count = 1};
    ret_address->places[0].size = sizeof local;
    memcpy(&ret_address->places[0].address, &local, sizeof local);
    return DS_OK;
}

static bool read_port(const char *text, in_port_t *ret_port)
{
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > PORT_DIGITS_MAX || text[digits] != '\0') {
        return false;
    }
    const long port = strtol(text, NULL, 10);
    if (port == 0 || port > PORT_MAX) {
        return false;
    }
    *ret_port = htons((uint16_t)port);
    return true;
}

static bool add_four(const char *host, in_port_t port, struct ds_sp_address *address)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = port};
    struct ds_sp_place *place = &address->places[address->place_count];
    if (inet_pton(AF_INET, host, &four.sin_addr) != 1) {
        return false;
    }
    memcpy(&place->address, &four, sizeof four);
    place->size = sizeof four;
    address->place_count++;
    return true;
}

static bool add_six(const char *host, in_port_t port, struct ds_sp_address *address)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = port};
    struct ds_sp_place *place = &address->places[address->place_count];
    if (inet_pton(AF_INET6, host, &six.sin6_addr) != 1) {
        return false;
    }
    memcpy(&place->address, &six, sizeof six);
    place->size = sizeof six;
    address->place_count++;
    return true;
}

static bool add_host(const char *host, bool is_bracketed, in_port_t port,
                     struct ds_sp_address *address)
{
    if (is_bracketed) {
        return add_six(host, port, address);
    }
    if (strcmp(host, "localhost") == 0) {
        return add_four("127.0.0.1", port, address) && add_six("::1", port, address);
    }
    return add_four(host, port, address);
}

static ds_code read_host(const char *text, struct ds_sp_address *ret_address)
{
    struct ds_sp_address address = {.place_count = 0};
    char host[INET6_ADDRSTRLEN];
    bool is_bracketed;
    const char *port_text;
    in_port_t port;
    if (!ds_host_port_split(text, host, sizeof host, &is_bracketed, &port_text) ||
        !read_port(port_text, &port) || !add_host(host, is_bracketed, port, &address)) {
        return DS_INVALID_ARGUMENT;
    }
    *ret_address = address;
    return DS_OK;
}

ds_code ds_sp_address_read(const char *url, struct ds_sp_address *ret_address)
{
    if (strncmp(url, IPC_SCHEME, strlen(IPC_SCHEME)) == 0) {
        return read_path(url + strlen(IPC_SCHEME), ret_address);
    }
    if (strncmp(url, TCP_SCHEME, strlen(TCP_SCHEME)) == 0) {
        return read_host(url + strlen(TCP_SCHEME), ret_address);
    }
    return DS_INVALID_ARGUMENT;
}

/* HOST:PORT, whose HOST is no number. */
static ds_code read_name(const char *text, struct ds_sp_target *target)
{
    in_port_t port;
    const size_t host_bytes = strspn(text, NAME_CHARACTERS);
    if (host_bytes == 0 || host_bytes >= sizeof target->host || text[host_bytes] != ':' ||
        !read_port(text + host_bytes + 1, &port)) {
        return DS_INVALID_ARGUMENT;
    }
    memcpy(target->host, text, host_bytes);
    memcpy(target->port, text + host_bytes + 1, strlen(text + host_bytes + 1));
    target->is_name = true;
    return DS_OK;
}

ds_code ds_sp_target_read(const char *url, struct ds_sp_target *ret_target)
{
    struct ds_sp_target target = {.is_tls = ds_url_is_tls(url)};
    const char *scheme = target.is_tls ? DS_TLS_SCHEME : TCP_SCHEME;
    if (strncmp(url, scheme, strlen(scheme)) != 0) {
        DS_TRY(ds_sp_address_read(url, &target.address));
    } else if (read_host(url + strlen(scheme), &target.address) != DS_OK) {
        DS_TRY(read_name(url + strlen(scheme), &target));
    }
    *ret_target = target;
    return DS_OK;
}
