/* Orders to delete that wait together are one transaction of the embedded store. */
#include "ds/log.h"
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

#define SERIES 100

/* A store whose sink holds its writer up while the gate is shut. */
struct scene {
    char folder[64];
    struct market_store *store;
    char names[SERIES][16];
    struct market_delete orders[SERIES];

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool is_shut;
    bool is_waiting;
    size_t done_count;
    struct market_delete *done[SERIES]; /* as they came */
};

static void events_hold(void *context, const struct ds_event *events, size_t count)
{
    struct scene *scene = context;
    (void)events;
    (void)count;
    pthread_mutex_lock(&scene->lock);
    scene->is_waiting = true;
    pthread_cond_broadcast(&scene->changed);
    while (scene->is_shut) {
        pthread_cond_wait(&scene->changed, &scene->lock);
    }
    scene->is_waiting = false;
    pthread_mutex_unlock(&scene->lock);
}

static int scene_setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    assert_non_null(scene);
    pthread_mutex_init(&scene->lock, NULL);
    pthread_cond_init(&scene->changed, NULL);
    folder_make(scene->folder, sizeof(scene->folder));
    for (size_t i = 0; i < SERIES; i++) {
        snprintf(scene->names[i], sizeof(scene->names[i]), "S%02zu", i);
    }
    const struct market_store_options options = {
        .map_bytes = 1 << 28,
        .free_bytes_min = 1,
        .events = {.publish = events_hold, .context = scene},
    };
    scene->store = engine_under_test.open(scene->folder, &options);
    *state = scene;
    return 0;
}

static int scene_teardown(void **state)
{
    struct scene *scene = *state;
    scene->store->ops->close(scene->store);
    folder_remove(scene->folder);
    pthread_cond_destroy(&scene->changed);
    pthread_mutex_destroy(&scene->lock);
    free(scene);
    return 0;
}

static void put_done(struct market_batch *batch)
{
    (void)batch;
}

/* Puts a row whose event the writer waits for. */
static void writer_hold(struct scene *scene, struct market_batch *batch)
{
    scene->is_shut = true;
    batch->done = put_done;
    scene->store->ops->put(scene->store, batch);
    pthread_mutex_lock(&scene->lock);
    while (!scene->is_waiting) {
        pthread_cond_wait(&scene->changed, &scene->lock);
    }
    pthread_mutex_unlock(&scene->lock);
}

static void delete_done(struct market_delete *order)
{
    struct scene *scene = order->context;
    pthread_mutex_lock(&scene->lock);
    scene->done[scene->done_count++] = order;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
}

static void delete_later(struct scene *scene, size_t i)
{
    scene->orders[i] = (struct market_delete){
        .kind = MARKET_TICKS,
        .series = ds_bytes_of_text(scene->names[i]),
        .start_us = INT64_MIN,
        .end_us = INT64_MAX,
        .row_max = MARKET_DELETE_ROWS_MAX,
        .done = delete_done,
        .context = scene,
    };
    scene->store->ops->delete_rows(scene->store, &scene->orders[i]);
}

/* Lets the writer go on, and waits until so many orders are done. */
static void writer_release(struct scene *scene, size_t done_count)
{
    pthread_mutex_lock(&scene->lock);
    scene->is_shut = false;
    pthread_cond_broadcast(&scene->changed);
    while (scene->done_count < done_count) {
        pthread_cond_wait(&scene->changed, &scene->lock);
    }
    pthread_mutex_unlock(&scene->lock);
}

/* A batch of one row, for the writer to be held up with. */
struct lone_row {
    struct market_row row;
    enum market_outcome outcome;
    struct market_batch batch;
};

static void lone_row_init(struct lone_row *lone)
{
    lone->row = row_of("HELD", 1, "t", "v");
    lone->batch = (struct market_batch){
        .kind = MARKET_TICKS, .rows = &lone->row, .row_count = 1, .outcomes = &lone->outcome};
}

static void orders_that_wait_share_a_transaction_and_are_told_in_their_order(void **state)
{
    struct scene *scene = *state;
    struct market_row rows[SERIES];
    enum market_outcome outcomes[SERIES];
    struct lone_row lone;
    for (size_t i = 0; i < SERIES; i++) {
        rows[i] = row_of(scene->names[i], 100, "t", "v");
    }
    put_rows(scene->store, rows, SERIES, NULL);
    lone_row_init(&lone);
    writer_hold(scene, &lone.batch);
    const uint64_t commits = stats_of(scene->store).commit_count;
    for (size_t i = 0; i < SERIES; i++) {
        delete_later(scene, i);
    }
    writer_release(scene, SERIES);
    assert_int_equal(stats_of(scene->store).commit_count, commits + 1);
    for (size_t i = 0; i < SERIES; i++) {
        assert_ptr_equal(scene->done[i], &scene->orders[i]);
        assert_int_equal(scene->orders[i].code, DS_OK);
        assert_int_equal(scene->orders[i].deleted_count, 1);
        assert_false(scene->orders[i].more);
        rows[i].timestamp_us = 50;
    }
    assert_int_equal(stats_of(scene->store).series_count, 1);
    /* Nothing newer is there any more. */
    put_rows(scene->store, rows, SERIES, outcomes);
    for (size_t i = 0; i < SERIES; i++) {
        assert_int_equal(outcomes[i], MARKET_ACCEPTED);
    }
}

static void put_many(struct scene *scene, const char *series, size_t count)
{
    struct market_row *rows = calloc(count, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < count; i++) {
        rows[i] = row_of(series, (int64_t)i, "t", "v");
    }
    put_rows(scene->store, rows, count, NULL);
    free(rows);
}

static void a_transaction_of_several_orders_deletes_no_more_than_one_may(void **state)
{
    enum { ROWS = 6000 };
    struct scene *scene = *state;
    struct lone_row lone;
    for (size_t i = 0; i < 3; i++) {
        put_many(scene, scene->names[i], ROWS);
    }
    lone_row_init(&lone);
    writer_hold(scene, &lone.batch);
    const uint64_t commits = stats_of(scene->store).commit_count;
    for (size_t i = 0; i < 3; i++) {
        delete_later(scene, i);
    }
    writer_release(scene, 3);
    assert_int_equal(stats_of(scene->store).commit_count, commits + 2);
    assert_int_equal(scene->orders[0].deleted_count, ROWS);
    assert_false(scene->orders[0].more);
    assert_int_equal(scene->orders[1].deleted_count, MARKET_DELETE_ROWS_MAX - ROWS);
    assert_true(scene->orders[1].more);
    assert_int_equal(scene->orders[2].deleted_count, ROWS);
    assert_false(scene->orders[2].more);
}

static void orders_that_find_nothing_make_no_transaction(void **state)
{
    struct scene *scene = *state;
    struct lone_row lone;
    lone_row_init(&lone);
    writer_hold(scene, &lone.batch);
    const uint64_t commits = stats_of(scene->store).commit_count;
    for (size_t i = 0; i < SERIES; i++) {
        delete_later(scene, i);
    }
    writer_release(scene, SERIES);
    assert_int_equal(stats_of(scene->store).commit_count, commits);
    assert_int_equal(scene->orders[SERIES - 1].code, DS_OK);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        SCENE_TEST(orders_that_wait_share_a_transaction_and_are_told_in_their_order),
        SCENE_TEST(a_transaction_of_several_orders_deletes_no_more_than_one_may),
        SCENE_TEST(orders_that_find_nothing_make_no_transaction),
    };
    return cmocka_run_group_tests_name("lmdb deletes", tests, NULL, NULL);
}
