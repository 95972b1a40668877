#include "clients/load/selftest_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t selftest_counted(const struct selftest_counts *counts)
{
    return atomic_load(&counts->answered) + atomic_load(&counts->refused) +
           atomic_load(&counts->withheld);
}

void selftest_counts_clear(struct selftest_counts *counts)
{
    atomic_store(&counts->answered, 0);
    atomic_store(&counts->refused, 0);
    atomic_store(&counts->withheld, 0);
}

/* Waits for the wish of the process that started us, or for its end. */
static void wait_for_end(int control)
{
    char byte;
    while (read(control, &byte, 1) < 0 && errno == EINTR) {
    }
}

/* The stub's process: tells its URL on `news`, or ends at once. */
static void serve(const struct selftest_process *process, bool is_rest,
                  const struct selftest_stall *stall, int control, int news)
{
    char url[SELFTEST_URL_BYTES_MAX] = "";
    struct selftest_rest *rest = NULL;
    struct selftest_native *native = NULL;
    /* Who interrupts the program means the client, which then ends us. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    if (is_rest) {
        rest = selftest_rest_start(stall, process->counts, url);
    } else {
        native = selftest_native_start(process->counts, url);
    }
    if ((rest != NULL || native != NULL) && write(news, url, sizeof(url)) == (ssize_t)sizeof(url)) {
        wait_for_end(control);
    }
    selftest_rest_stop(rest);
    selftest_native_stop(native);
}

static bool take_url(struct selftest_process *process, int news)
{
    /* A pipe takes so little at once. */
    return read(news, process->url, sizeof(process->url)) == (ssize_t)sizeof(process->url);
}

static bool fork_stub(struct selftest_process *process, bool is_rest,
                      const struct selftest_stall *stall, const int control[2], const int news[2])
{
    fflush(stdout);
    process->id = fork();
    if (process->id == 0) {
        close(control[1]);
        close(news[0]);
        serve(process, is_rest, stall, control[0], news[1]);
        _exit(0);
    }
    close(control[0]);
    close(news[1]);
    process->control = control[1];
    const bool is_there = process->id > 0 && take_url(process, news[0]);
    close(news[0]);
    return is_there;
}

bool selftest_process_start(struct selftest_process *process, bool is_rest,
                            const struct selftest_stall *stall)
{
    int control[2];
    int news[2];
    void *memory = mmap(NULL, sizeof(*process->counts), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || pipe2(control, O_CLOEXEC) != 0 || pipe2(news, O_CLOEXEC) != 0) {
        abort();
    }
    *process = (struct selftest_process){.counts = memory};
    if (fork_stub(process, is_rest, stall, control, news)) {
        return true;
    }
    fprintf(stderr, "deltastream-load selftest: the server to test with does not start\n");
    selftest_process_stop(process);
    return false;
}

void selftest_process_stop(struct selftest_process *process)
{
    if (process->counts == NULL) {
        return;
    }
    /* Another stub may have the end of the pipe open too: closing it is not enough. */
    const ssize_t written = write(process->control, "", 1);
    (void)written;
    close(process->control);
    if (process->id > 0) {
        waitpid(process->id, NULL, 0);
    }
    munmap(process->counts, sizeof(*process->counts));
    *process = (struct selftest_process){0};
}
