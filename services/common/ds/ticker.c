#include "ds/ticker.h"

#include "ds/clock.h"

#include <pthread.h>
#include <stdlib.h>

#define MICROSECONDS_PER_MS 1000

struct ds_ticker {
    int interval_ms;
    void (*tick)(void *context);
    void *context;

    pthread_t thread;
    pthread_mutex_t mutex; /* guards is_ending */
    pthread_cond_t ending;
    bool is_ending;
};

/* Waits until the next tick; false once there is none. */
static bool wait_for_turn(struct ds_ticker *ticker)
{
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) +
                             (int64_t)ticker->interval_ms * MICROSECONDS_PER_MS;
    pthread_mutex_lock(&ticker->mutex);
    while (!ticker->is_ending && ds_clock_wait_until(&ticker->ending, &ticker->mutex, until_us)) {
    }
    const bool is_ending = ticker->is_ending;
    pthread_mutex_unlock(&ticker->mutex);
    return !is_ending;
}

static void *ticker_main(void *argument)
{
    struct ds_ticker *ticker = argument;
    while (wait_for_turn(ticker)) {
        ticker->tick(ticker->context);
    }
    return NULL;
}

struct ds_ticker *ds_ticker_create(int interval_ms, void (*tick)(void *context), void *context)
{
    struct ds_ticker *ticker = calloc(1, sizeof *ticker);
    if (ticker == NULL) {
        abort();
    }
    ticker->interval_ms = interval_ms;
    ticker->tick = tick;
    ticker->context = context;
    pthread_mutex_init(&ticker->mutex, NULL);
    pthread_cond_init(&ticker->ending, NULL);
    if (pthread_create(&ticker->thread, NULL, ticker_main, ticker) != 0) {
        abort();
    }
    return ticker;
}

void ds_ticker_destroy(struct ds_ticker *ticker)
{
    if (ticker == NULL) {
        return;
    }
    pthread_mutex_lock(&ticker->mutex);
    ticker->is_ending = true;
    pthread_cond_signal(&ticker->ending);
    pthread_mutex_unlock(&ticker->mutex);
    pthread_join(ticker->thread, NULL);
    pthread_cond_destroy(&ticker->ending);
    pthread_mutex_destroy(&ticker->mutex);
    free(ticker);
}
