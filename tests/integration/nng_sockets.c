#include "integration/nng_sockets.h"

#include "ds/clock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_US 2000000
#define LOOK_US 1000

/* Left behind where nng is stuck. */
struct closer {
    nng_socket socket;
    atomic_bool is_closed;
    atomic_bool is_abandoned;
};

static void *closer_main(void *argument)
{
    struct closer *closer = argument;
    nng_close(closer->socket);
    atomic_store(&closer->is_closed, true);
    if (atomic_load(&closer->is_abandoned)) {
        free(closer);
    }
    return NULL;
}

bool nng_sockets_close(nng_socket socket)
{
    struct closer *closer = calloc(1, sizeof *closer);
    pthread_t thread;
    if (closer == NULL) {
        abort();
    }
    closer->socket = socket;
    if (pthread_create(&thread, NULL, closer_main, closer) != 0) {
        abort();
    }
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + PATIENCE_US;
    while (!atomic_load(&closer->is_closed) &&
           ds_clock_monotonic_us(ds_clock_system()) < until_us) {
        usleep(LOOK_US);
    }
    if (!atomic_load(&closer->is_closed)) {
        atomic_store(&closer->is_abandoned, true);
        pthread_detach(thread);
        return false;
    }
    pthread_join(thread, NULL);
    free(closer);
    return true;
}
