/* Rules that say how long rows are kept. */
#include "storage/core/retention.h"
#include "support/test.h"

#include <stdio.h>

#define MINUTE_US (INT64_C(60) * 1000000)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

static void assert_rule(const char *text, enum market_kind kind, const char *product,
                        int64_t keep_us)
{
    struct retention_rule rule;
    assert_null(retention_rule_parse(text, &rule));
    assert_int_equal(rule.kind, kind);
    assert_string_equal(rule.product, product);
    assert_int_equal(rule.keep_us, keep_us);
}

static void a_rule_names_a_kind_perhaps_a_product_and_a_time(void **state)
{
    (void)state;
    assert_rule("ticks=30d", MARKET_TICKS, "", 30 * DAY_US);
    assert_rule("quotes/NIFTY=7d12h", MARKET_QUOTES, "NIFTY", 7 * DAY_US + 12 * HOUR_US);
    assert_rule("chains=1w", MARKET_CHAINS, "", 7 * DAY_US);
    assert_rule("ticks=1min", MARKET_TICKS, "", MINUTE_US);
    assert_rule("ticks=60s", MARKET_TICKS, "", MINUTE_US);
    assert_rule("ticks=1H30MIN", MARKET_TICKS, "", 90 * MINUTE_US);
    assert_rule("ticks/A=B=2h", MARKET_TICKS, "A=B", 2 * HOUR_US);
}

static void assert_refused(const char *text, const char *part)
{
    struct retention_rule rule = {.keep_us = -7};
    const char *fault = retention_rule_parse(text, &rule);
    assert_non_null(fault);
    if (strstr(fault, part) == NULL) {
        fail_msg("\"%s\" is refused with: %s", text, fault);
    }
    assert_int_equal(rule.keep_us, -7);
}

static void a_rule_of_another_form_is_refused_with_what_would_do(void **state)
{
    (void)state;
    static const char *const texts[] = {"",          "ticks",      "=30d",       "tick=30d",
                                        "Ticks=30d", "orders=30d", "ticks/=30d", "/NIFTY=30d"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_refused(texts[i], "quotes/NIFTY=7d12h");
    }
    assert_refused("ticks/A/B=30d", "'/'");
    char text[256];
    snprintf(text, sizeof(text), "ticks/%0129d=30d", 0);
    assert_refused(text, "128");
    snprintf(text, sizeof(text), "ticks/%0128d=30d", 0);
    struct retention_rule rule;
    assert_null(retention_rule_parse(text, &rule));
    assert_int_equal(strlen(rule.product), 128);
}

static void a_time_that_cannot_be_read_is_refused_with_what_would_do(void **state)
{
    (void)state;
    static const char *const texts[] = {"ticks=",
                                        "ticks=30",
                                        "ticks=d",
                                        "ticks=30d4",
                                        "ticks=30m",
                                        "ticks=-30d",
                                        "ticks=1.5d",
                                        "ticks=30 d",
                                        "ticks=99999999999999999999d",
                                        "ticks=30d ",
                                        "ticks=9223372036854775807w"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_refused(texts[i], "whole numbers");
    }
}

static void rows_are_kept_for_a_minute_at_least(void **state)
{
    (void)state;
    assert_refused("ticks=59s", "one minute");
    assert_refused("ticks=0d", "one minute");
    assert_refused("ticks=3652501d", "10,000 years");
    assert_rule("ticks=3652500d", MARKET_TICKS, "", 3652500 * DAY_US);
}

static void the_rule_that_names_the_product_counts(void **state)
{
    (void)state;
    const struct retention_rule rules[] = {
        {.kind = MARKET_TICKS, .product = "NIFTY"},
        {.kind = MARKET_TICKS, .product = ""},
        {.kind = MARKET_QUOTES, .product = ""},
        {.kind = MARKET_QUOTES, .product = "NIFTY"},
    };
    const struct ds_bytes nifty = ds_bytes_of_text("NIFTY");
    const struct ds_bytes sensex = ds_bytes_of_text("SENSEX");
    assert_int_equal(retention_rules_pick(rules, 4, MARKET_TICKS, nifty), 0);
    assert_int_equal(retention_rules_pick(rules, 4, MARKET_TICKS, sensex), 1);
    assert_int_equal(retention_rules_pick(rules, 4, MARKET_QUOTES, nifty), 3);
    assert_int_equal(retention_rules_pick(rules, 4, MARKET_QUOTES, sensex), 2);
    assert_int_equal(retention_rules_pick(rules, 4, MARKET_CHAINS, nifty), 4);
    assert_int_equal(retention_rules_pick(rules, 1, MARKET_TICKS, sensex), 1);
}

static void a_repeated_rule_is_found(void **state)
{
    (void)state;
    const struct retention_rule rules[] = {
        {.kind = MARKET_TICKS, .product = "NIFTY"},
        {.kind = MARKET_TICKS, .product = ""},
        {.kind = MARKET_QUOTES, .product = "NIFTY"},
        {.kind = MARKET_TICKS, .product = "NIFTY"},
    };
    assert_int_equal(retention_rules_repeated(rules, 3), 3);
    assert_int_equal(retention_rules_repeated(rules, 4), 3);
    assert_int_equal(retention_rules_repeated(rules, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_names_a_kind_perhaps_a_product_and_a_time),
        cmocka_unit_test(a_rule_of_another_form_is_refused_with_what_would_do),
        cmocka_unit_test(a_time_that_cannot_be_read_is_refused_with_what_would_do),
        cmocka_unit_test(rows_are_kept_for_a_minute_at_least),
        cmocka_unit_test(the_rule_that_names_the_product_counts),
        cmocka_unit_test(a_repeated_rule_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
