/* The rules of option chains, their form in the store and the names of their series. */
#include "storage/core/chain.h"
#include "storage/core/moment.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_US INT64_C(1737799200000001)
#define OPTIONS_MAX (CHAIN_CALLS_MAX + 1)

struct sample {
    struct ds_arena *arena;
    Google__Protobuf__Timestamp timestamp;
    Google__Protobuf__Timestamp processed_at;
    Storage__Quote options[2]; /* a call and a put */
    Storage__Quote *calls[OPTIONS_MAX];
    Storage__Quote *puts[OPTIONS_MAX];
    Storage__OptionChain chain; /* a good one, to spoil */
};

static void option_init(Storage__Quote *option, double strike, double last)
{
    storage__quote__init(option);
    option->_strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
    option->strike = strike;
    option->_last_case = STORAGE__QUOTE___LAST_LAST;
    option->last = last;
}

static int sample_setup(void **state)
{
    struct sample *sample = calloc(1, sizeof(*sample));
    assert_non_null(sample);
    sample->arena = ds_arena_create(16 << 20);
    google__protobuf__timestamp__init(&sample->timestamp);
    google__protobuf__timestamp__init(&sample->processed_at);
    sample->timestamp.seconds = 1737799200;
    sample->timestamp.nanos = 123456000;
    option_init(&sample->options[0], 21500, 120.25);
    option_init(&sample->options[1], 21500, 80.5);
    for (size_t i = 0; i < OPTIONS_MAX; i++) {
        sample->calls[i] = &sample->options[0];
        sample->puts[i] = &sample->options[1];
    }
    Storage__OptionChain *chain = &sample->chain;
    storage__option_chain__init(chain);
    chain->product = (char *)(uintptr_t) "NIFTY";
    chain->expiry = (char *)(uintptr_t) "2025-01-25";
    chain->_spot_price_case = STORAGE__OPTION_CHAIN___SPOT_PRICE_SPOT_PRICE;
    chain->spot_price = 21510;
    chain->timestamp = &sample->timestamp;
    chain->n_calls = 1;
    chain->calls = sample->calls;
    chain->n_puts = 1;
    chain->puts = sample->puts;
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
    const ds_code code = chain_to_row(sample->arena, &sample->chain, NOW_US, &row, &fault);
    if (code != DS_OK) {
        fail_msg("%s: %s", ds_code_name(code), fault);
    }
    return row;
}

static void assert_fault(struct sample *sample, const char *expected)
{
    struct market_row row;
    const char *fault = NULL;
    assert_int_equal(chain_to_row(sample->arena, &sample->chain, NOW_US, &row, &fault),
                     DS_INVALID_ARGUMENT);
    assert_string_equal(fault, expected);
}

static Storage__OptionChain *value_of(const struct market_row *row)
{
    Storage__OptionChain *value =
        storage__option_chain__unpack(NULL, row->value.size, row->value.data);
    assert_non_null(value);
    return value;
}

static void a_row_is_of_product_and_expiry_and_in_the_group_of_its_product(void **state)
{
    struct sample *sample = *state;
    const struct market_row row = row_of(sample);
    assert_true(ds_bytes_equal_text(row.series, "NIFTY/2025-01-25"));
    assert_true(ds_bytes_equal_text(row.group, "NIFTY"));
    assert_true(row.timestamp_us == 1737799200123456);
    assert_int_equal(row.tie.size, 0);
    assert_int_equal(row.assigned_field, CHAIN_FIELD_PROCESSED_AT);
    Storage__OptionChain *value = value_of(&row);
    assert_string_equal(value->product, "");
    assert_string_equal(value->expiry, "2025-01-25");
    assert_true(moment_floor_us(value->processed_at) == NOW_US);
    assert_true(value->atm_strike == 21500 && value->atm_straddle_price == 200.75);
    assert_int_equal(value->n_calls, 1);
    assert_null(value->calls[0]->timestamp);
    storage__option_chain__free_unpacked(value, NULL);
}

static void an_option_without_its_terms_gets_those_of_the_chain(void **state)
{
    struct sample *sample = *state;
    const struct market_row row = row_of(sample);
    Storage__OptionChain *value = value_of(&row);
    const Storage__Quote *call = value->calls[0];
    assert_string_equal(call->symbol, "NIFTY20250125C21500");
    assert_string_equal(call->product, "NIFTY");
    assert_string_equal(call->expiry, "2025-01-25");
    assert_int_equal(call->option_type, STORAGE__OPTION_TYPE__CALL);
    assert_int_equal(value->puts[0]->option_type, STORAGE__OPTION_TYPE__PUT);
    storage__option_chain__free_unpacked(value, NULL);
}

static void an_option_with_a_symbol_of_its_own_keeps_it(void **state)
{
    struct sample *sample = *state;
    sample->chain.calls[0]->symbol = (char *)(uintptr_t) "NIFTY25JAN21500CE";
    const struct market_row row = row_of(sample);
    Storage__OptionChain *value = value_of(&row);
    assert_string_equal(value->calls[0]->symbol, "NIFTY25JAN21500CE");
    assert_string_equal(value->calls[0]->product, "NIFTY");
    storage__option_chain__free_unpacked(value, NULL);
}

/* Or the chain that was read would be refused when it is sent again. */
static void an_option_whose_symbol_would_be_too_long_has_none(void **state)
{
    struct sample *sample = *state;
    char product[MARKET_PRODUCT_BYTES_MAX + 1] = "";
    memset(product, 'x', MARKET_PRODUCT_BYTES_MAX);
    sample->chain.product = product;
    const struct market_row row = row_of(sample);
    Storage__OptionChain *value = value_of(&row);
    assert_string_equal(value->calls[0]->symbol, "");
    assert_string_equal(value->calls[0]->product, product);
    sample->chain = *value;
    sample->chain.product = product;
    const struct market_row again = row_of(sample);
    assert_true(ds_bytes_equal(row.value, again.value));
    storage__option_chain__free_unpacked(value, NULL);
}

static void a_retry_of_a_chain_has_the_same_content(void **state)
{
    struct sample *sample = *state;
    const struct market_row row = row_of(sample);
    struct market_row later;
    const char *fault;
    assert_int_equal(chain_to_row(sample->arena, &sample->chain, NOW_US + 5, &later, &fault),
                     DS_OK);
    assert_true(market_values_equal(row.value, later.value, later.assigned_field));
    sample->processed_at.seconds = 5;
    sample->chain.processed_at = &sample->processed_at;
    const struct market_row own = row_of(sample);
    assert_int_equal(own.assigned_field, 0);
    Storage__OptionChain *value = value_of(&own);
    assert_true(value->processed_at->seconds == 5);
    storage__option_chain__free_unpacked(value, NULL);
}

static void what_a_chain_is_about_must_be_there(void **state)
{
    struct sample *sample = *state;
    const Storage__OptionChain good = sample->chain;
    sample->chain.product = (char *)(uintptr_t) "A/B";
    assert_fault(sample, "product must not have a '/'");
    sample->chain = good;
    sample->chain.expiry = (char *)(uintptr_t) "";
    assert_fault(sample, "expiry is missing");
    sample->chain.expiry = (char *)(uintptr_t) "2025-02-30";
    assert_fault(sample, "expiry must be a day that there is");
    sample->chain = good;
    sample->chain.timestamp = NULL;
    assert_fault(sample, "timestamp is missing");
    sample->chain = good;
    sample->chain._spot_price_case = STORAGE__OPTION_CHAIN___SPOT_PRICE__NOT_SET;
    sample->chain.spot_price = 0;
    assert_fault(sample, "spot_price is missing");
    sample->chain = good;
    sample->chain.spot_price = 0;
    assert_fault(sample, "spot_price must be greater than 0");
    sample->chain.spot_price = (double)NAN;
    assert_fault(sample, "spot_price must be a finite number");
    sample->chain = good;
    sample->timestamp.nanos = 1;
    assert_fault(sample, "timestamp must not be finer than a microsecond");
    sample->timestamp.nanos = 0;
    sample->processed_at.seconds = -1;
    sample->chain.processed_at = &sample->processed_at;
    assert_fault(sample, "processed_at must not be before 1970");
}

static void given_fields_of_the_whole_chain_are_finite_and_not_negative(void **state)
{
    struct sample *sample = *state;
    struct {
        double *number;
        const char *name;
    } numbers[] = {
        {&sample->chain.pcr_oi, "pcr_oi"},
        {&sample->chain.pcr_volume, "pcr_volume"},
        {&sample->chain.atm_strike, "atm_strike"},
        {&sample->chain.atm_straddle_price, "atm_straddle_price"},
        {&sample->chain.max_pain_strike, "max_pain_strike"},
    };
    char fault[64];
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        *numbers[i].number = -1;
        snprintf(fault, sizeof(fault), "%s must not be negative", numbers[i].name);
        assert_fault(sample, fault);
        *numbers[i].number = (double)INFINITY;
        snprintf(fault, sizeof(fault), "%s must be a finite number", numbers[i].name);
        assert_fault(sample, fault);
        *numbers[i].number = 0;
    }
    struct {
        int64_t *count;
        const char *fault;
    } counts[] = {
        {&sample->chain.total_call_oi, "total_call_oi must not be negative"},
        {&sample->chain.total_put_oi, "total_put_oi must not be negative"},
        {&sample->chain.call_buildup_otm, "call_buildup_otm must not be negative"},
        {&sample->chain.put_buildup_otm, "put_buildup_otm must not be negative"},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        *counts[i].count = -1;
        assert_fault(sample, counts[i].fault);
        *counts[i].count = 0;
    }
}

static void a_chain_has_at_most_2000_calls_and_2000_puts(void **state)
{
    struct sample *sample = *state;
    sample->chain.n_calls = CHAIN_CALLS_MAX;
    sample->chain.n_puts = CHAIN_PUTS_MAX;
    row_of(sample);
    sample->chain.n_calls = CHAIN_CALLS_MAX + 1;
    assert_fault(sample, "calls must have at most 2000 options");
    sample->chain.n_calls = 0;
    sample->chain.n_puts = CHAIN_PUTS_MAX + 1;
    assert_fault(sample, "puts must have at most 2000 options");
    sample->chain.n_puts = 0;
    row_of(sample);
}

static void a_fault_of_an_option_names_its_place(void **state)
{
    struct sample *sample = *state;
    Storage__Quote bad;
    option_init(&bad, 21500, -1);
    sample->chain.n_calls = 5;
    sample->calls[3] = &bad;
    assert_fault(sample, "calls[3].last must not be negative");
    option_init(&bad, 21500, 1);
    bad._strike_case = STORAGE__QUOTE___STRIKE__NOT_SET;
    bad.strike = 0;
    assert_fault(sample, "calls[3].strike is missing");
    sample->calls[3] = &sample->options[0];
    sample->chain.n_puts = 2;
    sample->puts[1] = &bad;
    assert_fault(sample, "puts[1].strike is missing");
    option_init(&bad, 21500, 1);
    bad.open_interest = -1;
    assert_fault(sample, "puts[1].open_interest must not be negative");
    option_init(&bad, 21500, 1);
    sample->processed_at.nanos = 1;
    bad.timestamp = &sample->processed_at;
    assert_fault(sample, "puts[1].timestamp must not be finer than a microsecond");
}

static void an_option_that_contradicts_its_chain_is_a_fault(void **state)
{
    struct sample *sample = *state;
    Storage__Quote option;
    option_init(&option, 21500, 1);
    sample->calls[0] = &option;
    option.product = (char *)(uintptr_t) "BANKNIFTY";
    assert_fault(sample, "calls[0].product must be NIFTY, as the chain's");
    option.product = (char *)(uintptr_t) "NIFTY";
    option.expiry = (char *)(uintptr_t) "2025-01-26";
    assert_fault(sample, "calls[0].expiry must be 2025-01-25, as the chain's");
    option.expiry = (char *)(uintptr_t) "2025-01-25";
    option.option_type = STORAGE__OPTION_TYPE__PUT;
    assert_fault(sample, "calls[0].option_type must be CALL here");
    option.option_type = (Storage__OptionType)9;
    assert_fault(sample, "calls[0].option_type must be CALL or PUT");
    option.option_type = STORAGE__OPTION_TYPE__CALL;
    option.symbol = (char *)(uintptr_t) "NIFTY20250125P21500";
    assert_fault(sample, "calls[0].symbol must be NIFTY20250125C21500 for this product, expiry, "
                         "option_type and strike");
    option.symbol = (char *)(uintptr_t) "A/B";
    assert_fault(sample, "calls[0].symbol must not have a '/'");
    option.symbol = (char *)(uintptr_t) "NIFTY20250125C21500";
    const struct market_row row = row_of(sample);
    Storage__OptionChain *value = value_of(&row);
    assert_string_equal(value->calls[0]->symbol, "NIFTY20250125C21500");
    assert_string_equal(value->calls[0]->product, "NIFTY");
    storage__option_chain__free_unpacked(value, NULL);
    sample->calls[0] = &sample->options[0];
    sample->puts[0] = &option;
    assert_fault(sample, "puts[0].option_type must be PUT here");
}

static void a_chain_has_at_most_a_mebibyte(void **state)
{
    struct sample *sample = *state;
    static uint8_t bytes[CHAIN_VALUE_BYTES_MAX];
    ProtobufCMessageUnknownField unknown = {
        .tag = 999,
        .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        .len = sizeof(bytes) - 512,
        .data = bytes,
    };
    sample->chain.base.n_unknown_fields = 1;
    sample->chain.base.unknown_fields = &unknown;
    row_of(sample);
    unknown.len = sizeof(bytes);
    assert_fault(sample, "the row must have at most 1048576 bytes");
}

static void a_used_up_arena_is_exhausted(void **state)
{
    struct sample *sample = *state;
    static const size_t budgets[] = {8, 160, 240, 320};
    for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
        struct ds_arena *arena = ds_arena_create(budgets[i]);
        struct market_row row;
        option_init(&sample->options[0], 21500, 120.25);
        option_init(&sample->options[1], 21500, 80.5);
        const char *fault = NULL;
        assert_int_equal(chain_to_row(arena, &sample->chain, NOW_US, &row, &fault),
                         DS_RESOURCE_EXHAUSTED);
        ds_arena_destroy(arena);
    }
}

static void the_name_of_a_series_and_back(void **state)
{
    (void)state;
    char text[CHAIN_SERIES_TEXT_MAX];
    char product[MARKET_PRODUCT_BYTES_MAX + 1] = "";
    memset(product, 'x', MARKET_PRODUCT_BYTES_MAX);
    const struct ds_bytes series = chain_series(product, "2025-01-25", text);
    assert_int_equal(series.size, MARKET_PRODUCT_BYTES_MAX + 11);
    assert_int_equal(strlen(text), series.size);
    struct ds_bytes split_product;
    struct ds_bytes split_expiry;
    assert_true(chain_series_split(series, &split_product, &split_expiry));
    assert_true(ds_bytes_equal_text(split_product, product));
    assert_true(ds_bytes_equal_text(split_expiry, "2025-01-25"));
    static const char *const others[] = {"", "NIFTY", "/2025-01-25", "NIFTY-2025-01-25",
                                         "2025-01-25"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(
            chain_series_split(ds_bytes_of_text(others[i]), &split_product, &split_expiry));
    }
}

static void the_numbers_of_the_fields_are_the_protos(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned int number;
    } fields[] = {
        {"product", CHAIN_FIELD_PRODUCT},
        {"expiry", CHAIN_FIELD_EXPIRY},
        {"spot_price", CHAIN_FIELD_SPOT_PRICE},
        {"pcr_oi", CHAIN_FIELD_PCR_OI},
        {"pcr_volume", CHAIN_FIELD_PCR_VOLUME},
        {"atm_strike", CHAIN_FIELD_ATM_STRIKE},
        {"atm_straddle_price", CHAIN_FIELD_ATM_STRADDLE_PRICE},
        {"max_pain_strike", CHAIN_FIELD_MAX_PAIN_STRIKE},
        {"total_call_oi", CHAIN_FIELD_TOTAL_CALL_OI},
        {"total_put_oi", CHAIN_FIELD_TOTAL_PUT_OI},
        {"call_buildup_otm", CHAIN_FIELD_CALL_BUILDUP_OTM},
        {"put_buildup_otm", CHAIN_FIELD_PUT_BUILDUP_OTM},
        {"calls", CHAIN_FIELD_CALLS},
        {"puts", CHAIN_FIELD_PUTS},
        {"timestamp", CHAIN_FIELD_TIMESTAMP},
        {"processed_at", CHAIN_FIELD_PROCESSED_AT},
    };
    assert_int_equal(storage__option_chain__descriptor.n_fields,
                     sizeof(fields) / sizeof(fields[0]));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
            &storage__option_chain__descriptor, fields[i].name);
        assert_non_null(field);
        assert_int_equal(field->id, fields[i].number);
    }
}

int main(void)
{
#define CHAIN_TEST(name) cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
    const struct CMUnitTest tests[] = {
        CHAIN_TEST(a_row_is_of_product_and_expiry_and_in_the_group_of_its_product),
        CHAIN_TEST(an_option_without_its_terms_gets_those_of_the_chain),
        CHAIN_TEST(an_option_with_a_symbol_of_its_own_keeps_it),
        CHAIN_TEST(an_option_whose_symbol_would_be_too_long_has_none),
        CHAIN_TEST(a_retry_of_a_chain_has_the_same_content),
        CHAIN_TEST(what_a_chain_is_about_must_be_there),
        CHAIN_TEST(given_fields_of_the_whole_chain_are_finite_and_not_negative),
        CHAIN_TEST(a_chain_has_at_most_2000_calls_and_2000_puts),
        CHAIN_TEST(a_fault_of_an_option_names_its_place),
        CHAIN_TEST(an_option_that_contradicts_its_chain_is_a_fault),
        CHAIN_TEST(a_chain_has_at_most_a_mebibyte),
        CHAIN_TEST(a_used_up_arena_is_exhausted),
        cmocka_unit_test(the_name_of_a_series_and_back),
        cmocka_unit_test(the_numbers_of_the_fields_are_the_protos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
