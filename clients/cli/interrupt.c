#include "clients/cli/interrupt.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MS_MAX (24 * 3600 * 1000)

static const int watched[] = {SIGINT, SIGTERM};
#define WATCHED_COUNT (sizeof(watched) / sizeof(watched[0]))

/* A signal handler has no context of its own: these are the process's. */
static struct {
    atomic_bool came;
    int descriptor;
    const char *parting; /* for standard output when a second one ends the program */
    struct sigaction before[WATCHED_COUNT];
} interrupt = {.descriptor = -1, .parting = ""};

/* In a signal handler: the signal does what it does by default as soon as the handler returns. */
static void leave(int number)
{
    const ssize_t written = write(STDOUT_FILENO, interrupt.parting, strlen(interrupt.parting));
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

static void take_signal(int number)
{
    const int saved_errno = errno;
    const uint64_t one = 1;
    if (atomic_exchange(&interrupt.came, true)) {
        leave(number);
    }
    /* Fails only where the descriptor is readable already. */
    const ssize_t written = write(interrupt.descriptor, &one, sizeof(one));
    (void)written;
    errno = saved_errno;
}

void interrupt_begin(const char *parting)
{
    interrupt.parting = parting;
    /* Without one a wait lasts its whole time; the signal is noted all the same. */
    interrupt.descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_store(&interrupt.came, false);
    struct sigaction action = {.sa_handler = take_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        sigaction(watched[i], &action, &interrupt.before[i]);
    }
}

void interrupt_end(void)
{
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        sigaction(watched[i], &interrupt.before[i], NULL);
    }
    if (interrupt.descriptor >= 0) {
        close(interrupt.descriptor);
        interrupt.descriptor = -1;
    }
}

bool interrupt_came(void)
{
    return atomic_load(&interrupt.came);
}

bool interrupt_wait_ms(int64_t wait_ms)
{
    return interrupt_wait_for(NULL, 0, wait_ms);
}

bool interrupt_wait_for(struct pollfd *descriptors, size_t count, int64_t wait_ms)
{
    struct pollfd all[INTERRUPT_DESCRIPTORS_MAX + 1] = {
        {.fd = interrupt.descriptor, .events = POLLIN}};
    assert(count <= INTERRUPT_DESCRIPTORS_MAX);
    for (size_t i = 0; i < count; i++) {
        all[i + 1] = descriptors[i];
    }
    /* A signal that breaks the wait off has been noted already. */
    const int result = poll(all, count + 1, (int)(wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX));
    for (size_t i = 0; i < count; i++) {
        descriptors[i].revents = result > 0 ? all[i + 1].revents : 0;
    }
    return interrupt_came();
}
