#include "ds/nng_drain.h"

#include "ds/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Patience goes by looks, not by the clock: a process that was stopped has had no time to read. */
#define LOOK_PAUSE_MS 10
#define LOOKS_MAX 1000
#define DRAINS_MAX 256

void ds_nng_traffic_pipe_changed(struct ds_nng_traffic *traffic, nng_pipe_ev event)
{
    if (event != NNG_PIPE_EV_ADD_PRE) {
        atomic_fetch_sub(&traffic->pipe_count, 1);
    } else if (atomic_fetch_add(&traffic->pipe_count, 1) == 0) {
        atomic_store(&traffic->earlier_count, atomic_load(&traffic->taken_count));
    }
}

static uint64_t count_of(nng_stat *scope, const char *name)
{
    for (nng_stat *stat = nng_stat_child(scope); stat != NULL; stat = nng_stat_next(stat)) {
        if (strcmp(nng_stat_name(stat), name) == 0) {
            return nng_stat_value(stat);
        }
    }
    return 0;
}

static bool is_pipe_of(nng_stat *scope, nng_socket socket)
{
    return strcmp(nng_stat_name(scope), "pipe") == 0 &&
           (int)count_of(scope, "socket") == nng_socket_id(socket);
}

bool ds_nng_traffic_is_over(const struct ds_nng_traffic *traffic, nng_socket socket,
                            nng_stat *counts)
{
    int pipe_count = 0;
    uint64_t sent_count = 0;
    if (counts == NULL) {
        return false;
    }
    for (nng_stat *scope = nng_stat_child(counts); scope != NULL; scope = nng_stat_next(scope)) {
        if (!is_pipe_of(scope, socket)) {
            continue;
        }
        const uint64_t sent = count_of(scope, "tx_msgs");
        if (count_of(scope, "rx_msgs") < sent) {
            return false;
        }
        pipe_count++;
        sent_count += sent;
    }
    /* A connection that has just come is not among the counts yet. */
    if (pipe_count < atomic_load(&traffic->pipe_count)) {
        return false;
    }
    return pipe_count == 0 ||
           sent_count >= atomic_load(&traffic->taken_count) - atomic_load(&traffic->earlier_count);
}

nng_stat *ds_nng_counts(void)
{
    nng_stat *counts = NULL;
    return nng_stats_get(&counts) == 0 ? counts : NULL;
}

void ds_nng_counts_free(nng_stat *counts)
{
    if (counts != NULL) {
        nng_stats_free(counts);
    }
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards all that follows */
static struct ds_nng_drain *drains;                       /* the newest first */
static bool has_thread;

/* The drain in that place, or the next one. */
static struct ds_nng_drain *drain_at(int place)
{
    pthread_mutex_lock(&mutex);
    struct ds_nng_drain *drain = drains;
    for (int i = 0; drain != NULL && i < place; i++) {
        drain = drain->next;
    }
    pthread_mutex_unlock(&mutex);
    return drain;
}

static void drain_remove(const struct ds_nng_drain *drain)
{
    pthread_mutex_lock(&mutex);
    struct ds_nng_drain **place = &drains;
    while (*place != drain) {
        place = &(*place)->next;
    }
    *place = drain->next;
    pthread_mutex_unlock(&mutex);
}

/* False where it has been ended. */
static bool drain_goes_on(struct ds_nng_drain *drain, int place, nng_stat *counts)
{
    drain->look_count++;
    if (!drain->is_over(drain, counts)) {
        if (drain->look_count < LOOKS_MAX && place < DRAINS_MAX) {
            return true;
        }
        ds_log(DS_LOG_WARNING, "nng_close_while_receiving",
               DS_LOG_INT("waited_ms", drain->look_count * LOOK_PAUSE_MS));
    }
    drain_remove(drain);
    drain->end(drain);
    return false;
}

static void look_at_drains(void)
{
    nng_stat *counts = ds_nng_counts();
    int place = 0;
    for (struct ds_nng_drain *drain = drain_at(0); drain != NULL; drain = drain_at(place)) {
        if (drain_goes_on(drain, place, counts)) {
            place++;
        }
    }
    ds_nng_counts_free(counts);
}

static bool has_drains(void)
{
    pthread_mutex_lock(&mutex);
    has_thread = drains != NULL;
    const bool goes_on = has_thread;
    pthread_mutex_unlock(&mutex);
    return goes_on;
}

static void *drain_main(void *argument)
{
    const struct timespec pause = {.tv_nsec = LOOK_PAUSE_MS * 1000000L};
    (void)argument;
    while (has_drains()) {
        look_at_drains();
        nanosleep(&pause, NULL);
    }
    return NULL;
}

void ds_nng_drain_begin(struct ds_nng_drain *drain)
{
    pthread_t thread;
    pthread_mutex_lock(&mutex);
    drain->look_count = 0;
    drain->next = drains;
    drains = drain;
    const bool needs_thread = !has_thread;
    has_thread = true;
    pthread_mutex_unlock(&mutex);
    if (needs_thread) {
        if (pthread_create(&thread, NULL, drain_main, NULL) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
}
