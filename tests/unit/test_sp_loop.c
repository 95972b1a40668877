/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/sp_loop.h"

#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TASKS 100

static struct ds_sp_loop *loop_create(void)
{
    struct ds_sp_loop *loop = NULL;
    assert_int_equal(ds_sp_loop_create("test-loop", &loop), DS_OK);
    return loop;
}

struct numbered {
    struct ds_sp_task task; /* first */
    int number;
};

static int run_count;

static void run_numbered(struct ds_sp_task *task)
{
    assert_int_equal(((struct numbered *)task)->number, run_count);
    run_count++;
}

static void tasks_run_in_their_order_and_before_the_end(void **state)
{
    (void)state;
    struct numbered tasks[TASKS];
    struct ds_sp_loop *loop = loop_create();
    run_count = 0;
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = (struct numbered){.task.run = run_numbered, .number = i};
        ds_sp_loop_post(loop, &tasks[i].task);
    }
    ds_sp_loop_destroy(loop);
    assert_int_equal(run_count, TASKS);
}

struct own {
    struct ds_sp_loop *loop;
    int depth;
};

static void look_at_own(void *context)
{
    struct own *own = context;
    assert_true(ds_sp_loop_is_own_thread(own->loop));
    assert_true(ds_sp_loop_now_us(own->loop) > 0);
    if (++own->depth < 3) {
        ds_sp_loop_run(own->loop, look_at_own, own);
    }
}

static void a_run_waits_for_its_end_and_may_be_nested(void **state)
{
    (void)state;
    struct own own = {.loop = loop_create()};
    assert_false(ds_sp_loop_is_own_thread(own.loop));
    ds_sp_loop_run(own.loop, look_at_own, &own);
    assert_int_equal(own.depth, 3);
    ds_sp_loop_destroy(own.loop);
}

/* Two descriptors that are ready in the same round, of which the first to be told removes both. */
struct pair {
    struct ds_sp_watch watches[2];
    struct ds_sp_loop *loop;
    int told_count;
    sem_t told;
};

static struct pair *pair_in_test;

static void pair_ready(struct ds_sp_watch *watch, uint32_t events)
{
    struct pair *pair = pair_in_test;
    (void)watch;
    assert_true((events & EPOLLIN) != 0);
    pair->told_count++;
    ds_sp_loop_remove(pair->loop, &pair->watches[0]);
    ds_sp_loop_remove(pair->loop, &pair->watches[1]);
    sem_post(&pair->told);
}

static void pair_add(void *context)
{
    struct pair *pair = context;
    assert_true(ds_sp_loop_add(pair->loop, &pair->watches[0], EPOLLIN));
    assert_true(ds_sp_loop_add(pair->loop, &pair->watches[1], EPOLLIN));
}

static void nothing(void *context)
{
    (void)context;
}

static void what_was_removed_is_not_told_of_any_more(void **state)
{
    (void)state;
    struct pair pair = {.loop = loop_create()};
    int ends[2][2];
    pair_in_test = &pair;
    assert_int_equal(sem_init(&pair.told, 0, 0), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
        assert_int_equal(write(ends[i][1], "x", 1), 1);
        pair.watches[i] = (struct ds_sp_watch){.fd = ends[i][0], .ready = pair_ready};
    }
    ds_sp_loop_run(pair.loop, pair_add, &pair); /* Between two rounds: both are ready in one. */
    assert_int_equal(sem_wait(&pair.told), 0);
    ds_sp_loop_run(pair.loop, nothing, NULL);
    assert_int_equal(pair.told_count, 1);
    ds_sp_loop_destroy(pair.loop);
    for (int i = 0; i < 2; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
    sem_destroy(&pair.told);
}

struct alarm {
    struct ds_timer timer; /* first */
    struct ds_sp_loop *loop;
    sem_t fired;
};

static void alarm_fired(struct ds_timer *timer)
{
    struct alarm *alarm = (struct alarm *)timer;
    assert_true(ds_sp_loop_now_us(alarm->loop) >= timer->at);
    sem_post(&alarm->fired);
}

static void alarm_set(void *context)
{
    struct alarm *alarm = context;
    ds_timers_set(ds_sp_loop_timers(alarm->loop), &alarm->timer,
                  ds_sp_loop_now_us(alarm->loop) + 1500);
}

static void a_timer_fires_when_it_is_due(void **state)
{
    (void)state;
    struct alarm alarm = {.timer.fire = alarm_fired, .loop = loop_create()};
    assert_int_equal(sem_init(&alarm.fired, 0, 0), 0);
    ds_sp_loop_run(alarm.loop, alarm_set, &alarm);
    assert_int_equal(sem_wait(&alarm.fired), 0);
    ds_sp_loop_destroy(alarm.loop);
    sem_destroy(&alarm.fired);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_in_their_order_and_before_the_end),
        cmocka_unit_test(a_run_waits_for_its_end_and_may_be_nested),
        cmocka_unit_test(what_was_removed_is_not_told_of_any_more),
        cmocka_unit_test(a_timer_fires_when_it_is_due),
    };
    return cmocka_run_group_tests_name("sp loop", tests, NULL, NULL);
}
