#include "ds/sp_lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ds_sp_lookup {
    struct ds_sp_task task; /* first: the loop is given it */
    struct ds_sp_loop *loop;
    char host[DS_SP_HOST_BYTES_MAX];
    char port[DS_SP_PORT_BYTES_MAX];
    ds_sp_lookup_fn done;
    void *context;
    struct ds_sp_address address;
    bool is_abandoned;
};

/* Guards `is_abandoned` of all of them: a lookup may be gone as soon as it is posted. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void tell(struct ds_sp_task *task)
{
    struct ds_sp_lookup *lookup = (struct ds_sp_lookup *)task;
    if (!lookup->is_abandoned) { /* Written on this very thread. */
        lookup->done(lookup->context, &lookup->address);
    }
    free(lookup);
}

static void look_up(struct ds_sp_lookup *lookup)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(lookup->host, lookup->port, &hints, &found) != 0) {
        return;
    }
    struct ds_sp_address *address = &lookup->address;
    for (const struct addrinfo *one = found; one != NULL && address->place_count < DS_SP_PLACES_MAX;
         one = one->ai_next) {
        struct ds_sp_place *place = &address->places[address->place_count++];
        memcpy(&place->address, one->ai_addr, one->ai_addrlen);
        place->size = one->ai_addrlen;
    }
    freeaddrinfo(found);
}

static void *lookup_main(void *argument)
{
    struct ds_sp_lookup *lookup = argument;
    look_up(lookup);
    pthread_mutex_lock(&mutex);
    const bool is_abandoned = lookup->is_abandoned;
    if (!is_abandoned) {
        ds_sp_loop_post(lookup->loop, &lookup->task);
    }
    pthread_mutex_unlock(&mutex);
    if (is_abandoned) {
        free(lookup);
    }
    return NULL;
}

struct ds_sp_lookup *ds_sp_lookup_start(struct ds_sp_loop *loop, const char *host, const char *port,
                                        ds_sp_lookup_fn done, void *context)
{
    pthread_t thread;
    struct ds_sp_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) {
        abort();
    }
    lookup->task.run = tell;
    lookup->loop = loop;
    lookup->done = done;
    lookup->context = context;
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    snprintf(lookup->port, sizeof lookup->port, "%s", port);
    if (pthread_create(&thread, NULL, lookup_main, lookup) != 0) {
        free(lookup);
        return NULL;
    }
    pthread_detach(thread);
    return lookup;
}

void ds_sp_lookup_abandon(struct ds_sp_lookup *lookup)
{
    if (lookup != NULL) {
        pthread_mutex_lock(&mutex);
        lookup->is_abandoned = true;
        pthread_mutex_unlock(&mutex);
    }
}
