/* What the sink is told: accepted rows, after their commit, in its order. */
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

static void accepted_rows_only_are_told_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    put_text(fixture->store, "NIFTY", "10:a=x 20:a=y 10:a=x 10:a=z 15:a=late",
             MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "BANK", "1:a=q", MARKET_CONFLICT_ERROR);
    put_text(fixture->store, "NIFTY", "10:a=r", MARKET_CONFLICT_FIRST);
    put_text(fixture->store, "NIFTY", "10:a=new", MARKET_CONFLICT_LAST);
    assert_string_equal(fixture->events, "ticks/NIFTY=x ticks/NIFTY=y ticks/NIFTY=late "
                                         "ticks/BANK=q ticks/NIFTY=new");
}

static void every_row_of_a_large_batch_is_told(void **state)
{
    struct fixture *fixture = *state;
    static struct market_row rows[1000];
    for (size_t i = 0; i < 1000; i++) {
        rows[i] = row_of("N", (int64_t)i, "t", "v");
    }
    put_rows(fixture->store, rows, 1000, NULL);
    assert_int_equal(fixture->event_count, 1000);
}

struct early_look {
    struct market_store *store;
    size_t rows_seen;
    size_t events_when_done;
    size_t events;
};

static void count_row(void *context, const struct market_row *row)
{
    (void)row;
    ++*(size_t *)context;
}

static void look_done(struct market_batch *batch)
{
    struct early_look *look = batch->context;
    bool more;
    const struct market_scan scan = scan_all("NIFTY", true);
    look->events_when_done = look->events;
    assert_int_equal(look->store->ops->scan(look->store, &scan, count_row, &look->rows_seen, &more),
                     DS_OK);
}

static void look_count(void *context, const struct ds_event *events, size_t event_count)
{
    (void)events;
    ((struct early_look *)context)->events += event_count;
}

/* When `done` is called the events have left and a read sees the rows. The store's close waits for
 * the batch, so the test needs no other sign. */
static void at_the_acknowledgement_rows_are_readable_and_told(void **state)
{
    (void)state;
    char folder[64];
    folder_make(folder, sizeof(folder));
    struct early_look look = {.rows_seen = 0};
    const struct market_store_options options = {
        .events = {.publish = look_count, .context = &look},
        .map_bytes = UINT64_C(1) << 26,
        .free_bytes_min = 1,
    };
    look.store = engine_under_test.open(folder, &options);
    const struct market_row rows[] = {row_of("NIFTY", 1, "a", "x"), row_of("NIFTY", 2, "a", "y")};
    enum market_outcome outcomes[2];
    struct market_batch batch = {
        .kind = MARKET_TICKS,
        .rows = rows,
        .row_count = 2,
        .outcomes = outcomes,
        .done = look_done,
        .context = &look,
    };
    look.store->ops->put(look.store, &batch);
    look.store->ops->close(look.store);
    folder_remove(folder);
    assert_int_equal(batch.code, DS_OK);
    assert_int_equal(look.rows_seen, 2);
    assert_int_equal(look.events_when_done, 2);
}

int run_event_tests(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(accepted_rows_only_are_told_in_their_order),
        STORE_TEST(every_row_of_a_large_batch_is_told),
        cmocka_unit_test(at_the_acknowledgement_rows_are_readable_and_told),
    };
    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
