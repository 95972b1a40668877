/* The rules of a tick, and its form in the store. */
#include "storage/core/moment.h"
#include "storage/core/product.h"
#include "storage/core/tick.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_US INT64_C(1737799200000001)

struct sample {
    struct ds_arena *arena;
    Google__Protobuf__Timestamp timestamp;
    Google__Protobuf__Timestamp processed_at;
    Storage__Tick tick; /* a good one, to spoil */
};

static int sample_setup(void **state)
{
    struct sample *sample = calloc(1, sizeof(*sample));
    assert_non_null(sample);
    sample->arena = ds_arena_create(1 << 20);
    google__protobuf__timestamp__init(&sample->timestamp);
    google__protobuf__timestamp__init(&sample->processed_at);
    storage__tick__init(&sample->tick);
    sample->timestamp.seconds = 1737799200;
    sample->timestamp.nanos = 123456000;
    sample->tick.product = (char *)(uintptr_t) "NIFTY";
    sample->tick.timestamp = &sample->timestamp;
    sample->tick._price_case = STORAGE__TICK___PRICE_PRICE;
    sample->tick.price = 21500.5;
    sample->tick._tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
    sample->tick.tick_id = 7;
    *state = sample;
    return 0;
}

static int sample_teardown(void **state)
{
    struct sample *sample = *state;
    ds_arena_destroy(sample->arena);
    free(sample);
    return 0;
}

static struct market_row row_of(struct sample *sample)
{
    struct market_row row = {.timestamp_us = 0};
    const char *fault = NULL;
    const ds_code code = tick_to_row(sample->arena, &sample->tick, NOW_US, &row, &fault);
    if (code != DS_OK) {
        fail_msg("%s: %s", ds_code_name(code), fault);
    }
    return row;
}

static void assert_fault(struct sample *sample, const char *expected)
{
    struct market_row row;
    const char *fault = NULL;
    assert_int_equal(tick_to_row(sample->arena, &sample->tick, NOW_US, &row, &fault),
                     DS_INVALID_ARGUMENT);
    assert_string_equal(fault, expected);
}

static Storage__Tick *value_of(const struct market_row *row)
{
    Storage__Tick *value = storage__tick__unpack(NULL, row->value.size, row->value.data);
    assert_non_null(value);
    return value;
}

static void a_row_has_the_ticks_key_and_its_bytes_without_the_product(void **state)
{
    struct sample *sample = *state;
    const struct market_row row = row_of(sample);
    assert_true(ds_bytes_equal_text(row.series, "NIFTY"));
    assert_true(row.timestamp_us == 1737799200123456);
    Storage__Tick *value = value_of(&row);
    assert_string_equal(value->product, "");
    assert_true(value->price == 21500.5);
    assert_true(value->tick_id == 7);
    assert_true(value->timestamp->nanos == 123456000);
    storage__tick__free_unpacked(value, NULL);
}

static void processed_at_is_filled_in_only_where_it_is_absent(void **state)
{
    struct sample *sample = *state;
    struct market_row row = row_of(sample);
    assert_int_equal(row.assigned_field, 5);
    Storage__Tick *value = value_of(&row);
    assert_true(moment_floor_us(value->processed_at) == NOW_US);
    storage__tick__free_unpacked(value, NULL);

    sample->processed_at.seconds = 5;
    sample->tick.processed_at = &sample->processed_at;
    row = row_of(sample);
    assert_int_equal(row.assigned_field, 0);
    value = value_of(&row);
    assert_true(value->processed_at->seconds == 5);
    storage__tick__free_unpacked(value, NULL);
}

static struct ds_bytes tie_with_id(struct sample *sample, int64_t tick_id, struct market_tie *tie)
{
    sample->tick.tick_id = tick_id;
    *tie = row_of(sample).tie;
    return ds_bytes_of(tie->data, tie->size);
}

static void ties_sort_as_tick_ids_do(void **state)
{
    struct sample *sample = *state;
    static const int64_t ids[] = {INT64_MIN, -300, -1, 0, 1, 255, 256, INT64_MAX};
    struct market_tie before;
    struct market_tie tie;
    struct ds_bytes last = tie_with_id(sample, ids[0], &before);
    for (size_t i = 1; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_true(ds_bytes_compare(last, tie_with_id(sample, ids[i], &tie)) < 0);
        before = tie;
        last = ds_bytes_of(before.data, before.size);
    }
}

/* So that a retry is a duplicate, at whatever time it comes. */
static void without_a_tick_id_the_tie_is_of_the_rest_of_the_row(void **state)
{
    struct sample *sample = *state;
    sample->tick._tick_id_case = STORAGE__TICK___TICK_ID__NOT_SET;
    sample->tick.tick_id = 0;
    const struct market_row row = row_of(sample);
    struct market_row later;
    const char *fault;
    assert_int_equal(tick_to_row(sample->arena, &sample->tick, NOW_US + 5000000, &later, &fault),
                     DS_OK);
    assert_memory_equal(&row.tie, &later.tie, sizeof(row.tie));
    assert_true(market_values_equal(row.value, later.value, later.assigned_field));
    sample->tick.price += 0.05;
    const struct market_row other = row_of(sample);
    assert_memory_not_equal(row.tie.data, other.tie.data, row.tie.size);
}

/* What was read back has the time that the service filled in. */
static void a_tick_that_was_read_and_is_sent_again_is_a_duplicate(void **state)
{
    struct sample *sample = *state;
    sample->tick._tick_id_case = STORAGE__TICK___TICK_ID__NOT_SET;
    sample->tick.tick_id = 0;
    const struct market_row row = row_of(sample);
    Storage__Tick *read = storage__tick__unpack(NULL, row.value.size, row.value.data);
    assert_non_null(read);
    sample->processed_at = *read->processed_at;
    sample->tick.processed_at = &sample->processed_at;
    const struct market_row again = row_of(sample);
    assert_memory_equal(&row.tie, &again.tie, sizeof(row.tie));
    assert_true(ds_bytes_equal(row.value, again.value));
    storage__tick__free_unpacked(read, NULL);
}

static void a_hash_is_never_taken_for_a_tick_id(void **state)
{
    struct sample *sample = *state;
    const struct market_row with_id = row_of(sample);
    sample->tick._tick_id_case = STORAGE__TICK___TICK_ID__NOT_SET;
    const struct market_row without = row_of(sample);
    assert_int_not_equal(with_id.tie.data[0], without.tie.data[0]);
}

/* Ties are stored: another hash would make new rows of old ones. */
static void the_hash_of_a_known_row_never_changes(void **state)
{
    struct sample *sample = *state;
    sample->tick._tick_id_case = STORAGE__TICK___TICK_ID__NOT_SET;
    const struct market_row row = row_of(sample);
    char text[2 * MARKET_TIE_BYTES_MAX + 1];
    for (size_t i = 0; i < row.tie.size; i++) {
        snprintf(text + 2 * i, 3, "%02x", row.tie.data[i]);
    }
    assert_string_equal(text, "02e101e2a56dd2704f");
}

static void a_price_must_be_there_and_finite_and_not_negative(void **state)
{
    struct sample *sample = *state;
    sample->tick.price = -0.01;
    assert_fault(sample, "price must not be negative");
    sample->tick.price = (double)NAN;
    assert_fault(sample, "price must be a finite number");
    sample->tick.price = (double)INFINITY;
    assert_fault(sample, "price must be a finite number");
    sample->tick.price = -(double)INFINITY;
    assert_fault(sample, "price must be a finite number");
    sample->tick._price_case = STORAGE__TICK___PRICE__NOT_SET;
    assert_fault(sample, "price is missing");
    sample->tick._price_case = STORAGE__TICK___PRICE_PRICE;
    sample->tick.price = 0;
    row_of(sample);
}

static void every_other_number_must_be_finite(void **state)
{
    struct sample *sample = *state;
    struct {
        double *number;
        const char *fault;
    } numbers[] = {
        {&sample->tick.open, "open must be a finite number"},
        {&sample->tick.high, "high must be a finite number"},
        {&sample->tick.low, "low must be a finite number"},
        {&sample->tick.close, "close must be a finite number"},
        {&sample->tick.change, "change must be a finite number"},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        *numbers[i].number = (double)NAN;
        assert_fault(sample, numbers[i].fault);
        *numbers[i].number = -(double)INFINITY;
        assert_fault(sample, numbers[i].fault);
        *numbers[i].number = -1;
        row_of(sample);
    }
}

static void a_timestamp_must_be_there_and_within_its_range(void **state)
{
    struct sample *sample = *state;
    sample->timestamp.nanos = 123456001;
    assert_fault(sample, "timestamp must not be finer than a microsecond");
    sample->timestamp.nanos = 1000000000;
    assert_fault(sample, "timestamp must be in the years 1970 to 9999");
    sample->timestamp.nanos = -1;
    assert_fault(sample, "timestamp must be in the years 1970 to 9999");
    sample->timestamp.nanos = 0;
    sample->timestamp.seconds = -1;
    assert_fault(sample, "timestamp must not be before 1970");
    sample->timestamp.seconds = 253402300800;
    assert_fault(sample, "timestamp must be in the years 1970 to 9999");
    sample->timestamp.seconds = INT64_MIN;
    assert_fault(sample, "timestamp must be in the years 1970 to 9999");
    sample->timestamp.seconds = 0;
    assert_true(row_of(sample).timestamp_us == 0);
    sample->timestamp.seconds = 253402300799;
    sample->timestamp.nanos = 999999000;
    assert_true(row_of(sample).timestamp_us == INT64_C(253402300799999999));
    sample->tick.timestamp = NULL;
    assert_fault(sample, "timestamp is missing");
}

static void processed_at_must_be_within_its_range(void **state)
{
    struct sample *sample = *state;
    sample->tick.processed_at = &sample->processed_at;
    sample->processed_at.nanos = 1;
    assert_fault(sample, "processed_at must not be finer than a microsecond");
    sample->processed_at.nanos = 0;
    sample->processed_at.seconds = -1;
    assert_fault(sample, "processed_at must not be before 1970");
}

static void a_row_with_too_many_unknown_fields_is_refused(void **state)
{
    struct sample *sample = *state;
    static uint8_t bytes[TICK_VALUE_BYTES_MAX];
    ProtobufCMessageUnknownField unknown = {
        .tag = 999,
        .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        .len = 100,
        .data = bytes,
    };
    sample->tick.base.n_unknown_fields = 1;
    sample->tick.base.unknown_fields = &unknown;
    assert_true(row_of(sample).value.size > 100);
    unknown.len = sizeof(bytes);
    assert_fault(sample, "the row must have at most 4096 bytes");
}

static void a_used_up_arena_is_exhausted(void **state)
{
    struct sample *sample = *state;
    struct ds_arena *arena = ds_arena_create(16);
    struct market_row row;
    const char *fault = NULL;
    assert_int_equal(tick_to_row(arena, &sample->tick, NOW_US, &row, &fault),
                     DS_RESOURCE_EXHAUSTED);
    sample->tick._tick_id_case = STORAGE__TICK___TICK_ID__NOT_SET;
    assert_int_equal(tick_to_row(arena, &sample->tick, NOW_US, &row, &fault),
                     DS_RESOURCE_EXHAUSTED);
    ds_arena_destroy(arena);
}

static void a_product_has_1_to_128_bytes_without_controls_and_slashes(void **state)
{
    struct sample *sample = *state;
    char name[MARKET_PRODUCT_BYTES_MAX + 2];
    memset(name, 'x', sizeof(name));
    name[MARKET_PRODUCT_BYTES_MAX] = '\0';
    assert_null(product_fault(name));
    name[MARKET_PRODUCT_BYTES_MAX] = 'x';
    name[MARKET_PRODUCT_BYTES_MAX + 1] = '\0';
    assert_string_equal(product_fault(name), "product must have at most 128 bytes");
    assert_string_equal(product_fault(""), "product must not be empty");
    assert_string_equal(product_fault("A/B"), "product must not have a '/'");
    static const char *const controls[] = {"\x01", "A\n", "\x1f", "a\x7f", "\xc2\x80", "\xc2\x9f"};
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        assert_string_equal(product_fault(controls[i]), "product must not have control characters");
    }
    static const char *const good[] = {"M&M", "NIFTY 50", "\xc2\xa0", "\xc3\x80", "~", "%2F", ":x"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_null(product_fault(good[i]));
    }
    sample->tick.product = (char *)(uintptr_t) "A/B";
    assert_fault(sample, "product must not have a '/'");
}

static void moments_round_to_the_asked_side(void **state)
{
    (void)state;
    Google__Protobuf__Timestamp moment = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    moment.seconds = -1;
    moment.nanos = 999999001;
    assert_true(moment_floor_us(&moment) == -1);
    assert_true(moment_ceil_us(&moment) == 0);
    moment.nanos = 999999000;
    assert_true(moment_ceil_us(&moment) == -1);
    moment_set_us(&moment, -1);
    assert_true(moment.seconds == -1 && moment.nanos == 999999000);
    moment_set_us(&moment, 1500000);
    assert_true(moment.seconds == 1 && moment.nanos == 500000000);
}

int main(void)
{
#define TICK_TEST(name) cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
    const struct CMUnitTest tests[] = {
        TICK_TEST(a_row_has_the_ticks_key_and_its_bytes_without_the_product),
        TICK_TEST(processed_at_is_filled_in_only_where_it_is_absent),
        TICK_TEST(ties_sort_as_tick_ids_do),
        TICK_TEST(without_a_tick_id_the_tie_is_of_the_rest_of_the_row),
        TICK_TEST(a_tick_that_was_read_and_is_sent_again_is_a_duplicate),
        TICK_TEST(a_hash_is_never_taken_for_a_tick_id),
        TICK_TEST(the_hash_of_a_known_row_never_changes),
        TICK_TEST(a_price_must_be_there_and_finite_and_not_negative),
        TICK_TEST(every_other_number_must_be_finite),
        TICK_TEST(a_timestamp_must_be_there_and_within_its_range),
        TICK_TEST(processed_at_must_be_within_its_range),
        TICK_TEST(a_row_with_too_many_unknown_fields_is_refused),
        TICK_TEST(a_used_up_arena_is_exhausted),
        TICK_TEST(a_product_has_1_to_128_bytes_without_controls_and_slashes),
        cmocka_unit_test(moments_round_to_the_asked_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
