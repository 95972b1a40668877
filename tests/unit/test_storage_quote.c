/* The rules of quotes, and their form in the store. */
#include "storage/core/moment.h"
#include "storage/core/quote.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_US INT64_C(1737799200000001)

struct sample {
    struct ds_arena *arena;
    Google__Protobuf__Timestamp timestamp;
    Google__Protobuf__Timestamp processed_at;
    Storage__Quote quote; /* a good one, to spoil */
};

static int sample_setup(void **state)
{
    struct sample *sample = calloc(1, sizeof(*sample));
    assert_non_null(sample);
    sample->arena = ds_arena_create(1 << 20);
    google__protobuf__timestamp__init(&sample->timestamp);
    google__protobuf__timestamp__init(&sample->processed_at);
    sample->timestamp.seconds = 1737799200;
    sample->timestamp.nanos = 123456000;
    Storage__Quote *quote = &sample->quote;
    storage__quote__init(quote);
    quote->symbol = (char *)(uintptr_t) "NIFTY20250125C21500";
    quote->product = (char *)(uintptr_t) "NIFTY";
    quote->expiry = (char *)(uintptr_t) "2025-01-25";
    quote->_strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
    quote->strike = 21500;
    quote->_option_type_case = STORAGE__QUOTE___OPTION_TYPE_OPTION_TYPE;
    quote->option_type = STORAGE__OPTION_TYPE__CALL;
    quote->timestamp = &sample->timestamp;
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
    const ds_code code = quote_to_row(sample->arena, &sample->quote, NOW_US, &row, &fault);
    if (code != DS_OK) {
        fail_msg("%s: %s", ds_code_name(code), fault);
    }
    return row;
}

static void assert_fault(struct sample *sample, const char *expected)
{
    struct market_row row;
    const char *fault = NULL;
    assert_int_equal(quote_to_row(sample->arena, &sample->quote, NOW_US, &row, &fault),
                     DS_INVALID_ARGUMENT);
    assert_string_equal(fault, expected);
}

static Storage__Quote *value_of(const struct market_row *row)
{
    Storage__Quote *value = storage__quote__unpack(NULL, row->value.size, row->value.data);
    assert_non_null(value);
    return value;
}

static void a_row_is_of_the_symbol_and_in_the_group_of_its_product(void **state)
{
    struct sample *sample = *state;
    sample->quote._iv_case = STORAGE__QUOTE___IV_IV;
    sample->quote.iv = 0;
    const struct market_row row = row_of(sample);
    assert_true(ds_bytes_equal_text(row.series, "NIFTY20250125C21500"));
    assert_true(ds_bytes_equal_text(row.group, "NIFTY"));
    assert_true(row.timestamp_us == 1737799200123456);
    assert_int_equal(row.tie.size, 0);
    Storage__Quote *value = value_of(&row);
    assert_string_equal(value->symbol, "");
    assert_string_equal(value->product, "NIFTY");
    assert_string_equal(value->expiry, "2025-01-25");
    assert_true(value->strike == 21500);
    assert_int_equal(value->option_type, STORAGE__OPTION_TYPE__CALL);
    assert_int_equal(value->_iv_case, STORAGE__QUOTE___IV_IV);
    assert_int_equal(value->_bid_case, STORAGE__QUOTE___BID__NOT_SET);
    storage__quote__free_unpacked(value, NULL);
}

static void processed_at_is_filled_in_only_where_it_is_absent(void **state)
{
    struct sample *sample = *state;
    struct market_row row = row_of(sample);
    assert_int_equal(row.assigned_field, QUOTE_FIELD_PROCESSED_AT);
    Storage__Quote *value = value_of(&row);
    assert_true(moment_floor_us(value->processed_at) == NOW_US);
    storage__quote__free_unpacked(value, NULL);
    sample->processed_at.seconds = 5;
    sample->quote.processed_at = &sample->processed_at;
    row = row_of(sample);
    assert_int_equal(row.assigned_field, 0);
    value = value_of(&row);
    assert_true(value->processed_at->seconds == 5);
    storage__quote__free_unpacked(value, NULL);
}

static void what_a_quote_is_about_must_be_there(void **state)
{
    struct sample *sample = *state;
    const Storage__Quote good = sample->quote;
    sample->quote.symbol = (char *)(uintptr_t) "";
    assert_fault(sample, "symbol must not be empty");
    sample->quote = good;
    sample->quote.product = (char *)(uintptr_t) "";
    assert_fault(sample, "product must not be empty");
    sample->quote = good;
    sample->quote.expiry = (char *)(uintptr_t) "";
    assert_fault(sample, "expiry is missing");
    sample->quote.expiry = (char *)(uintptr_t) "25JAN2025";
    assert_fault(sample, "expiry must be a date, YYYY-MM-DD");
    sample->quote = good;
    sample->quote._strike_case = STORAGE__QUOTE___STRIKE__NOT_SET;
    sample->quote.strike = 0;
    assert_fault(sample, "strike is missing");
    sample->quote = good;
    sample->quote._option_type_case = STORAGE__QUOTE___OPTION_TYPE__NOT_SET;
    sample->quote.option_type = STORAGE__OPTION_TYPE__OPTION_TYPE_UNSPECIFIED;
    assert_fault(sample, "option_type is missing");
    sample->quote = good;
    sample->quote.option_type = (Storage__OptionType)3;
    assert_fault(sample, "option_type must be CALL or PUT");
    sample->quote = good;
    sample->quote.timestamp = NULL;
    assert_fault(sample, "timestamp is missing");
}

static void a_strike_is_finite_and_greater_than_0(void **state)
{
    struct sample *sample = *state;
    sample->quote.strike = 0;
    assert_fault(sample, "strike must be greater than 0");
    sample->quote.strike = -1;
    assert_fault(sample, "strike must be greater than 0");
    sample->quote.strike = (double)NAN;
    assert_fault(sample, "strike must be a finite number");
    sample->quote.strike = (double)INFINITY;
    assert_fault(sample, "strike must be a finite number");
}

struct number {
    double *number;
    const char *name;
};

static void assert_finite(struct sample *sample, const struct number *number)
{
    char fault[64];
    snprintf(fault, sizeof(fault), "%s must be a finite number", number->name);
    *number->number = (double)NAN;
    assert_fault(sample, fault);
    *number->number = -(double)INFINITY;
    assert_fault(sample, fault);
    *number->number = 0.25;
    row_of(sample);
}

static void assert_not_negative(struct sample *sample, const struct number *number)
{
    char fault[64];
    assert_finite(sample, number);
    snprintf(fault, sizeof(fault), "%s must not be negative", number->name);
    *number->number = -0.01;
    assert_fault(sample, fault);
    *number->number = 0;
    row_of(sample);
}

static void prices_and_iv_are_finite_and_not_negative(void **state)
{
    struct sample *sample = *state;
    const struct number numbers[] = {
        {&sample->quote.bid, "bid"},
        {&sample->quote.ask, "ask"},
        {&sample->quote.last, "last"},
        {&sample->quote.iv, "iv"},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_not_negative(sample, &numbers[i]);
    }
}

static void greeks_are_finite_and_may_be_negative(void **state)
{
    struct sample *sample = *state;
    const struct number numbers[] = {
        {&sample->quote.delta, "delta"},
        {&sample->quote.gamma, "gamma"},
        {&sample->quote.vega, "vega"},
        {&sample->quote.theta, "theta"},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_finite(sample, &numbers[i]);
        *numbers[i].number = -5;
        row_of(sample);
    }
}

static void counts_are_not_negative(void **state)
{
    struct sample *sample = *state;
    struct {
        int64_t *count;
        const char *fault;
    } counts[] = {
        {&sample->quote.volume, "volume must not be negative"},
        {&sample->quote.open_interest, "open_interest must not be negative"},
        {&sample->quote.bid_qty, "bid_qty must not be negative"},
        {&sample->quote.ask_qty, "ask_qty must not be negative"},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        *counts[i].count = -1;
        assert_fault(sample, counts[i].fault);
        *counts[i].count = INT64_MAX;
        row_of(sample);
    }
}

static void an_exchange_has_at_most_64_bytes_without_controls(void **state)
{
    struct sample *sample = *state;
    char exchange[QUOTE_EXCHANGE_BYTES_MAX + 2];
    memset(exchange, 'x', sizeof(exchange));
    exchange[QUOTE_EXCHANGE_BYTES_MAX] = '\0';
    sample->quote._exchange_case = STORAGE__QUOTE___EXCHANGE_EXCHANGE;
    sample->quote.exchange = exchange;
    row_of(sample);
    exchange[QUOTE_EXCHANGE_BYTES_MAX] = 'x';
    exchange[QUOTE_EXCHANGE_BYTES_MAX + 1] = '\0';
    assert_fault(sample, "exchange must have at most 64 bytes");
    sample->quote.exchange = (char *)(uintptr_t) "N\tE";
    assert_fault(sample, "exchange must not have control characters");
    sample->quote.exchange = (char *)(uintptr_t) "";
    row_of(sample);
}

static void times_are_within_their_range(void **state)
{
    struct sample *sample = *state;
    sample->timestamp.nanos = 1;
    assert_fault(sample, "timestamp must not be finer than a microsecond");
    sample->timestamp.nanos = 0;
    sample->timestamp.seconds = -1;
    assert_fault(sample, "timestamp must not be before 1970");
    sample->timestamp.seconds = 1;
    sample->quote.processed_at = &sample->processed_at;
    sample->processed_at.seconds = INT64_MAX;
    assert_fault(sample, "processed_at must be in the years 1970 to 9999");
}

static void a_canonical_symbol_that_contradicts_is_told_what_it_should_be(void **state)
{
    struct sample *sample = *state;
    sample->quote.strike = 21550;
    assert_fault(sample, "symbol must be NIFTY20250125C21550 for this product, expiry, "
                         "option_type and strike");
    sample->quote.symbol = (char *)(uintptr_t) "NIFTY25JAN21500CE";
    row_of(sample);
}

static void a_row_with_too_many_unknown_fields_is_refused(void **state)
{
    struct sample *sample = *state;
    static uint8_t bytes[QUOTE_VALUE_BYTES_MAX];
    ProtobufCMessageUnknownField unknown = {
        .tag = 999,
        .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        .len = sizeof(bytes),
        .data = bytes,
    };
    sample->quote.base.n_unknown_fields = 1;
    sample->quote.base.unknown_fields = &unknown;
    assert_fault(sample, "the row must have at most 4096 bytes");
}

static void a_used_up_arena_is_exhausted(void **state)
{
    struct sample *sample = *state;
    struct ds_arena *arena = ds_arena_create(16);
    struct market_row row;
    const char *fault = NULL;
    assert_int_equal(quote_to_row(arena, &sample->quote, NOW_US, &row, &fault),
                     DS_RESOURCE_EXHAUSTED);
    sample->quote.strike = 21550;
    assert_int_equal(quote_to_row(arena, &sample->quote, NOW_US, &row, &fault),
                     DS_RESOURCE_EXHAUSTED);
    ds_arena_destroy(arena);
}

static void the_numbers_of_the_fields_are_the_protos(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned int number;
    } fields[] = {
        {"symbol", QUOTE_FIELD_SYMBOL},
        {"product", QUOTE_FIELD_PRODUCT},
        {"strike", QUOTE_FIELD_STRIKE},
        {"expiry", QUOTE_FIELD_EXPIRY},
        {"option_type", QUOTE_FIELD_OPTION_TYPE},
        {"bid", QUOTE_FIELD_BID},
        {"ask", QUOTE_FIELD_ASK},
        {"last", QUOTE_FIELD_LAST},
        {"volume", QUOTE_FIELD_VOLUME},
        {"open_interest", QUOTE_FIELD_OPEN_INTEREST},
        {"delta", QUOTE_FIELD_DELTA},
        {"gamma", QUOTE_FIELD_GAMMA},
        {"vega", QUOTE_FIELD_VEGA},
        {"theta", QUOTE_FIELD_THETA},
        {"iv", QUOTE_FIELD_IV},
        {"timestamp", QUOTE_FIELD_TIMESTAMP},
        {"processed_at", QUOTE_FIELD_PROCESSED_AT},
        {"bid_qty", QUOTE_FIELD_BID_QTY},
        {"ask_qty", QUOTE_FIELD_ASK_QTY},
        {"exchange", QUOTE_FIELD_EXCHANGE},
    };
    assert_int_equal(storage__quote__descriptor.n_fields, sizeof(fields) / sizeof(fields[0]));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
            &storage__quote__descriptor, fields[i].name);
        assert_non_null(field);
        assert_int_equal(field->id, fields[i].number);
    }
}

int main(void)
{
#define QUOTE_TEST(name) cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
    const struct CMUnitTest tests[] = {
        QUOTE_TEST(a_row_is_of_the_symbol_and_in_the_group_of_its_product),
        QUOTE_TEST(processed_at_is_filled_in_only_where_it_is_absent),
        QUOTE_TEST(what_a_quote_is_about_must_be_there),
        QUOTE_TEST(a_strike_is_finite_and_greater_than_0),
        QUOTE_TEST(prices_and_iv_are_finite_and_not_negative),
        QUOTE_TEST(greeks_are_finite_and_may_be_negative),
        QUOTE_TEST(counts_are_not_negative),
        QUOTE_TEST(an_exchange_has_at_most_64_bytes_without_controls),
        QUOTE_TEST(times_are_within_their_range),
        QUOTE_TEST(a_canonical_symbol_that_contradicts_is_told_what_it_should_be),
        QUOTE_TEST(a_row_with_too_many_unknown_fields_is_refused),
        QUOTE_TEST(a_used_up_arena_is_exhausted),
        cmocka_unit_test(the_numbers_of_the_fields_are_the_protos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
