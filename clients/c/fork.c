#include "clients/c/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

bool fork_is_orphan;
static atomic_size_t client_count;

static void note_child(void)
{
    fork_is_orphan = fork_is_orphan || atomic_load(&client_count) > 0;
}

static void watch(void)
{
    if (pthread_atfork(NULL, NULL, note_child) != 0) {
        abort(); /* Only for want of memory. */
    }
}

void fork_note_open(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
    atomic_fetch_add(&client_count, 1);
}

void fork_note_close(void)
{
    atomic_fetch_sub(&client_count, 1);
}

void fork_refuse(void)
{
    static const char text[] =
        "libdeltastream: a child of fork() must not use the library where its parent has a client "
        "open; let it exec a program first\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    abort();
}
