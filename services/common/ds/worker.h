/* A bounded pool of threads for one kind of work. */
#ifndef DS_WORKER_H
#define DS_WORKER_H

#include "ds/code.h"

#include <stddef.h>
#include <stdint.h>

struct ds_worker_pool;

typedef void (*ds_work_fn)(void *argument);

/* Starts `thread_count` threads; at most queue_max pieces of work wait. `name` (at most 15
 * characters) names the threads. Never NULL. */
struct ds_worker_pool *ds_worker_pool_create(const char *name, unsigned int thread_count,
                                             size_t queue_max);

/* Lets the queued work finish, then joins the threads. Takes NULL. */
void ds_worker_pool_destroy(struct ds_worker_pool *pool);

/* Never blocks. DS_RESOURCE_EXHAUSTED when the queue is full; the work will then not run. Any
 * thread. */
DS_MUST_USE ds_code ds_worker_pool_submit(struct ds_worker_pool *pool, ds_work_fn work,
                                          void *argument);

struct ds_worker_stats {
    unsigned int threads;
    unsigned int busy_threads;
    size_t queued;
    size_t queue_max;
    uint64_t refused_count; /* since the start */
};

/* What the pool does now. Any thread. */
struct ds_worker_stats ds_worker_pool_stats(struct ds_worker_pool *pool);

#endif
