#include "storage/core/retention.h"

#include "ds/number.h"
#include "storage/core/product.h"

#include <stdio.h>
#include <strings.h>

#define FORM_FAULT                                                                                 \
    "a rule is KIND=TIME or KIND/PRODUCT=TIME, as ticks=30d or quotes/NIFTY=7d12h; KIND is "       \
    "ticks, "                                                                                      \
    "quotes or chains"
#define KEEP_FORM_FAULT "a time is made of whole numbers with w, d, h, min or s, as 30d or 7d12h"
#define KEEP_RANGE_FAULT "rows are kept for one minute to 10,000 years"

struct keep_unit {
    const char *name;
    int64_t seconds;
};

static const struct keep_unit keep_units[] = {
    {"w", 604800}, {"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};

static bool parse_unit(struct ds_bytes text, int64_t *ret_seconds)
{
    for (size_t i = 0; i < sizeof(keep_units) / sizeof(keep_units[0]); i++) {
        const char *name = keep_units[i].name;
        if (text.size == strlen(name) &&
            strncasecmp((const char *)text.data, name, text.size) == 0) {
            *ret_seconds = keep_units[i].seconds;
            return true;
        }
    }
    return false;
}

/* "7d12h": numbers and units in turns. */
static bool parse_keep(const char *text, int64_t *ret_keep_us)
{
    int64_t keep_seconds = 0;
    do {
        const size_t digits = strspn(text, "0123456789");
        const size_t letters = strcspn(text + digits, "0123456789");
        int64_t number;
        int64_t unit_seconds;
        int64_t seconds;
        if (!ds_int64_parse(ds_bytes_of(text, digits), &number) ||
            !parse_unit(ds_bytes_of(text + digits, letters), &unit_seconds) ||
            __builtin_mul_overflow(number, unit_seconds, &seconds) ||
            __builtin_add_overflow(keep_seconds, seconds, &keep_seconds)) {
            return false;
        }
        text += digits + letters;
    } while (text[0] != '\0');
    return !__builtin_mul_overflow(keep_seconds, INT64_C(1000000), ret_keep_us);
}

static bool parse_kind(struct ds_bytes text, enum market_kind *ret_kind)
{
    static const char *const names[] = {
        [MARKET_TICKS] = "ticks", [MARKET_QUOTES] = "quotes", [MARKET_CHAINS] = "chains"};
    for (enum market_kind kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        if (ds_bytes_equal_text(text, names[kind])) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

const char *retention_rule_parse(const char *text, struct retention_rule *ret_rule)
{
    /* A product may have '=' in its name, a time has none. */
    const char *equals = strrchr(text, '=');
    if (equals == NULL) {
        return FORM_FAULT;
    }
    struct retention_rule rule = {.product = ""};
    const char *slash = memchr(text, '/', (size_t)(equals - text));
    const char *kind_end = slash != NULL ? slash : equals;
    if (!parse_kind(ds_bytes_of(text, (size_t)(kind_end - text)), &rule.kind)) {
        return FORM_FAULT;
    }
    if (slash != NULL) {
        const int bytes = (int)(equals - slash - 1);
        if (bytes == 0) {
            return FORM_FAULT;
        }
        if (snprintf(rule.product, sizeof(rule.product), "%.*s", bytes, slash + 1) >=
            (int)sizeof(rule.product)) {
            return "the product must have at most 128 bytes";
        }
    }
    if (!parse_keep(equals + 1, &rule.keep_us)) {
        return KEEP_FORM_FAULT;
    }
    const char *fault = retention_rule_fault(&rule);
    if (fault == NULL) {
        *ret_rule = rule;
    }
    return fault;
}

const char *retention_rule_fault(const struct retention_rule *rule)
{
    if (rule->kind < MARKET_KIND_FIRST || rule->kind > MARKET_KIND_MAX) {
        return "kind must be TICKS, QUOTES or CHAINS";
    }
    if (rule->keep_us < RETENTION_KEEP_US_MIN ||
        rule->keep_us > RETENTION_KEEP_SECONDS_MAX * 1000000) {
        return KEEP_RANGE_FAULT;
    }
    return rule->product[0] == '\0' ? NULL : product_fault(rule->product);
}

static bool same_rows(const struct retention_rule *a, const struct retention_rule *b)
{
    return a->kind == b->kind && strcmp(a->product, b->product) == 0;
}

size_t retention_rules_repeated(const struct retention_rule *rules, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t before = 0; before < i; before++) {
            if (same_rows(&rules[before], &rules[i])) {
                return i;
            }
        }
    }
    return count;
}

size_t retention_rules_pick(const struct retention_rule *rules, size_t count, enum market_kind kind,
                            struct ds_bytes product)
{
    size_t picked = count;
    for (size_t i = 0; i < count; i++) {
        if (rules[i].kind != kind) {
            continue;
        }
        if (rules[i].product[0] == '\0') {
            picked = i;
        } else if (ds_bytes_equal_text(product, rules[i].product)) {
            return i;
        }
    }
    return picked;
}
