#include "clients/feed/direct_call.h"
#include "clients/feed/market_send.h"
#include "clients/feed/row_pack.h"
#include "support/ingest_fixture.h"
#include "support/test.h"

#define START_US (1737517500LL * 1000000)
#define WAITS_MAX 16

/* What the sender's callbacks were told. */
struct heard {
    uint32_t waits[WAITS_MAX];
    size_t wait_count;
    size_t waits_allowed;
    int failures;
    int rejections;
    ds_code failure;
};

static struct ingest_fixture fixture;
static struct direct_caller caller;
static struct heard heard;

static bool note_wait(void *context, uint32_t milliseconds)
{
    struct heard *to = context;
    if (to->wait_count == to->waits_allowed) {
        return false;
    }
    to->waits[to->wait_count++] = milliseconds;
    return true;
}

static void note_failure(void *context, const struct answer *answer)
{
    struct heard *to = context;
    to->failures++;
    to->failure = answer->code;
}

static void note_rejected(void *context, enum row_kind kind, const char *reason)
{
    struct heard *to = context;
    assert_int_equal(kind, ROW_KIND_TICKS);
    assert_string_equal(reason, "no good");
    to->rejections++;
}

static int setup(void **state)
{
    (void)state;
    heard = (struct heard){.waits_allowed = WAITS_MAX};
    ingest_fixture_open(&fixture);
    caller =
        (struct direct_caller){.channel = fixture.channel, .principal = &ingest_fixture_writer};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ingest_fixture_close(&fixture);
    return 0;
}

static struct sender *make_sender(uint32_t batch_rows, uint32_t retry_max)
{
    const struct sender_options options = {.call = direct_call,
                                           .call_context = &caller,
                                           .batch_rows = batch_rows,
                                           .retry_max = retry_max,
                                           .wait = note_wait,
                                           .tell_failure = note_failure,
                                           .tell_rejected = note_rejected,
                                           .context = &heard};
    return sender_create(&options);
}

static ds_code add_ticks(struct sender *sender, int count)
{
    struct ds_buffer row;
    ds_code code = DS_OK;
    const struct walk_tick tick = {.price = 100};
    ds_buffer_init(&row, 1024);
    for (int i = 0; i < count && code == DS_OK; i++) {
        ds_buffer_clear(&row);
        row_pack_tick(&feed_products[0], &tick, START_US + i, &row);
        code = sender_add(sender, ROW_KIND_TICKS, ds_buffer_bytes(&row));
    }
    ds_buffer_deinit(&row);
    return code;
}

static void rows_go_out_in_full_batches_and_the_rest_with_a_flush(void **state)
{
    (void)state;
    struct sender *sender = make_sender(10, 0);
    assert_int_equal(add_ticks(sender, 25), DS_OK);
    assert_int_equal(fixture.calls[INGEST_FIXTURE_TICKS], 2);
    assert_int_equal(sender_total(sender).rows, 20);
    assert_int_equal(sender_flush(sender), DS_OK);
    assert_int_equal(fixture.rows[INGEST_FIXTURE_TICKS], 25);
    assert_int_equal(sender_total(sender).accepted, 25);
    assert_int_equal(sender_added(sender), 25);
    assert_int_equal(sender_flush(sender), DS_OK);
    assert_int_equal(fixture.calls[INGEST_FIXTURE_TICKS], 3);
    sender_destroy(sender);
}

static void a_moment_of_the_market_goes_out_by_kind(void **state)
{
    (void)state;
    const struct market_options options = {.expiry_count = 3, .seed = 1};
    struct market market;
    struct ds_buffer row;
    struct sender *sender = make_sender(0, 0);
    ds_buffer_init(&row, SENDER_ROW_BYTES_MAX);
    market_init(&market, &options);
    market_advance(&market, 0, START_US);
    assert_int_equal(market_send(&market, 0, FEED_KINDS_ALL, &row, sender), DS_OK);
    assert_int_equal(sender_flush(sender), DS_OK);
    assert_int_equal(sender_counts(sender, ROW_KIND_TICKS).accepted, 1);
    assert_int_equal(sender_counts(sender, ROW_KIND_QUOTES).accepted, 3 * 2 * OPTION_CHAIN_STRIKES);
    assert_int_equal(sender_counts(sender, ROW_KIND_CHAINS).accepted, 3);
    assert_int_equal(market_send(&market, 0, 1U << ROW_KIND_CHAINS, &row, sender), DS_OK);
    assert_int_equal(sender_flush(sender), DS_OK);
    assert_int_equal(sender_total(sender).rows, 1 + 126 + 3 + 3);
    ds_buffer_deinit(&row);
    sender_destroy(sender);
}

static void a_service_that_is_away_is_asked_again_with_growing_patience(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 5);
    fixture.failures_left = 3;
    assert_int_equal(add_ticks(sender, 5), DS_OK);
    assert_int_equal(heard.wait_count, 3);
    assert_int_equal(heard.waits[0], 100);
    assert_int_equal(heard.waits[1], 200);
    assert_int_equal(heard.waits[2], 400);
    assert_int_equal(sender_retries(sender), 3);
    assert_int_equal(sender_total(sender).accepted, 5);
    assert_int_equal(heard.failures, 0);
    sender_destroy(sender);
}

static void a_service_without_room_is_asked_again_when_it_says(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 5);
    fixture.failure = DS_RESOURCE_EXHAUSTED;
    fixture.failures_left = 2;
    fixture.retry_after_ms = 1500;
    assert_int_equal(add_ticks(sender, 5), DS_OK);
    assert_int_equal(heard.wait_count, 2);
    assert_int_equal(heard.waits[0], 1500);
    assert_int_equal(heard.waits[1], 1500);
    sender_destroy(sender);
}

static void no_service_makes_us_wait_for_longer_than_ten_seconds(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 5);
    fixture.failures_left = 1;
    fixture.retry_after_ms = 3600000;
    assert_int_equal(add_ticks(sender, 5), DS_OK);
    assert_int_equal(heard.waits[0], 10000);
    sender_destroy(sender);
}

static void a_batch_is_given_up_after_the_last_retry(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 2);
    fixture.failures_left = 3;
    assert_int_equal(add_ticks(sender, 5), DS_UNAVAILABLE);
    assert_int_equal(fixture.calls[INGEST_FIXTURE_TICKS], 3);
    assert_int_equal(heard.failures, 1);
    assert_int_equal(heard.failure, DS_UNAVAILABLE);
    assert_int_equal(sender_flush(sender), DS_OK);
    assert_int_equal(sender_total(sender).rows, 0);
    sender_destroy(sender);
}

static void behind_a_failed_kind_the_others_are_dropped(void **state)
{
    (void)state;
    struct sender *sender = make_sender(10, 0);
    struct ds_buffer row;
    const struct walk_tick tick = {.price = 100};
    ds_buffer_init(&row, 1024);
    row_pack_tick(&feed_products[0], &tick, START_US, &row);
    assert_int_equal(add_ticks(sender, 5), DS_OK);
    assert_int_equal(sender_add(sender, ROW_KIND_QUOTES, ds_buffer_bytes(&row)), DS_OK);
    fixture.failures_left = 2;
    assert_int_equal(sender_flush(sender), DS_UNAVAILABLE);
    assert_int_equal(heard.failures, 1);
    assert_int_equal(sender_flush(sender), DS_OK);
    assert_int_equal(fixture.failures_left, 1);
    ds_buffer_deinit(&row);
    sender_destroy(sender);
}

static void a_call_that_took_too_long_is_made_again(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 1);
    fixture.failure = DS_DEADLINE_EXCEEDED;
    fixture.failures_left = 1;
    assert_int_equal(add_ticks(sender, 5), DS_OK);
    assert_int_equal(heard.wait_count, 1);
    sender_destroy(sender);
}

static void a_refusal_is_not_asked_again(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 5);
    fixture.failure = DS_PERMISSION_DENIED;
    fixture.failures_left = 1;
    assert_int_equal(add_ticks(sender, 5), DS_PERMISSION_DENIED);
    assert_int_equal(heard.wait_count, 0);
    assert_int_equal(heard.failures, 1);
    sender_destroy(sender);
}

static void a_wait_that_is_interrupted_ends_the_work(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 5);
    heard.waits_allowed = 1;
    fixture.failures_left = 9;
    assert_int_equal(add_ticks(sender, 5), DS_CANCELLED);
    assert_int_equal(heard.wait_count, 1);
    sender_destroy(sender);
}

static void refused_rows_are_counted_and_told(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 0);
    fixture.rejects = 2;
    assert_int_equal(add_ticks(sender, 5), DS_OK);
    assert_int_equal(sender_total(sender).rejected, 2);
    assert_int_equal(sender_total(sender).accepted, 3);
    assert_int_equal(heard.rejections, 2);
    sender_destroy(sender);
}

static void a_row_above_the_limit_is_refused(void **state)
{
    (void)state;
    struct sender *sender = make_sender(5, 0);
    uint8_t *large = calloc(1, SENDER_ROW_BYTES_MAX + 1);
    assert_int_equal(
        sender_add(sender, ROW_KIND_TICKS, ds_bytes_of(large, SENDER_ROW_BYTES_MAX + 1)),
        DS_INVALID_ARGUMENT);
    assert_int_equal(sender_added(sender), 0);
    free(large);
    sender_destroy(sender);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_go_out_in_full_batches_and_the_rest_with_a_flush),
        TEST(a_moment_of_the_market_goes_out_by_kind),
        TEST(a_service_that_is_away_is_asked_again_with_growing_patience),
        TEST(a_service_without_room_is_asked_again_when_it_says),
        TEST(no_service_makes_us_wait_for_longer_than_ten_seconds),
        TEST(a_batch_is_given_up_after_the_last_retry),
        TEST(behind_a_failed_kind_the_others_are_dropped),
        TEST(a_call_that_took_too_long_is_made_again),
        TEST(a_refusal_is_not_asked_again),
        TEST(a_wait_that_is_interrupted_ends_the_work),
        TEST(refused_rows_are_counted_and_told),
        TEST(a_row_above_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
