#include "ds/sp_bind.h"

#include "ds/host_port.h"
#include "ds/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define IPC_SCHEME "ipc://"
#define TCP_SCHEME "tcp://"
#define HOST_BYTES_MAX 256
/* Connections that the kernel holds until they are accepted. */
#define BACKLOG 1024
#define SOCKET_MODE 0600

static int socket_open(int family, int protocol)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static ds_code code_of(int failure)
{
    if (failure == EADDRINUSE) {
        return DS_ALREADY_EXISTS;
    }
    return failure == EMFILE || failure == ENFILE ? DS_RESOURCE_EXHAUSTED : DS_INVALID_ARGUMENT;
}

/* ---- ipc ---- */

/* Whether the file is of a socket that nobody listens at. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat status;
    if (stat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false; /* Any other file would be refused as well. */
    }
    const int fd = socket_open(AF_UNIX, 0);
    if (fd < 0) {
        return false;
    }
    const bool is_refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                            errno == ECONNREFUSED;
    close(fd);
    return is_refused;
}

static bool try_listen(int fd, const struct sockaddr_un *address)
{
    return bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
           listen(fd, BACKLOG) == 0;
}

static bool listen_at(int fd, const struct sockaddr_un *address)
{
    if (try_listen(fd, address)) {
        return true;
    }
    if (errno != EADDRINUSE) {
        return false;
    }
    if (!is_stale(address) || unlink(address->sun_path) != 0) {
        errno = EADDRINUSE;
        return false;
    }
    return try_listen(fd, address);
}

/* Keeps two processes from removing each other's new socket as a stale one. -1 where the folder
 * can't be locked: then binding fails too, or there is nobody to be kept off. */
static int lock_folder(const char *path)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *slash = strrchr(path, '/');
    const int length = slash == NULL ? 1 : (int)(slash - path) + 1;
    snprintf(folder, sizeof folder, "%.*s", length, slash == NULL ? "." : path);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)flock(fd, LOCK_EX);
    }
    return fd;
}

static ds_code bind_path(const char *path, struct ds_sp_binding *binding)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    const size_t path_bytes = strlen(path);
    if (path_bytes == 0 || path_bytes >= sizeof address.sun_path) {
        return DS_INVALID_ARGUMENT;
    }
    memcpy(address.sun_path, path, path_bytes);
    const int fd = socket_open(AF_UNIX, 0);
    if (fd < 0) {
        return DS_RESOURCE_EXHAUSTED;
    }
    (void)fchmod(fd, SOCKET_MODE); /* Of Linux: the file's mode, from its first moment on. */
    const int folder = lock_folder(path);
    const bool listens = listen_at(fd, &address) && stat(path, &status) == 0;
    const int failure = errno;
    if (folder >= 0) {
        close(folder);
    }
    if (!listens) {
        close(fd);
        return code_of(failure);
    }
    binding->fd = fd;
    binding->device = status.st_dev;
    binding->inode = status.st_ino;
    return DS_OK;
}

/* ---- tcp ---- */

static ds_code bind_found(const struct addrinfo *found, struct ds_sp_binding *binding)
{
    const int yes = 1;
    const int fd = socket_open(found->ai_family, IPPROTO_TCP);
    if (fd < 0) {
        return code_of(errno);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        const int failure = errno;
        close(fd);
        return code_of(failure);
    }
    binding->fd = fd;
    return DS_OK;
}

static void note_port(struct ds_sp_binding *binding)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t address_bytes = sizeof address;
    getsockname(binding->fd, (struct sockaddr *)&address, &address_bytes);
    const in_port_t port = address.ss_family == AF_INET6
                               ? ((const struct sockaddr_in6 *)&address)->sin6_port
                               : ((const struct sockaddr_in *)&address)->sin_port;
    char *colon = strrchr(binding->url, ':');
    snprintf(colon, sizeof binding->url - (size_t)(colon - binding->url), ":%u", ntohs(port));
}

static ds_code bind_host(const char *text, struct ds_sp_binding *binding)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[HOST_BYTES_MAX];
    const char *port;
    if (!ds_host_port_split(text, host, sizeof host, NULL, &port) || port[0] == '\0' ||
        getaddrinfo(host, port, &hints, &found) != 0) {
        return DS_INVALID_ARGUMENT;
    }
    const ds_code code = bind_found(found, binding);
    freeaddrinfo(found);
    if (code == DS_OK) {
        note_port(binding);
    }
    return code;
}

static bool has_scheme(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

ds_code ds_sp_bind(const char *url, struct ds_sp_binding *ret_binding)
{
    struct ds_sp_binding binding = {
        .fd = -1, .is_ipc = has_scheme(url, IPC_SCHEME), .is_tls = ds_url_is_tls(url)};
    /* With room for another port. */
    if (strlen(url) + sizeof "65535" > sizeof binding.url) {
        return DS_INVALID_ARGUMENT;
    }
    strcpy(binding.url, url);
    if (binding.is_ipc) {
        DS_TRY(bind_path(url + strlen(IPC_SCHEME), &binding));
    } else if (binding.is_tls || has_scheme(url, TCP_SCHEME)) {
        DS_TRY(bind_host(url + strlen(binding.is_tls ? DS_TLS_SCHEME : TCP_SCHEME), &binding));
    } else {
        return DS_INVALID_ARGUMENT;
    }
    *ret_binding = binding;
    return DS_OK;
}

void ds_sp_unbind(struct ds_sp_binding *binding)
{
    struct stat status;
    const char *path = binding->url + strlen(IPC_SCHEME);
    if (binding->is_ipc && stat(path, &status) == 0 && status.st_dev == binding->device &&
        status.st_ino == binding->inode) {
        unlink(path);
    }
    close(binding->fd);
    binding->fd = -1;
}
