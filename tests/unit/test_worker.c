/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* A door that work waits at. */
struct door {
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    bool is_open;
    int waiting;
    int passed;
};

static void pass(void *argument)
{
    struct door *door = argument;
    pthread_mutex_lock(&door->mutex);
    door->waiting++;
    pthread_cond_broadcast(&door->changed);
    while (!door->is_open) {
        pthread_cond_wait(&door->changed, &door->mutex);
    }
    door->passed++;
    pthread_mutex_unlock(&door->mutex);
}

static void await_waiting(struct door *door, int count)
{
    pthread_mutex_lock(&door->mutex);
    while (door->waiting < count) {
        pthread_cond_wait(&door->changed, &door->mutex);
    }
    pthread_mutex_unlock(&door->mutex);
}

static void open_door(struct door *door)
{
    pthread_mutex_lock(&door->mutex);
    door->is_open = true;
    pthread_cond_broadcast(&door->changed);
    pthread_mutex_unlock(&door->mutex);
}

static void a_full_queue_refuses_and_nothing_taken_is_lost(void **state)
{
    (void)state;
    struct door door = {.is_open = false};
    pthread_mutex_init(&door.mutex, NULL);
    pthread_cond_init(&door.changed, NULL);
    struct ds_worker_pool *pool = ds_worker_pool_create("test", 2, 3);
    assert_int_equal(ds_worker_pool_submit(pool, pass, &door), DS_OK);
    assert_int_equal(ds_worker_pool_submit(pool, pass, &door), DS_OK);
    await_waiting(&door, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ds_worker_pool_submit(pool, pass, &door), DS_OK);
    }
    assert_int_equal(ds_worker_pool_submit(pool, pass, &door), DS_RESOURCE_EXHAUSTED);
    const struct ds_worker_stats stats = ds_worker_pool_stats(pool);
    assert_int_equal(stats.threads, 2);
    assert_int_equal(stats.busy_threads, 2);
    assert_int_equal(stats.queued, 3);
    assert_int_equal(stats.queue_max, 3);
    assert_int_equal(stats.refused_count, 1);
    open_door(&door);
    ds_worker_pool_destroy(pool);
    assert_int_equal(door.passed, 5);
    pthread_cond_destroy(&door.changed);
    pthread_mutex_destroy(&door.mutex);
}

static void a_thread_is_busy_until_its_work_is_done(void **state)
{
    (void)state;
    struct door door = {.is_open = false};
    struct door second = {.is_open = false};
    pthread_mutex_init(&door.mutex, NULL);
    pthread_cond_init(&door.changed, NULL);
    pthread_mutex_init(&second.mutex, NULL);
    pthread_cond_init(&second.changed, NULL);
    struct ds_worker_pool *pool = ds_worker_pool_create("test", 1, 2);
    assert_int_equal(ds_worker_pool_stats(pool).busy_threads, 0);
    assert_int_equal(ds_worker_pool_submit(pool, pass, &door), DS_OK);
    assert_int_equal(ds_worker_pool_submit(pool, pass, &second), DS_OK);
    await_waiting(&door, 1);
    open_door(&door);
    await_waiting(&second, 1); /* The thread has come back for it. */
    assert_int_equal(ds_worker_pool_stats(pool).busy_threads, 1);
    assert_int_equal(ds_worker_pool_stats(pool).queued, 0);
    open_door(&second);
    ds_worker_pool_destroy(pool);
    pthread_cond_destroy(&second.changed);
    pthread_mutex_destroy(&second.mutex);
    pthread_cond_destroy(&door.changed);
    pthread_mutex_destroy(&door.mutex);
}

static void count_up(void *argument)
{
    atomic_fetch_add((atomic_int *)argument, 1);
}

static void destroy_lets_queued_work_finish(void **state)
{
    (void)state;
    atomic_int count = 0;
    struct ds_worker_pool *pool = ds_worker_pool_create("test", 1, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ds_worker_pool_submit(pool, count_up, &count), DS_OK);
    }
    ds_worker_pool_destroy(pool);
    assert_int_equal(atomic_load(&count), 1000);
    ds_worker_pool_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_refuses_and_nothing_taken_is_lost),
        cmocka_unit_test(a_thread_is_busy_until_its_work_is_done),
        cmocka_unit_test(destroy_lets_queued_work_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
