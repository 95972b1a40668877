/* What is computed of a chain where the writer leaves it out. */
#include "storage/core/chain_derive.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define OPTIONS_MAX 64

struct sample {
    struct ds_arena *arena;
    Storage__Quote calls[OPTIONS_MAX];
    Storage__Quote puts[OPTIONS_MAX];
    Storage__Quote *call_pointers[OPTIONS_MAX];
    Storage__Quote *put_pointers[OPTIONS_MAX];
    Storage__OptionChain chain;
};

static int sample_setup(void **state)
{
    struct sample *sample = calloc(1, sizeof(*sample));
    assert_non_null(sample);
    sample->arena = ds_arena_create(64 << 20);
    storage__option_chain__init(&sample->chain);
    sample->chain.spot_price = 100;
    sample->chain.calls = sample->call_pointers;
    sample->chain.puts = sample->put_pointers;
    for (size_t i = 0; i < OPTIONS_MAX; i++) {
        sample->call_pointers[i] = &sample->calls[i];
        sample->put_pointers[i] = &sample->puts[i];
    }
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

static void option_set(Storage__Quote *option, double strike, int64_t open_interest, int64_t volume)
{
    storage__quote__init(option);
    option->strike = strike;
    option->open_interest = open_interest;
    option->volume = volume;
}

static void add_call(struct sample *sample, double strike, int64_t open_interest, int64_t volume)
{
    option_set(&sample->calls[sample->chain.n_calls++], strike, open_interest, volume);
}

static void add_put(struct sample *sample, double strike, int64_t open_interest, int64_t volume)
{
    option_set(&sample->puts[sample->chain.n_puts++], strike, open_interest, volume);
}

static void price(Storage__Quote *option, double last)
{
    option->_last_case = STORAGE__QUOTE___LAST_LAST;
    option->last = last;
}

static const Storage__OptionChain *derive(struct sample *sample)
{
    const char *fault = NULL;
    const ds_code code = chain_derive(sample->arena, &sample->chain, &fault);
    if (code != DS_OK) {
        fail_msg("%s: %s", ds_code_name(code), fault);
    }
    return &sample->chain;
}

static void totals_and_ratios_are_of_all_options(void **state)
{
    struct sample *sample = *state;
    add_call(sample, 90, 10, 5);
    add_call(sample, 100, 20, 1);
    add_call(sample, 110, 30, 0);
    add_put(sample, 90, 7, 1);
    add_put(sample, 100, 5, 1);
    add_put(sample, 110, 4, 2);
    const Storage__OptionChain *chain = derive(sample);
    assert_true(chain->total_call_oi == 60 && chain->total_put_oi == 16);
    assert_true(chain->pcr_oi == 0.2667);
    assert_true(chain->pcr_volume == 0.6667);
    /* At the spot price is neither above nor below it. */
    assert_true(chain->call_buildup_otm == 30);
    assert_true(chain->put_buildup_otm == 7);
    assert_int_equal(chain->_total_call_oi_case,
                     STORAGE__OPTION_CHAIN___TOTAL_CALL_OI_TOTAL_CALL_OI);
    assert_int_equal(chain->_total_put_oi_case, STORAGE__OPTION_CHAIN___TOTAL_PUT_OI_TOTAL_PUT_OI);
    assert_int_equal(chain->_pcr_oi_case, STORAGE__OPTION_CHAIN___PCR_OI_PCR_OI);
    assert_int_equal(chain->_pcr_volume_case, STORAGE__OPTION_CHAIN___PCR_VOLUME_PCR_VOLUME);
    assert_int_equal(chain->_call_buildup_otm_case,
                     STORAGE__OPTION_CHAIN___CALL_BUILDUP_OTM_CALL_BUILDUP_OTM);
    assert_int_equal(chain->_put_buildup_otm_case,
                     STORAGE__OPTION_CHAIN___PUT_BUILDUP_OTM_PUT_BUILDUP_OTM);
}

static void without_calls_the_ratios_are_0(void **state)
{
    struct sample *sample = *state;
    add_put(sample, 90, 7, 3);
    const Storage__OptionChain *chain = derive(sample);
    assert_true(chain->pcr_oi == 0 && chain->pcr_volume == 0);
    assert_int_equal(chain->_pcr_oi_case, STORAGE__OPTION_CHAIN___PCR_OI_PCR_OI);
    assert_true(chain->atm_strike == 90 && chain->atm_straddle_price == 0);
    assert_true(chain->max_pain_strike == 90);
}

static void without_options_the_strikes_are_absent(void **state)
{
    struct sample *sample = *state;
    const Storage__OptionChain *chain = derive(sample);
    assert_int_equal(chain->_atm_strike_case, STORAGE__OPTION_CHAIN___ATM_STRIKE__NOT_SET);
    assert_int_equal(chain->_atm_straddle_price_case,
                     STORAGE__OPTION_CHAIN___ATM_STRADDLE_PRICE__NOT_SET);
    assert_int_equal(chain->_max_pain_strike_case,
                     STORAGE__OPTION_CHAIN___MAX_PAIN_STRIKE__NOT_SET);
    assert_int_equal(chain->_total_call_oi_case,
                     STORAGE__OPTION_CHAIN___TOTAL_CALL_OI_TOTAL_CALL_OI);
    assert_true(chain->total_call_oi == 0 && chain->pcr_oi == 0);
}

/* As Python's round(): the exact double decides. 1/32 = 0.03125 is a tie, 0.00625 and 2.675 are
 * not. */
static void ratios_and_prices_are_rounded_by_their_exact_value(void **state)
{
    struct sample *sample = *state;
    add_call(sample, 100, 32, 160);
    add_put(sample, 100, 1, 1);
    const Storage__OptionChain *chain = derive(sample);
    assert_true(chain->pcr_oi == 0.0312);
    assert_true(chain->pcr_volume == 0.0063);
    sample->chain._atm_straddle_price_case = STORAGE__OPTION_CHAIN___ATM_STRADDLE_PRICE__NOT_SET;
    price(&sample->calls[0], 2.675);
    price(&sample->puts[0], 0);
    assert_true(derive(sample)->atm_straddle_price == 2.67);
}

static void the_strike_at_the_money_is_the_nearest_and_the_lower_of_two(void **state)
{
    struct sample *sample = *state;
    add_call(sample, 105, 1, 1);
    add_put(sample, 95, 1, 1);
    add_put(sample, 80, 1, 1);
    assert_true(derive(sample)->atm_strike == 95);
    sample->chain._atm_strike_case = STORAGE__OPTION_CHAIN___ATM_STRIKE__NOT_SET;
    sample->chain.spot_price = 100.01;
    assert_true(derive(sample)->atm_strike == 105);
}

static void a_straddle_needs_both_prices_at_the_money(void **state)
{
    struct sample *sample = *state;
    add_call(sample, 100, 1, 1);
    add_put(sample, 100, 1, 1);
    add_put(sample, 90, 1, 1);
    price(&sample->calls[0], 3.25);
    price(&sample->puts[1], 9);
    assert_true(derive(sample)->atm_straddle_price == 0);
    assert_int_equal(sample->chain._atm_straddle_price_case,
                     STORAGE__OPTION_CHAIN___ATM_STRADDLE_PRICE_ATM_STRADDLE_PRICE);
    sample->chain._atm_straddle_price_case = STORAGE__OPTION_CHAIN___ATM_STRADDLE_PRICE__NOT_SET;
    price(&sample->puts[0], 4.5);
    assert_true(derive(sample)->atm_straddle_price == 7.75);
    sample->chain._atm_straddle_price_case = STORAGE__OPTION_CHAIN___ATM_STRADDLE_PRICE__NOT_SET;
    sample->calls[0]._last_case = STORAGE__QUOTE___LAST__NOT_SET;
    sample->calls[0].last = 0;
    assert_true(derive(sample)->atm_straddle_price == 0);
}

static void what_the_writer_gave_stays_and_counts(void **state)
{
    struct sample *sample = *state;
    Storage__OptionChain *chain = &sample->chain;
    add_call(sample, 90, 10, 1);
    add_call(sample, 100, 10, 1);
    add_put(sample, 90, 10, 1);
    price(&sample->calls[0], 12);
    price(&sample->puts[0], 3);
    chain->_total_call_oi_case = STORAGE__OPTION_CHAIN___TOTAL_CALL_OI_TOTAL_CALL_OI;
    chain->total_call_oi = 40;
    chain->_atm_strike_case = STORAGE__OPTION_CHAIN___ATM_STRIKE_ATM_STRIKE;
    chain->atm_strike = 90;
    chain->_max_pain_strike_case = STORAGE__OPTION_CHAIN___MAX_PAIN_STRIKE_MAX_PAIN_STRIKE;
    chain->max_pain_strike = 7;
    chain->_pcr_volume_case = STORAGE__OPTION_CHAIN___PCR_VOLUME_PCR_VOLUME;
    chain->pcr_volume = 0;
    chain->_put_buildup_otm_case = STORAGE__OPTION_CHAIN___PUT_BUILDUP_OTM_PUT_BUILDUP_OTM;
    chain->put_buildup_otm = 77;
    derive(sample);
    assert_true(chain->total_call_oi == 40 && chain->pcr_oi == 0.25);
    assert_true(chain->atm_strike == 90 && chain->atm_straddle_price == 15);
    assert_true(chain->max_pain_strike == 7 && chain->pcr_volume == 0);
    assert_true(chain->put_buildup_otm == 77 && chain->total_put_oi == 10);
}

/* What the holders get if the price ends at `strike`, in whole numbers. */
static int64_t pain_at(const Storage__OptionChain *chain, int64_t strike)
{
    int64_t pain = 0;
    for (size_t i = 0; i < chain->n_calls; i++) {
        const int64_t distance = strike - (int64_t)chain->calls[i]->strike;
        pain += distance > 0 ? chain->calls[i]->open_interest * distance : 0;
    }
    for (size_t i = 0; i < chain->n_puts; i++) {
        const int64_t distance = (int64_t)chain->puts[i]->strike - strike;
        pain += distance > 0 ? chain->puts[i]->open_interest * distance : 0;
    }
    return pain;
}

static double lowest_pain_by_sums(const Storage__OptionChain *chain)
{
    double lowest = 0;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < chain->n_calls + chain->n_puts; i++) {
        const double strike =
            i < chain->n_calls ? chain->calls[i]->strike : chain->puts[i - chain->n_calls]->strike;
        const int64_t pain = pain_at(chain, (int64_t)strike);
        if (pain < least || (pain == least && strike < lowest)) {
            least = pain;
            lowest = strike;
        }
    }
    return lowest;
}

static uint32_t random_below(uint64_t *seed, uint32_t limit)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % limit;
}

/* Few strikes and small interests, so that there are ties, gaps and zeros. */
static void random_chain(struct sample *sample, uint64_t *seed)
{
    sample->chain.n_calls = 0;
    sample->chain.n_puts = 0;
    const uint32_t interests = random_below(seed, 3) == 0 ? 3 : 100000;
    const uint32_t strikes = 1 + random_below(seed, 40);
    const uint32_t calls = random_below(seed, OPTIONS_MAX + 1);
    const uint32_t puts = random_below(seed, OPTIONS_MAX + 1);
    for (uint32_t i = 0; i < calls; i++) {
        add_call(sample, 1000 + 50.0 * random_below(seed, strikes), random_below(seed, interests),
                 0);
    }
    for (uint32_t i = 0; i < puts; i++) {
        add_put(sample, 1000 + 50.0 * random_below(seed, strikes), random_below(seed, interests),
                0);
    }
    sample->chain._max_pain_strike_case = STORAGE__OPTION_CHAIN___MAX_PAIN_STRIKE__NOT_SET;
}

static void max_pain_is_where_the_direct_sum_is_least(void **state)
{
    struct sample *sample = *state;
    uint64_t seed = 20250125;
    for (int i = 0; i < 5000; i++) {
        random_chain(sample, &seed);
        if (sample->chain.n_calls + sample->chain.n_puts == 0) {
            continue;
        }
        const double found = derive(sample)->max_pain_strike;
        if (found != lowest_pain_by_sums(&sample->chain)) {
            fail_msg("chain %d: %f instead of %f", i, found, lowest_pain_by_sums(&sample->chain));
        }
    }
}

/* Doubles could not tell these apart. */
static void max_pain_is_exact_for_interests_beyond_2_to_the_53(void **state)
{
    struct sample *sample = *state;
    const int64_t large = INT64_C(1) << 60;
    add_call(sample, 100, large, 0);
    add_call(sample, 110, large, 0);
    add_put(sample, 105, large + 1, 0);
    assert_true(derive(sample)->max_pain_strike == 105);
    sample->chain._max_pain_strike_case = STORAGE__OPTION_CHAIN___MAX_PAIN_STRIKE__NOT_SET;
    sample->puts[0].open_interest = large;
    assert_true(derive(sample)->max_pain_strike == 100);
}

static void a_sum_that_does_not_fit_is_refused(void **state)
{
    struct sample *sample = *state;
    const char *fault = NULL;
    static const char expected[] =
        "the sum of open_interest, and that of volume, must be below 2^63";
    add_call(sample, 110, INT64_MAX, 0);
    add_put(sample, 90, INT64_MAX, INT64_MAX);
    derive(sample);
    add_call(sample, 120, 1, 0);
    assert_int_equal(chain_derive(sample->arena, &sample->chain, &fault), DS_INVALID_ARGUMENT);
    assert_string_equal(fault, expected);
    sample->chain.n_calls = 1;
    add_put(sample, 80, 0, 1);
    assert_int_equal(chain_derive(sample->arena, &sample->chain, &fault), DS_INVALID_ARGUMENT);
    assert_string_equal(fault, expected);
}

static void a_straddle_that_is_not_finite_is_refused(void **state)
{
    struct sample *sample = *state;
    const char *fault = NULL;
    add_call(sample, 100, 1, 1);
    add_put(sample, 100, 1, 1);
    price(&sample->calls[0], 1.7e308);
    price(&sample->puts[0], 1.7e308);
    assert_int_equal(chain_derive(sample->arena, &sample->chain, &fault), DS_INVALID_ARGUMENT);
    assert_string_equal(fault, "the sum of the last prices at atm_strike must be a finite number");
}

int main(void)
{
#define DERIVE_TEST(name) cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
    const struct CMUnitTest tests[] = {
        DERIVE_TEST(totals_and_ratios_are_of_all_options),
        DERIVE_TEST(without_calls_the_ratios_are_0),
        DERIVE_TEST(without_options_the_strikes_are_absent),
        DERIVE_TEST(ratios_and_prices_are_rounded_by_their_exact_value),
        DERIVE_TEST(the_strike_at_the_money_is_the_nearest_and_the_lower_of_two),
        DERIVE_TEST(a_straddle_needs_both_prices_at_the_money),
        DERIVE_TEST(what_the_writer_gave_stays_and_counts),
        DERIVE_TEST(max_pain_is_where_the_direct_sum_is_least),
        DERIVE_TEST(max_pain_is_exact_for_interests_beyond_2_to_the_53),
        DERIVE_TEST(a_sum_that_does_not_fit_is_refused),
        DERIVE_TEST(a_straddle_that_is_not_finite_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
