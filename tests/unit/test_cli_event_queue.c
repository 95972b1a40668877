#include "clients/cli/event_queue.h"
#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ROWS_PUT 5000
#define ROW_BYTES 1000

static struct queued_event event_of(const char *topic, const char *row)
{
    return (struct queued_event){.topic = ds_bytes_of_text(topic), .row = ds_bytes_of_text(row)};
}

static bool is_readable(const struct event_queue *queue)
{
    struct pollfd wait = {.fd = event_queue_descriptor(queue), .events = POLLIN};
    return poll(&wait, 1, 0) == 1;
}

static void events_come_out_in_their_order(void **state)
{
    (void)state;
    struct event_queue *queue = event_queue_create();
    struct queued_event got;
    assert_false(is_readable(queue));
    assert_false(event_queue_take(queue, &got));
    const struct queued_event first = event_of("ticks/A", "1");
    const struct queued_event gap = {.is_break = true, .missed = 12};
    const struct queued_event last = event_of("ticks/B", "");
    event_queue_put(queue, &first);
    event_queue_put(queue, &gap);
    event_queue_put(queue, &last);
    assert_true(is_readable(queue));
    assert_true(event_queue_take(queue, &got));
    assert_true(ds_bytes_equal_text(got.topic, "ticks/A") && ds_bytes_equal_text(got.row, "1"));
    assert_false(got.is_break);
    assert_true(event_queue_take(queue, &got));
    assert_true(got.is_break && got.missed == 12);
    assert_true(is_readable(queue));
    assert_true(event_queue_take(queue, &got));
    assert_true(ds_bytes_equal_text(got.topic, "ticks/B") && got.row.size == 0);
    assert_false(is_readable(queue));
    assert_false(event_queue_take(queue, &got));
    event_queue_destroy(queue);
}

struct putter {
    struct event_queue *queue;
    atomic_int count;
};

static void *put_rows(void *argument)
{
    struct putter *putter = argument;
    char row[ROW_BYTES] = {0};
    for (int i = 0; i < ROWS_PUT; i++) {
        memcpy(row, &i, sizeof(i));
        const struct queued_event event = {.row = ds_bytes_of(row, sizeof(row))};
        event_queue_put(putter->queue, &event);
        atomic_fetch_add(&putter->count, 1);
    }
    return NULL;
}

static void who_puts_waits_for_room_and_nothing_is_lost(void **state)
{
    (void)state;
    struct putter putter = {.queue = event_queue_create()};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, put_rows, &putter), 0);
    for (int i = 0; i < ROWS_PUT; i++) {
        struct queued_event got;
        struct pollfd wait = {.fd = event_queue_descriptor(putter.queue), .events = POLLIN};
        assert_int_equal(poll(&wait, 1, -1), 1);
        assert_true(atomic_load(&putter.count) - i <= EVENT_QUEUE_BYTES_MAX / ROW_BYTES);
        assert_true(event_queue_take(putter.queue, &got));
        int number;
        memcpy(&number, got.row.data, sizeof(number));
        assert_int_equal(number, i);
    }
    pthread_join(thread, NULL);
    event_queue_destroy(putter.queue);
}

static void a_closed_queue_lets_everybody_go(void **state)
{
    (void)state;
    struct putter putter = {.queue = event_queue_create()};
    struct queued_event got;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, put_rows, &putter), 0);
    event_queue_close(putter.queue);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&putter.count), ROWS_PUT);
    assert_false(is_readable(putter.queue));
    assert_false(event_queue_take(putter.queue, &got));
    event_queue_reopen(putter.queue);
    const struct queued_event event = event_of("ticks/A", "again");
    event_queue_put(putter.queue, &event);
    assert_true(event_queue_take(putter.queue, &got));
    assert_true(ds_bytes_equal_text(got.row, "again"));
    event_queue_destroy(putter.queue);
}

static void one_event_is_let_in_whatever_its_size(void **state)
{
    (void)state;
    const size_t size = 2 * (size_t)EVENT_QUEUE_BYTES_MAX;
    uint8_t *large = calloc(1, size);
    assert_non_null(large);
    struct event_queue *queue = event_queue_create();
    struct queued_event got;
    const struct queued_event event = {.row = ds_bytes_of(large, size)};
    event_queue_put(queue, &event);
    assert_true(event_queue_take(queue, &got));
    assert_int_equal(got.row.size, size);
    event_queue_destroy(queue);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_in_their_order),
        cmocka_unit_test(who_puts_waits_for_room_and_nothing_is_lost),
        cmocka_unit_test(a_closed_queue_lets_everybody_go),
        cmocka_unit_test(one_event_is_let_in_whatever_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
