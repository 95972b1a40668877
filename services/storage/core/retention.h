/* Rules that say how long rows are kept, by their kind and product. */
#ifndef STORAGE_CORE_RETENTION_H
#define STORAGE_CORE_RETENTION_H

#include "storage/store/market_store.h"

/* Rules of one run; more is a mistake. */
#define RETENTION_RULES_MAX 256
/* Shorter times would delete what has just come, or what a slow writer is about to send. */
#define RETENTION_KEEP_US_MIN (INT64_C(60) * 1000000)
/* As long as google.protobuf.Duration goes: some 10,000 years. */
#define RETENTION_KEEP_SECONDS_MAX INT64_C(315576000000)

struct retention_rule {
    enum market_kind kind;
    char product[MARKET_PRODUCT_BYTES_MAX + 1]; /* "": every product */
    int64_t keep_us;
};

/*
 * Reads "ticks=30d" or "quotes/NIFTY=7d12h": a kind, perhaps a product, and a time made of whole
 * numbers with w, d, h, min or s. NULL where *ret_rule was filled, else what is wrong and what
 * would do, in static storage.
 */
const char *retention_rule_parse(const char *text, struct retention_rule *ret_rule);

/* What is wrong with a rule whatever it was read from; NULL where it may be used. Static storage.
 */
const char *retention_rule_fault(const struct retention_rule *rule);

/* The index of a rule that stands for the same rows as one before it; `count` where there is none.
 */
size_t retention_rules_repeated(const struct retention_rule *rules, size_t count);

/* The index of the rule for rows of that kind and product: the one that names the product before
 * the one for all; `count` where there is none. */
size_t retention_rules_pick(const struct retention_rule *rules, size_t count, enum market_kind kind,
                            struct ds_bytes product);

#endif
