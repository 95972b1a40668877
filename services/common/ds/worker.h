/* A bounded pool of threads for one kind of work. */
#ifndef DS_WORKER_H
#define DS_WORKER_H

#include "ds/code.h"

#include <stddef.h>

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

/* How many pieces wait now. Any thread. */
size_t ds_worker_pool_queued(struct ds_worker_pool *pool);

#endif
