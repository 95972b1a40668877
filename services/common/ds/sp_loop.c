#include "ds/sp_loop.h"

#include "ds/clock.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Callbacks before tasks and timers have their turn. */
#define EVENTS_MAX 128
#define NAME_BYTES 16
#define US_PER_MS 1000

struct ds_sp_loop {
    int epoll;
    struct ds_sp_watch wake; /* an eventfd */
    pthread_t thread;
    char name[NAME_BYTES];
    struct ds_timers timers;
    int64_t now_us;
    struct epoll_event events[EVENTS_MAX]; /* of the round, of which those from event_at are left */
    int event_at;
    int event_count;

    pthread_mutex_t mutex; /* guards what follows */
    struct ds_sp_task *first;
    struct ds_sp_task *last;
    bool is_ending;

    uint8_t scratch[DS_SP_SCRATCH_BYTES];
};

/* The loop whose thread this is. */
static _Thread_local const struct ds_sp_loop *own_loop;

int64_t ds_sp_now_us(void)
{
    return ds_clock_monotonic_us(ds_clock_system());
}

static void wake_ready(struct ds_sp_watch *watch, uint32_t events)
{
    eventfd_t count;
    (void)events;
    (void)eventfd_read(watch->fd, &count);
}

/* Rounded up, or the last wait would be a loop of its own. */
static int wait_ms(struct ds_sp_loop *loop)
{
    int64_t due_us;
    if (!ds_timers_due(&loop->timers, &due_us)) {
        return -1;
    }
    const int64_t left_us = due_us - ds_sp_now_us();
    const int64_t left_ms = (left_us + US_PER_MS - 1) / US_PER_MS;
    return left_us <= 0 ? 0 : left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

static void run_events(struct ds_sp_loop *loop)
{
    const int count = epoll_wait(loop->epoll, loop->events, EVENTS_MAX, wait_ms(loop));
    loop->now_us = ds_sp_now_us();
    loop->event_count = count > 0 ? count : 0;
    for (loop->event_at = 0; loop->event_at < loop->event_count;) {
        const struct epoll_event *event = &loop->events[loop->event_at++];
        struct ds_sp_watch *watch = event->data.ptr;
        if (watch != NULL) {
            watch->ready(watch, event->events);
        }
    }
    loop->event_count = 0;
}

/* False once the loop ends and nothing is left to do. */
static bool run_tasks(struct ds_sp_loop *loop, bool *ret_is_ending)
{
    pthread_mutex_lock(&loop->mutex);
    struct ds_sp_task *task = loop->first;
    const bool goes_on = task != NULL || !loop->is_ending;
    *ret_is_ending = loop->is_ending;
    loop->first = NULL;
    loop->last = NULL;
    pthread_mutex_unlock(&loop->mutex);
    while (task != NULL) {
        struct ds_sp_task *next = task->next;
        task->run(task);
        task = next;
    }
    return goes_on;
}

static void *loop_main(void *argument)
{
    struct ds_sp_loop *loop = argument;
    own_loop = loop;
    (void)pthread_setname_np(pthread_self(), loop->name);
    loop->now_us = ds_sp_now_us();
    bool is_ending = false;
    while (run_tasks(loop, &is_ending)) {
        if (!is_ending) { /* It has been woken for the end already. */
            run_events(loop);
            ds_timers_fire(&loop->timers, loop->now_us);
        }
    }
    return NULL;
}

static void loop_free(struct ds_sp_loop *loop)
{
    if (loop->epoll >= 0) {
        close(loop->epoll);
    }
    if (loop->wake.fd >= 0) {
        close(loop->wake.fd);
    }
    ds_timers_deinit(&loop->timers);
    pthread_mutex_destroy(&loop->mutex);
    free(loop);
}

ds_code ds_sp_loop_create(const char *name, struct ds_sp_loop **ret_loop)
{
    struct ds_sp_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        abort();
    }
    strncpy(loop->name, name, sizeof loop->name - 1);
    ds_timers_init(&loop->timers);
    pthread_mutex_init(&loop->mutex, NULL);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake =
        (struct ds_sp_watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = wake_ready};
    if (loop->epoll < 0 || loop->wake.fd < 0 || !ds_sp_loop_add(loop, &loop->wake, EPOLLIN) ||
        pthread_create(&loop->thread, NULL, loop_main, loop) != 0) {
        loop_free(loop);
        return DS_RESOURCE_EXHAUSTED;
    }
    *ret_loop = loop;
    return DS_OK;
}

void ds_sp_loop_destroy(struct ds_sp_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    pthread_mutex_lock(&loop->mutex);
    loop->is_ending = true;
    pthread_mutex_unlock(&loop->mutex);
    (void)eventfd_write(loop->wake.fd, 1);
    pthread_join(loop->thread, NULL);
    loop_free(loop);
}

bool ds_sp_loop_add(struct ds_sp_loop *loop, struct ds_sp_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void ds_sp_loop_change(struct ds_sp_loop *loop, struct ds_sp_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void ds_sp_loop_remove(struct ds_sp_loop *loop, struct ds_sp_watch *watch)
{
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    if (!ds_sp_loop_is_own_thread(loop)) {
        return;
    }
    for (int i = loop->event_at; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == watch) {
            loop->events[i].data.ptr = NULL;
        }
    }
}

void ds_sp_loop_post(struct ds_sp_loop *loop, struct ds_sp_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&loop->mutex);
    const bool was_empty = loop->first == NULL;
    if (was_empty) {
        loop->first = task;
    } else {
        loop->last->next = task;
    }
    loop->last = task;
    pthread_mutex_unlock(&loop->mutex);
    if (was_empty) {
        (void)eventfd_write(loop->wake.fd, 1);
    }
}

struct run {
    struct ds_sp_task task;
    void (*run)(void *context);
    void *context;
    pthread_mutex_t mutex; /* guards is_over */
    pthread_cond_t over;
    bool is_over;
};

static void run_run(struct ds_sp_task *task)
{
    struct run *run = (struct run *)task;
    run->run(run->context);
    pthread_mutex_lock(&run->mutex);
    run->is_over = true;
    pthread_cond_signal(&run->over);
    pthread_mutex_unlock(&run->mutex);
}

void ds_sp_loop_run(struct ds_sp_loop *loop, void (*run)(void *context), void *context)
{
    if (ds_sp_loop_is_own_thread(loop)) {
        run(context);
        return;
    }
    struct run posted = {.task.run = run_run, .run = run, .context = context};
    pthread_mutex_init(&posted.mutex, NULL);
    pthread_cond_init(&posted.over, NULL);
    ds_sp_loop_post(loop, &posted.task);
    pthread_mutex_lock(&posted.mutex);
    while (!posted.is_over) {
        pthread_cond_wait(&posted.over, &posted.mutex);
    }
    pthread_mutex_unlock(&posted.mutex);
    pthread_cond_destroy(&posted.over);
    pthread_mutex_destroy(&posted.mutex);
}

bool ds_sp_loop_is_own_thread(const struct ds_sp_loop *loop)
{
    return own_loop == loop;
}

struct ds_timers *ds_sp_loop_timers(struct ds_sp_loop *loop)
{
    return &loop->timers;
}

int64_t ds_sp_loop_now_us(const struct ds_sp_loop *loop)
{
    return loop->now_us;
}

uint8_t *ds_sp_loop_scratch(struct ds_sp_loop *loop)
{
    return loop->scratch;
}
