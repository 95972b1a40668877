#include "ds/daemon.h"

#include "ds/exit_code.h"
#include "ds/log.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MS_PER_SECOND 1000
#define NANOSECONDS_PER_MS 1000000
#define LOG_PATIENCE_MS 1000

const char *const ds_daemon_log_levels[] = {"debug", "info", "warning", "error", NULL};

static sigset_t daemon_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    return signals;
}

void ds_daemon_block_signals(void)
{
    const sigset_t signals = daemon_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void let_interrupt_through(void)
{
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
}

void ds_daemon_wait_for_stop(void (*reload)(void *context), void *context)
{
    const sigset_t signals = daemon_signals();
    for (;;) {
        int number = 0;
        if (sigwait(&signals, &number) != 0) {
            continue;
        }
        if (number != SIGHUP) {
            let_interrupt_through();
            return;
        }
        if (reload != NULL) {
            reload(context);
        }
    }
}

bool ds_daemon_allow_connections(uint64_t connection_count)
{
    const uint64_t wanted = connection_count + DS_DAEMON_FILES_BESIDES;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return false;
    }
    const struct rlimit raised = {.rlim_cur = files.rlim_max, .rlim_max = files.rlim_max};
    const bool is_raised = setrlimit(RLIMIT_NOFILE, &raised) == 0;
    const uint64_t allowed = is_raised ? files.rlim_max : files.rlim_cur;
    if (allowed < wanted) {
        ds_log(DS_LOG_WARNING, "too_few_files_for_the_connections",
               DS_LOG_INT("files", (int64_t)allowed), DS_LOG_INT("wanted", (int64_t)wanted),
               DS_LOG_TEXT("hint", "raise the limit (ulimit -Hn, LimitNOFILE=) or lower the caps "
                                   "of connections"));
    }
    return allowed >= wanted;
}

static void *cut_off(void *argument)
{
    const int limit_ms = (int)(intptr_t)argument;
    struct timespec left = {.tv_sec = limit_ms / MS_PER_SECOND,
                            .tv_nsec = (long)(limit_ms % MS_PER_SECOND) * NANOSECONDS_PER_MS};
    while (nanosleep(&left, &left) != 0) {
    }
    ds_log(DS_LOG_ERROR, "stop_cut_off", DS_LOG_INT("limit_ms", limit_ms));
    (void)ds_log_flush(LOG_PATIENCE_MS);
    _exit(DS_EXIT_ERROR); /* Exit handlers would wait for what has not ended. */
}

void ds_daemon_limit_stop(int limit_ms)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, cut_off, (void *)(intptr_t)limit_ms) != 0) {
        abort();
    }
    pthread_detach(thread);
}

void ds_daemon_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || strlen(path) >= sizeof(address.sun_path) ||
        (path[0] != '/' && path[0] != '@')) {
        return;
    }
    const size_t path_bytes = strlen(path);
    memcpy(address.sun_path, path, path_bytes);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    const int datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (datagrams < 0) {
        return;
    }
    /* A manager that does not listen is its own problem; the service works without it. */
    const socklen_t address_bytes =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_bytes);
    (void)!sendto(datagrams, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                  address_bytes);
    close(datagrams);
}
