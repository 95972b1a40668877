#include "clients/load/loop.h"

#include "clients/load/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MS 1000000

int64_t load_clock_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        abort();
    }
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static void bell_ready(struct load_source *source, uint32_t events)
{
    struct load_loop *loop =
        (struct load_loop *)(void *)((char *)source - offsetof(struct load_loop, bell_source));
    uint64_t rings = 0;
    (void)events;
    if (read(loop->bell, &rings, sizeof rings) < 0 && errno != EAGAIN) {
        abort();
    }
}

void load_loop_init(struct load_loop *loop)
{
    *loop = (struct load_loop){
        .poll = epoll_create1(EPOLL_CLOEXEC),
        .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .bell_source = {.ready = bell_ready},
        .started_ns = load_clock_ns(),
        .input = load_allocate(1, LOAD_LOOP_INPUT_BYTES),
    };
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &loop->bell_source};
    if (loop->poll < 0 || loop->bell < 0 ||
        epoll_ctl(loop->poll, EPOLL_CTL_ADD, loop->bell, &event) != 0) {
        abort();
    }
    ds_timers_init(&loop->timers);
}

void load_loop_deinit(struct load_loop *loop)
{
    ds_timers_deinit(&loop->timers);
    close(loop->bell);
    close(loop->poll);
    free(loop->input);
}

int64_t load_loop_now_ns(const struct load_loop *loop)
{
    return load_clock_ns() - loop->started_ns;
}

void load_loop_start(struct load_loop *loop, int64_t started_ns)
{
    ds_timers_shift(&loop->timers, loop->started_ns - started_ns);
    loop->started_ns = started_ns;
}

/* Milliseconds are too coarse for planned times. Where the kernel (before 5.11) or a sandbox knows
 * nothing finer, the last millisecond goes by in turns that do not wait. */
static int wait_within(int poll, int64_t left_ns, struct epoll_event *ret_events)
{
    const struct timespec left = {.tv_sec = left_ns / NS_PER_SECOND,
                                  .tv_nsec = left_ns % NS_PER_SECOND};
    const int count = epoll_pwait2(poll, ret_events, LOAD_LOOP_EVENTS_MAX, &left, NULL);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) {
        return count;
    }
    const int64_t left_ms = left_ns / NS_PER_MS;
    return epoll_wait(poll, ret_events, LOAD_LOOP_EVENTS_MAX,
                      left_ms < INT_MAX ? (int)left_ms : INT_MAX);
}

int load_loop_wait(struct load_loop *loop, int64_t until_ns, struct epoll_event *ret_events)
{
    int64_t due_ns = until_ns;
    int64_t timer_ns = 0;
    if (ds_timers_due(&loop->timers, &timer_ns) && timer_ns < due_ns) {
        due_ns = timer_ns;
    }
    const int64_t now_ns = load_loop_now_ns(loop);
    const int64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    const int count = wait_within(loop->poll, left_ns, ret_events);
    if (count < 0 && errno != EINTR) {
        abort();
    }
    return count < 0 ? 0 : count;
}

void load_loop_handle(struct load_loop *loop, struct epoll_event *events, int event_count)
{
    for (int i = 0; i < event_count; i++) {
        struct load_source *source = events[i].data.ptr;
        source->ready(source, events[i].events);
    }
    ds_timers_fire(&loop->timers, load_loop_now_ns(loop));
}

void load_loop_ring(struct load_loop *loop)
{
    const uint64_t once = 1;
    if (write(loop->bell, &once, sizeof once) < 0 && errno != EAGAIN) {
        abort();
    }
}
