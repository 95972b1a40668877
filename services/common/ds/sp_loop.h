/*
 * A thread that waits for descriptors, timers and tasks: the server's connections of a listener
 * and the client's connections of a process live in such loops. Callbacks run on the loop's thread
 * and must not block. Private to ds_common.
 */
#ifndef DS_SP_LOOP_H
#define DS_SP_LOOP_H

#include "ds/code.h"
#include "ds/timers.h"

/* What a loop reads into; more than a record of TLS. */
#define DS_SP_SCRATCH_BYTES 65536

struct ds_sp_loop;

/* The machine's monotonic clock, which all times of the transport are of. Any thread. */
int64_t ds_sp_now_us(void);

/* A descriptor that is waited for. Belongs to the caller and stays where it is until a task that
 * was posted after its removal runs. */
struct ds_sp_watch {
    int fd;
    void (*ready)(struct ds_sp_watch *watch, uint32_t events); /* of epoll, level triggered */
};

/* Something to do on the loop's thread. Belongs to the caller; may be posted again once it runs. */
struct ds_sp_task {
    void (*run)(struct ds_sp_task *task);
    struct ds_sp_task *next; /* the loop's */
};

/* `name` of the thread, at most 15 characters. DS_RESOURCE_EXHAUSTED: no descriptor or no thread is
 * left. */
DS_MUST_USE ds_code ds_sp_loop_create(const char *name, struct ds_sp_loop **ret_loop);

/* Runs what was posted, ends the thread and waits for that. Nothing is watched any more. Not on the
 * loop's thread. Takes NULL. */
void ds_sp_loop_destroy(struct ds_sp_loop *loop);

/* Any thread. False where the kernel has no room for it. */
DS_MUST_USE bool ds_sp_loop_add(struct ds_sp_loop *loop, struct ds_sp_watch *watch,
                                uint32_t events);
/* Any thread, while the watch is added and its descriptor is open. */
void ds_sp_loop_change(struct ds_sp_loop *loop, struct ds_sp_watch *watch, uint32_t events);
/* Before the descriptor is closed. `ready` may be called until the next tasks run, unless the
 * removal is on the loop's thread: then it is not called any more. */
void ds_sp_loop_remove(struct ds_sp_loop *loop, struct ds_sp_watch *watch);

/* Any thread. Tasks run in the order in which they were posted, behind the callbacks of the
 * descriptors that were ready. */
void ds_sp_loop_post(struct ds_sp_loop *loop, struct ds_sp_task *task);

/* Runs `run` on the loop's thread and waits for its end; at once where that is the caller's. */
void ds_sp_loop_run(struct ds_sp_loop *loop, void (*run)(void *context), void *context);

bool ds_sp_loop_is_own_thread(const struct ds_sp_loop *loop);

/* On the loop's thread: its timers, in microseconds of the monotonic clock; the time when it last
 * woke or looked; a place of DS_SP_SCRATCH_BYTES, whose content is the callback's until it returns.
 */
struct ds_timers *ds_sp_loop_timers(struct ds_sp_loop *loop);
int64_t ds_sp_loop_now_us(const struct ds_sp_loop *loop);
uint8_t *ds_sp_loop_scratch(struct ds_sp_loop *loop);

#endif
