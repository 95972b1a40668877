/* Expiries and symbols: which there are, and what a canonical symbol says. */
#include "storage/core/expiry.h"
#include "storage/core/product.h"
#include "storage/core/symbol.h"
#include "support/test.h"

#include <string.h>

static const struct option_terms call = {"NIFTY", "2025-01-25", STORAGE__OPTION_TYPE__CALL};
static const struct option_terms put = {"NIFTY", "2025-01-25", STORAGE__OPTION_TYPE__PUT};

static void an_expiry_is_a_day_that_there_is(void **state)
{
    (void)state;
    static const char *const days[] = {"2025-01-25", "2024-02-29", "0001-01-01", "9999-12-31"};
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        assert_null(expiry_fault(days[i]));
    }
    static const char *const no_days[] = {"2025-02-29", "2025-13-01", "2025-00-01",
                                          "2025-01-32", "2025-01-00", "0000-01-01"};
    for (size_t i = 0; i < sizeof(no_days) / sizeof(no_days[0]); i++) {
        assert_string_equal(expiry_fault(no_days[i]), "expiry must be a day that there is");
    }
    static const char *const no_dates[] = {
        "2025-1-25",  "20250125",   "2025-01-25 ", " 2025-01-25", "2025-01-2",
        "2025/01/25", "25-01-2025", "tomorrow",    "+025-01-25",  "2025-01-25T00:00:00Z"};
    for (size_t i = 0; i < sizeof(no_dates) / sizeof(no_dates[0]); i++) {
        assert_string_equal(expiry_fault(no_dates[i]), "expiry must be a date, YYYY-MM-DD");
    }
    assert_string_equal(expiry_fault(""), "expiry is missing");
}

static void a_symbol_has_the_rules_of_a_product_under_its_own_name(void **state)
{
    (void)state;
    char name[SYMBOL_BYTES_MAX + 2];
    memset(name, 'x', sizeof(name));
    name[SYMBOL_BYTES_MAX] = '\0';
    assert_null(symbol_fault(name));
    name[SYMBOL_BYTES_MAX] = 'x';
    name[SYMBOL_BYTES_MAX + 1] = '\0';
    assert_string_equal(symbol_fault(name), "symbol must have at most 128 bytes");
    assert_string_equal(symbol_fault(""), "symbol must not be empty");
    assert_string_equal(symbol_fault("A/B"), "symbol must not have a '/'");
    assert_string_equal(symbol_fault("A\n"), "symbol must not have control characters");
}

static void a_symbol_is_made_of_product_expiry_type_and_strike(void **state)
{
    (void)state;
    struct ds_arena *arena = ds_arena_create(1 << 16);
    assert_string_equal(symbol_of(arena, &call, 21500), "NIFTY20250125C21500");
    assert_string_equal(symbol_of(arena, &put, 21500.5), "NIFTY20250125P21500.5");
    ds_arena_destroy(arena);
    arena = ds_arena_create(8);
    assert_null(symbol_of(arena, &call, 21500));
    ds_arena_destroy(arena);
}

static void a_canonical_symbol_of_another_option_contradicts(void **state)
{
    (void)state;
    assert_false(symbol_contradicts("NIFTY20250125C21500", &call, 21500));
    assert_true(symbol_contradicts("NIFTY20250125C21500", &put, 21500));
    assert_true(symbol_contradicts("NIFTY20250125P21500", &call, 21500));
    assert_true(symbol_contradicts("NIFTY20250126C21500", &call, 21500));
    assert_true(symbol_contradicts("NIFTY20250125C21550", &call, 21500));
    assert_true(symbol_contradicts("NIFTY20250125C21500.5", &call, 21500));
}

/* Feeds that write the strike as a whole number. */
static void a_strike_without_its_fraction_does_not_contradict(void **state)
{
    (void)state;
    assert_false(symbol_contradicts("NIFTY20250125C21500", &call, 21500.5));
    assert_false(symbol_contradicts("NIFTY20250125C21500.5", &call, 21500.5));
    assert_true(symbol_contradicts("NIFTY20250125C21501", &call, 21500.5));
}

static void a_symbol_of_another_form_says_nothing(void **state)
{
    (void)state;
    static const char *const symbols[] = {
        "NIFTY",                /* nothing behind the product */
        "NIFTY25JAN21500CE",    /* an exchange's form */
        "NIFTY250125C21550",    /* a short date */
        "NIFTY20251325C21550",  /* no day */
        "NIFTY20250125X21550",  /* no type */
        "NIFTY20250125C",       /* no strike */
        "NIFTY20250125C02155",  /* padded */
        "NIFTY20250125C2155e1", /* no plain number */
        "NIFTY20250125C-21550",
        "NIFTY20250125C21550W",
        "NIFTY120250125C21550", /* nine digits */
        "BANKNIFTY20250125C21550",
        "nifty20250125C21550",
    };
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        assert_false(symbol_contradicts(symbols[i], &call, 21500));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expiry_is_a_day_that_there_is),
        cmocka_unit_test(a_symbol_has_the_rules_of_a_product_under_its_own_name),
        cmocka_unit_test(a_symbol_is_made_of_product_expiry_type_and_strike),
        cmocka_unit_test(a_canonical_symbol_of_another_option_contradicts),
        cmocka_unit_test(a_strike_without_its_fraction_does_not_contradict),
        cmocka_unit_test(a_symbol_of_another_form_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
