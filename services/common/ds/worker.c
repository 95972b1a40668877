#include "ds/worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

/* Deep enough for protobuf-c's unpack at DS_WIRE_DEPTH_MAX with room to spare. */
#define WORKER_STACK_BYTES (256 * 1024)

struct work {
    ds_work_fn run;
    void *argument;
};

struct ds_worker_pool {
    pthread_mutex_t mutex; /* guards all that follows but `threads` and `name` */
    pthread_cond_t work_came;
    struct work *ring; /* queue_max places */
    size_t queue_max;
    size_t first;
    size_t queued;
    unsigned int busy_threads;
    uint64_t refused_count;
    bool stopping;

    char name[16];
    unsigned int thread_count;
    pthread_t threads[];
};

/* Takes the next piece of work; the thread was busy with one before, or is new. False when the pool
 * stops and nothing is left to do. */
static bool work_take(struct ds_worker_pool *pool, bool was_busy, struct work *ret_work)
{
    pthread_mutex_lock(&pool->mutex);
    pool->busy_threads -= was_busy ? 1 : 0;
    while (pool->queued == 0 && !pool->stopping) {
        pthread_cond_wait(&pool->work_came, &pool->mutex);
    }
    const bool taken = pool->queued > 0;
    if (taken) {
        *ret_work = pool->ring[pool->first];
        pool->first = (pool->first + 1) % pool->queue_max;
        pool->queued--;
        pool->busy_threads++;
    }
    pthread_mutex_unlock(&pool->mutex);
    return taken;
}

static void *worker_main(void *argument)
{
    struct ds_worker_pool *pool = argument;
    prctl(PR_SET_NAME, pool->name);
    struct work work;
    bool was_busy = false;
    while (work_take(pool, was_busy, &work)) {
        work.run(work.argument);
        was_busy = true;
    }
    return NULL;
}

static void thread_start(struct ds_worker_pool *pool, unsigned int index)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
    if (pthread_create(&pool->threads[index], &attributes, worker_main, pool) != 0) {
        abort();
    }
    pthread_attr_destroy(&attributes);
}

struct ds_worker_pool *ds_worker_pool_create(const char *name, unsigned int thread_count,
                                             size_t queue_max)
{
    assert(thread_count > 0 && queue_max > 0);
    struct ds_worker_pool *pool = calloc(1, sizeof *pool + thread_count * sizeof *pool->threads);
    struct work *ring = calloc(queue_max, sizeof *ring);
    if (pool == NULL || ring == NULL) {
        abort();
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work_came, NULL);
    pool->ring = ring;
    pool->queue_max = queue_max;
    pool->thread_count = thread_count;
    snprintf(pool->name, sizeof pool->name, "%s", name);
    for (unsigned int i = 0; i < thread_count; i++) {
        thread_start(pool, i);
    }
    return pool;
}

void ds_worker_pool_destroy(struct ds_worker_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work_came);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned int i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    pthread_cond_destroy(&pool->work_came);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->ring);
    free(pool);
}

ds_code ds_worker_pool_submit(struct ds_worker_pool *pool, ds_work_fn work, void *argument)
{
    pthread_mutex_lock(&pool->mutex);
    const bool full = pool->queued == pool->queue_max || pool->stopping;
    if (!full) {
        const size_t last = (pool->first + pool->queued) % pool->queue_max;
        pool->ring[last] = (struct work){.run = work, .argument = argument};
        pool->queued++;
        pthread_cond_signal(&pool->work_came);
    } else {
        pool->refused_count++;
    }
    pthread_mutex_unlock(&pool->mutex);
    return full ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

struct ds_worker_stats ds_worker_pool_stats(struct ds_worker_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    const struct ds_worker_stats stats = {.threads = pool->thread_count,
                                          .busy_threads = pool->busy_threads,
                                          .queued = pool->queued,
                                          .queue_max = pool->queue_max,
                                          .refused_count = pool->refused_count};
    pthread_mutex_unlock(&pool->mutex);
    return stats;
}
