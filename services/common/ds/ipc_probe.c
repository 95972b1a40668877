#include "ds/ipc_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING_BYTES 8
#define LOOK_MS 50

/* 32 is PUB (nanomsg RFC sp-pubsub-01), which no replier or publisher talks to. */
static const uint8_t greeting[GREETING_BYTES] = {0, 'S', 'P', 0, 0, 32, 0, 0};

/*
 * Whether `fd` is ready for `events` while `left_ms` lasts, which goes by what the looks were to
 * take and not by the clock: a process that was stopped has given the other side no time. Whoever
 * hung up then, before the greeting, would make the listener deaf that he came to look after.
 */
static bool wait_for(int fd, short events, int *left_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    for (;;) {
        const int look_ms = *left_ms < LOOK_MS ? *left_ms : LOOK_MS;
        const int ready = poll(&poll_fd, 1, look_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR) || *left_ms == 0) {
            return ready > 0;
        }
        *left_ms -= look_ms;
    }
}

/* Reads until the other side hangs up; true where it greeted before. */
static bool await_refusal(int fd, int *left_ms)
{
    uint8_t answer[GREETING_BYTES + 1];
    size_t size = 0;
    while (size < sizeof answer && wait_for(fd, POLLIN, left_ms)) {
        const ssize_t got = recv(fd, answer + size, sizeof answer - size, 0);
        if (got <= 0) {
            return got == 0 && size == GREETING_BYTES && memcmp(answer, greeting, 4) == 0;
        }
        size += (size_t)got;
    }
    return false;
}

static enum ds_ipc_probe greet(int fd, int *left_ms)
{
    if (send(fd, greeting, sizeof greeting, MSG_NOSIGNAL) != (ssize_t)sizeof greeting) {
        return DS_IPC_SILENT;
    }
    return await_refusal(fd, left_ms) ? DS_IPC_ANSWERS : DS_IPC_SILENT;
}

/* Whether the process could take another connection; the probe may hold the last descriptor. */
static bool has_spare_descriptor(int fd)
{
    const int spare = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (spare >= 0) {
        close(spare);
    }
    return spare >= 0;
}

enum ds_ipc_probe ds_ipc_probe(const char *path, int timeout_ms)
{
    int left_ms = timeout_ms;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t path_bytes = strlen(path);
    if (path_bytes >= sizeof address.sun_path) {
        return DS_IPC_UNKNOWN;
    }
    memcpy(address.sun_path, path, path_bytes);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return DS_IPC_UNKNOWN;
    }
    enum ds_ipc_probe probe = DS_IPC_UNKNOWN;
    /* A local connect succeeds at once or not at all. */
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        probe = greet(fd, &left_ms);
    } else if (errno == ENOENT || errno == ECONNREFUSED) {
        probe = DS_IPC_GONE;
    } else if (errno == EAGAIN) {
        /* The backlog is full, and nobody takes from it. */
        probe = DS_IPC_SILENT;
    }
    /* The listener may be this process's own, which then could not have answered. */
    if (probe == DS_IPC_SILENT && !has_spare_descriptor(fd)) {
        probe = DS_IPC_UNKNOWN;
    }
    close(fd);
    return probe;
}
