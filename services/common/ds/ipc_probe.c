#include "ds/ipc_probe.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GREETING_BYTES 8
#define MILLISECONDS 1000
#define NANOSECONDS_PER_MS 1000000

/* 32 is PUB (nanomsg RFC sp-pubsub-01), which no replier talks to. */
static const uint8_t greeting[GREETING_BYTES] = {0, 'S', 'P', 0, 0, 32, 0, 0};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MILLISECONDS + now.tv_nsec / NANOSECONDS_PER_MS;
}

/* Whether `fd` is ready for `events` before `until_ms`. */
static bool wait_for(int fd, short events, int64_t until_ms)
{
    for (;;) {
        const int64_t left_ms = until_ms - now_ms();
        struct pollfd poll_fd = {.fd = fd, .events = events};
        const int ready = poll(&poll_fd, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

/* Reads until the other side hangs up; true where it greeted before. */
static bool await_refusal(int fd, int64_t until_ms)
{
    uint8_t answer[GREETING_BYTES + 1];
    size_t size = 0;
    while (size < sizeof answer && wait_for(fd, POLLIN, until_ms)) {
        const ssize_t got = recv(fd, answer + size, sizeof answer - size, 0);
        if (got <= 0) {
            return got == 0 && size == GREETING_BYTES && memcmp(answer, greeting, 4) == 0;
        }
        size += (size_t)got;
    }
    return false;
}

static enum ds_ipc_probe greet(int fd, int64_t until_ms)
{
    if (send(fd, greeting, sizeof greeting, MSG_NOSIGNAL) != (ssize_t)sizeof greeting) {
        return DS_IPC_SILENT;
    }
    return await_refusal(fd, until_ms) ? DS_IPC_ANSWERS : DS_IPC_SILENT;
}

enum ds_ipc_probe ds_ipc_probe(const char *path, int timeout_ms)
{
    const int64_t until_ms = now_ms() + timeout_ms;
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
        probe = greet(fd, until_ms);
    } else if (errno == ENOENT || errno == ECONNREFUSED) {
        probe = DS_IPC_GONE;
    } else if (errno == EAGAIN) {
        /* The backlog is full, and nobody takes from it. */
        probe = DS_IPC_SILENT;
    }
    close(fd);
    return probe;
}
