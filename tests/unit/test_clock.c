#include "ds/clock.h"
#include "support/test.h"

#define LONG_US 60000000

struct waiting {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_set;
};

static void *set_it(void *argument)
{
    struct waiting *waiting = argument;
    pthread_mutex_lock(&waiting->mutex);
    waiting->is_set = true;
    pthread_cond_signal(&waiting->changed);
    pthread_mutex_unlock(&waiting->mutex);
    return NULL;
}

static int64_t now_us(void)
{
    return ds_clock_monotonic_us(ds_clock_system());
}

static void a_wait_ends_when_its_time_is_over(void **state)
{
    (void)state;
    struct waiting waiting = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    const int64_t until_us = now_us() + 2000;
    pthread_mutex_lock(&waiting.mutex);
    while (ds_clock_wait_until(&waiting.changed, &waiting.mutex, until_us)) {
    }
    assert_true(now_us() >= until_us);
    assert_false(ds_clock_wait_until(&waiting.changed, &waiting.mutex, until_us));
    pthread_mutex_unlock(&waiting.mutex);
}

static void a_signal_ends_a_wait_before_its_time(void **state)
{
    (void)state;
    struct waiting waiting = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    const int64_t until_us = now_us() + LONG_US;
    pthread_t thread;
    pthread_mutex_lock(&waiting.mutex);
    assert_int_equal(pthread_create(&thread, NULL, set_it, &waiting), 0);
    bool has_time = true;
    while (!waiting.is_set && has_time) {
        has_time = ds_clock_wait_until(&waiting.changed, &waiting.mutex, until_us);
    }
    assert_true(waiting.is_set && has_time);
    pthread_mutex_unlock(&waiting.mutex);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_when_its_time_is_over),
        cmocka_unit_test(a_signal_ends_a_wait_before_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
