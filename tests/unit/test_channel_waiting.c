/* Messages that wait for a request. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/channel_sp.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FEW 2000
#define MANY (32 * FEW)
/* 32 times as many take some 50 times as long where each takes the same or log n, else a thousand
 * times: what caches and a busy machine do is far from either. */
#define RATIO_MAX 250
#define HOUR_US INT64_C(3600000000)

static struct ds_sp_channel *channel_create(void)
{
    struct ds_sp_channel *channel = calloc(1, sizeof *channel);
    assert_non_null(channel);
    channel->base.clock = ds_clock_system();
    pthread_mutex_init(&channel->mutex, NULL);
    pthread_cond_init(&channel->waiting_changed, NULL);
    return channel;
}

static void channel_destroy(struct ds_sp_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    channel->closing = true;
    assert_null(ds_sp_waiting_take_locked(channel));
    pthread_mutex_unlock(&channel->mutex);
    ds_sp_waiting_end(channel);
    pthread_mutex_destroy(&channel->mutex);
    free(channel);
}

static struct ds_sp_message *push(struct ds_sp_channel *channel, int64_t deadline_us)
{
    struct ds_sp_message *message = calloc(1, sizeof *message);
    assert_non_null(message);
    message->channel = channel;
    message->deadline_us = deadline_us;
    pthread_mutex_lock(&channel->mutex);
    ds_sp_waiting_push_locked(channel, message);
    pthread_mutex_unlock(&channel->mutex);
    return message;
}

static bool is_empty(struct ds_sp_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    const bool is_empty = channel->waiting_first == NULL;
    pthread_mutex_unlock(&channel->mutex);
    return is_empty;
}

/* Of all threads: a machine that stalls does not count. */
static double cpu_seconds(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (double)spent.tv_sec + (double)spent.tv_nsec * 1e-9;
}

static int64_t now_us(void)
{
    return ds_clock_monotonic_us(ds_clock_system());
}

static double stop_from_the_last(size_t count)
{
    struct ds_sp_message **messages = calloc(count, sizeof *messages);
    assert_non_null(messages);
    struct ds_sp_channel *channel = channel_create();
    for (size_t i = 0; i < count; i++) {
        messages[i] = push(channel, now_us() + HOUR_US);
    }
    const double begun = cpu_seconds();
    pthread_mutex_lock(&channel->mutex);
    for (size_t i = count; i > 0; i--) {
        ds_sp_message_stop_waiting_locked(messages[i - 1]);
    }
    pthread_mutex_unlock(&channel->mutex);
    const double spent = cpu_seconds() - begun;
    for (size_t i = 0; i < count; i++) {
        free(messages[i]);
    }
    free(messages);
    channel_destroy(channel);
    return spent;
}

static double pass_deadlines(size_t count)
{
    struct ds_sp_channel *channel = channel_create();
    const int64_t due_us = now_us() - 1;
    /* Nobody looks after them until all are there. */
    channel->has_waiting_watcher = true;
    for (size_t i = 0; i < count; i++) {
        (void)push(channel, due_us - (int64_t)i);
    }
    channel->has_waiting_watcher = false;
    const double begun = cpu_seconds();
    (void)push(channel, due_us);
    while (!is_empty(channel)) {
        usleep(1000);
    }
    const double spent = cpu_seconds() - begun;
    channel_destroy(channel);
    return spent;
}

static void messages_are_given_up_as_fast_however_many_wait(void **state)
{
    (void)state;
    const double few = stop_from_the_last(FEW);
    assert_true(stop_from_the_last(MANY) < RATIO_MAX * few);
}

static void deadlines_pass_as_fast_however_many_wait(void **state)
{
    (void)state;
    const double few = pass_deadlines(FEW);
    assert_true(pass_deadlines(MANY) < RATIO_MAX * few);
}

static void messages_get_a_request_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    struct ds_sp_channel *channel = channel_create();
    struct ds_sp_message *messages[4];
    for (int i = 0; i < 4; i++) {
        messages[i] = push(channel, now_us() + HOUR_US - i);
    }
    pthread_mutex_lock(&channel->mutex);
    ds_sp_message_stop_waiting_locked(messages[1]);
    ds_sp_message_stop_waiting_locked(messages[3]);
    assert_ptr_equal(ds_sp_waiting_pop_locked(channel), messages[0]);
    assert_ptr_equal(ds_sp_waiting_pop_locked(channel), messages[2]);
    assert_null(ds_sp_waiting_pop_locked(channel));
    pthread_mutex_unlock(&channel->mutex);
    for (int i = 0; i < 4; i++) {
        free(messages[i]);
    }
    channel_destroy(channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_given_up_as_fast_however_many_wait),
        cmocka_unit_test(deadlines_pass_as_fast_however_many_wait),
        cmocka_unit_test(messages_get_a_request_in_the_order_in_which_they_came),
    };
    return cmocka_run_group_tests_name("channel, waiting", tests, NULL, NULL);
}
