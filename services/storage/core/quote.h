/* The rules that a quote must meet, and its form in the store. */
#ifndef STORAGE_CORE_QUOTE_H
#define STORAGE_CORE_QUOTE_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "storage/core/row.h"
#include "storage/core/symbol.h"
#include "storage/store/market_store.h"

/* Of one row in the store, unknown fields included; the known ones need some 400. */
#define QUOTE_VALUE_BYTES_MAX 4096
#define QUOTE_EXCHANGE_BYTES_MAX 64

/* The numbers of Quote's fields. */
enum quote_field {
    QUOTE_FIELD_SYMBOL = 1,
    QUOTE_FIELD_PRODUCT = 2,
    QUOTE_FIELD_STRIKE = 3,
    QUOTE_FIELD_EXPIRY = 4,
    QUOTE_FIELD_OPTION_TYPE = 5,
    QUOTE_FIELD_BID = 6,
    QUOTE_FIELD_ASK = 7,
    QUOTE_FIELD_LAST = 8,
    QUOTE_FIELD_VOLUME = 9,
    QUOTE_FIELD_OPEN_INTEREST = 10,
    QUOTE_FIELD_DELTA = 11,
    QUOTE_FIELD_GAMMA = 12,
    QUOTE_FIELD_VEGA = 13,
    QUOTE_FIELD_THETA = 14,
    QUOTE_FIELD_IV = 15,
    QUOTE_FIELD_TIMESTAMP = 16,
    QUOTE_FIELD_PROCESSED_AT = 17,
    QUOTE_FIELD_BID_QTY = 18,
    QUOTE_FIELD_ASK_QTY = 19,
    QUOTE_FIELD_EXCHANGE = 20,
};

/*
 * Makes the row of a quote. DS_INVALID_ARGUMENT where the quote is against a rule: what is wrong
 * goes to ret_fault (static storage or the arena). DS_RESOURCE_EXHAUSTED where the arena's budget
 * is used up. The row points into the quote and the arena.
 *
 * The value is the quote without its symbol; where the writer left out processed_at it is now_us.
 * The key is (symbol, timestamp).
 */
DS_MUST_USE ds_code quote_to_row(struct ds_arena *arena, const Storage__Quote *quote,
                                 int64_t now_us, struct market_row *ret_row,
                                 const char **ret_fault);

/* Checks an option of a chain, which may leave out what the chain says already (`terms`) and when
 * it was. */
void quote_check_nested(struct row_check *check, const Storage__Quote *quote,
                        const struct option_terms *terms);

#endif
