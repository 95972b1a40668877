/* Cancelling on the direct transport, where a call's way is short enough to be met anywhere. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_fixture.h"
#include "schema.gen.h"

static struct rpc_fixture fixture;
static struct ds_client_call call;
static atomic_bool cancels_at_next_look;
static atomic_int done_count;

static int64_t system_wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return ds_clock_wall_us(ds_clock_system());
}

/* The server looks at its clock while it makes the call, before the channel knows it. */
static int64_t cancelling_monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    if (atomic_exchange(&cancels_at_next_look, false)) {
        ds_channel_cancel(fixture.channel, &call);
    }
    return ds_clock_monotonic_us(ds_clock_system());
}

static const struct ds_clock cancelling_clock = {system_wall_us, cancelling_monotonic_us};

static int open_direct(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, FIXTURE_DIRECT,
                     &(struct ds_rpc_server_options){.clock = &cancelling_clock});
    atomic_store(&done_count, 0);
    return 0;
}

static int close_direct(void **state)
{
    (void)state;
    rpc_fixture_close(&fixture);
    return 0;
}

static void note_done(struct ds_client_call *done)
{
    (void)done;
    atomic_fetch_add(&done_count, 1);
}

static void call_make(const struct ds_method *method)
{
    call = (struct ds_client_call){.method = method,
                                   .principal = &rpc_fixture_writer,
                                   .timeout_ms = RPC_FIXTURE_TIMEOUT_MS,
                                   .done = note_done};
    ds_channel_call(fixture.channel, &call);
}

static void a_cancel_that_meets_the_start_of_a_call_is_not_lost(void **state)
{
    (void)state;
    call_make(ds_method_storage_ingest_ticks);
    atomic_store(&cancels_at_next_look, true);
    ds_channel_flush(fixture.channel);
    assert_int_equal(atomic_load(&done_count), 1);
    assert_int_equal(call.code, DS_CANCELLED);
    assert_int_equal(atomic_load(&fixture.executed), 0);
    ds_client_call_release(&call);
}

static void *cancel(void *argument)
{
    (void)argument;
    ds_channel_cancel(fixture.channel, &call);
    return NULL;
}

/* A run with the thread sanitizer is what this is for. */
static void a_call_may_be_cancelled_while_it_is_flushed(void **state)
{
    (void)state;
    for (int i = 1; i <= 200; i++) {
        pthread_t canceller;
        call_make(ds_method_storage_list_ticks);
        assert_int_equal(pthread_create(&canceller, NULL, cancel, NULL), 0);
        ds_channel_flush(fixture.channel);
        assert_int_equal(atomic_load(&done_count), i);
        assert_true(call.code == DS_OK || call.code == DS_CANCELLED);
        pthread_join(canceller, NULL);
        ds_client_call_release(&call);
    }
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, open_direct, close_direct)
    const struct CMUnitTest tests[] = {
        WITH(a_cancel_that_meets_the_start_of_a_call_is_not_lost),
        WITH(a_call_may_be_cancelled_while_it_is_flushed),
    };
    return cmocka_run_group_tests_name("rpc direct", tests, NULL, NULL);
}
