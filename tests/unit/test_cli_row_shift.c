#include "clients/cli/row_shift.h"
#include "deltastream/storage/v1/rows.pb-c.h"
#include "ds/time.h"
#include "ds/wire.h"
#include "support/test.h"

#define ROW_BYTES_MAX 4096
#define UNKNOWN_FIELD 99

static Google__Protobuf__Timestamp timestamp_at(int64_t seconds, int32_t nanos)
{
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    timestamp.seconds = seconds;
    timestamp.nanos = nanos;
    return timestamp;
}

/* A tick of that time that was processed at it, and has a field that nobody knows. */
static struct ds_bytes pack_tick(int64_t seconds, int32_t nanos, struct ds_buffer *buffer)
{
    Google__Protobuf__Timestamp timestamp = timestamp_at(seconds, nanos);
    Storage__Tick tick = STORAGE__TICK__INIT;
    tick.product = (char *)(uintptr_t) "NIFTY";
    tick.timestamp = &timestamp;
    tick.processed_at = &timestamp;
    ds_buffer_init(buffer, ROW_BYTES_MAX);
    uint8_t *room = ds_buffer_reserve(buffer, storage__tick__get_packed_size(&tick));
    ds_buffer_commit(buffer, storage__tick__pack(&tick, room));
    ds_wire_write_varint_field(buffer, UNKNOWN_FIELD, 7);
    return ds_buffer_bytes(buffer);
}

static void assert_shifted(int64_t seconds, int32_t nanos, int64_t shift_us,
                           int64_t expected_seconds, int32_t expected_nanos)
{
    struct ds_buffer row;
    struct ds_buffer shifted;
    pack_tick(seconds, nanos, &row);
    ds_buffer_init(&shifted, ROW_BYTES_MAX);
    assert_int_equal(row_shift(ROW_KIND_TICKS, ds_buffer_bytes(&row), shift_us, &shifted), DS_OK);
    Storage__Tick *tick = storage__tick__unpack(NULL, shifted.size, shifted.data);
    assert_non_null(tick);
    assert_string_equal(tick->product, "NIFTY");
    assert_int_equal(tick->timestamp->seconds, expected_seconds);
    assert_int_equal(tick->timestamp->nanos, expected_nanos);
    assert_null(tick->processed_at);
    assert_int_equal(tick->base.n_unknown_fields, 1);
    storage__tick__free_unpacked(tick, NULL);
    ds_buffer_deinit(&row);
    ds_buffer_deinit(&shifted);
}

static void a_row_moves_both_ways_across_seconds(void **state)
{
    (void)state;
    assert_shifted(100, 0, 0, 100, 0);
    assert_shifted(100, 900000000, 200000, 101, 100000000);
    assert_shifted(100, 100000000, -200000, 99, 900000000);
    assert_shifted(100, 5, -2000001, 97, 999999005);
    assert_shifted(1737517500, 250000000, 86400LL * 1000000, 1737603900, 250000000);
}

static void a_time_beyond_the_calendar_is_refused(void **state)
{
    (void)state;
    struct ds_buffer row;
    struct ds_buffer shifted;
    pack_tick(DS_TIME_SECONDS_MAX, 0, &row);
    ds_buffer_init(&shifted, ROW_BYTES_MAX);
    assert_int_equal(row_shift(ROW_KIND_TICKS, ds_buffer_bytes(&row), 1000000, &shifted),
                     DS_OUT_OF_RANGE);
    assert_int_equal(shifted.size, 0);
    ds_buffer_deinit(&row);
    ds_buffer_deinit(&shifted);
}

static void a_row_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct ds_buffer row;
    struct ds_buffer shifted;
    pack_tick(100, 0, &row);
    ds_buffer_init(&shifted, 4);
    assert_int_equal(row_shift(ROW_KIND_TICKS, ds_buffer_bytes(&row), 1000000, &shifted),
                     DS_RESOURCE_EXHAUSTED);
    ds_buffer_deinit(&row);
    ds_buffer_deinit(&shifted);
}

static void the_quotes_of_a_chain_move_with_it(void **state)
{
    (void)state;
    Google__Protobuf__Timestamp timestamp = timestamp_at(100, 0);
    Storage__Quote quote = STORAGE__QUOTE__INIT;
    Storage__Quote *quotes[] = {&quote};
    Storage__OptionChain chain = STORAGE__OPTION_CHAIN__INIT;
    uint8_t packed[ROW_BYTES_MAX];
    struct ds_buffer shifted;
    quote.timestamp = &timestamp;
    chain.timestamp = &timestamp;
    chain.n_calls = chain.n_puts = 1;
    chain.calls = chain.puts = quotes;
    const size_t bytes = storage__option_chain__pack(&chain, packed);
    ds_buffer_init(&shifted, ROW_BYTES_MAX);
    assert_int_equal(row_shift(ROW_KIND_CHAINS, ds_bytes_of(packed, bytes), 5000000, &shifted),
                     DS_OK);
    Storage__OptionChain *moved = storage__option_chain__unpack(NULL, shifted.size, shifted.data);
    assert_int_equal(moved->timestamp->seconds, 105);
    assert_int_equal(moved->calls[0]->timestamp->seconds, 105);
    assert_int_equal(moved->puts[0]->timestamp->seconds, 105);
    storage__option_chain__free_unpacked(moved, NULL);
    ds_buffer_deinit(&shifted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_moves_both_ways_across_seconds),
        cmocka_unit_test(a_time_beyond_the_calendar_is_refused),
        cmocka_unit_test(a_row_that_does_not_fit_is_refused),
        cmocka_unit_test(the_quotes_of_a_chain_move_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
