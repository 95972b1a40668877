#include "storage/core/quote.h"

#include "storage/core/expiry.h"
#include "storage/core/moment.h"
#include "storage/core/product.h"

/* An absent field of an option type is OPTION_TYPE_UNSPECIFIED in the struct. */
static void check_option_type(struct row_check *check, Storage__OptionType option_type)
{
    if (option_type != STORAGE__OPTION_TYPE__OPTION_TYPE_UNSPECIFIED &&
        option_type != STORAGE__OPTION_TYPE__CALL && option_type != STORAGE__OPTION_TYPE__PUT) {
        row_check_fail(check, "option_type must be CALL or PUT");
    }
}

static void check_exchange(struct row_check *check, const Storage__Quote *quote)
{
    if (quote->_exchange_case != STORAGE__QUOTE___EXCHANGE_EXCHANGE) {
        return;
    }
    if (strnlen(quote->exchange, QUOTE_EXCHANGE_BYTES_MAX + 1) > QUOTE_EXCHANGE_BYTES_MAX) {
        row_check_fail(check, "exchange must have at most %d bytes", QUOTE_EXCHANGE_BYTES_MAX);
    } else if (text_has_controls(quote->exchange)) {
        row_check_fail(check, "exchange must not have control characters");
    }
}

/* What every quote must meet, in a chain or by itself. */
static void check_numbers(struct row_check *check, const Storage__Quote *quote)
{
    row_check_present(check, "strike", quote->_strike_case == STORAGE__QUOTE___STRIKE_STRIKE);
    row_check_positive(check, "strike", quote->strike);
    check_option_type(check, quote->option_type);
    row_check_not_negative(check, "bid", quote->bid);
    row_check_not_negative(check, "ask", quote->ask);
    row_check_not_negative(check, "last", quote->last);
    row_check_count(check, "volume", quote->volume);
    row_check_count(check, "open_interest", quote->open_interest);
    row_check_finite(check, "delta", quote->delta);
    row_check_finite(check, "gamma", quote->gamma);
    row_check_finite(check, "vega", quote->vega);
    row_check_finite(check, "theta", quote->theta);
    row_check_not_negative(check, "iv", quote->iv);
    row_check_count(check, "bid_qty", quote->bid_qty);
    row_check_count(check, "ask_qty", quote->ask_qty);
    check_exchange(check, quote);
    row_check_moment(check, "timestamp", quote->timestamp);
    row_check_moment(check, "processed_at", quote->processed_at);
}

static void check_symbol(struct row_check *check, const Storage__Quote *quote,
                         const struct option_terms *terms)
{
    row_check_text(check, symbol_fault(quote->symbol));
    if (check->code != DS_OK || !symbol_contradicts(quote->symbol, terms, quote->strike)) {
        return;
    }
    const char *expected = symbol_of(check->arena, terms, quote->strike);
    if (expected == NULL) {
        check->code = DS_RESOURCE_EXHAUSTED;
        return;
    }
    row_check_fail(check, "symbol must be %s for this product, expiry, option_type and strike",
                   expected);
}

static void quote_check(struct row_check *check, const Storage__Quote *quote)
{
    row_check_text(check, product_fault(quote->product));
    row_check_text(check, expiry_fault(quote->expiry));
    check_numbers(check, quote);
    row_check_present(check, "option_type",
                      quote->option_type != STORAGE__OPTION_TYPE__OPTION_TYPE_UNSPECIFIED);
    row_check_present(check, "timestamp", quote->timestamp != NULL);
    const struct option_terms terms = {quote->product, quote->expiry, quote->option_type};
    check_symbol(check, quote, &terms);
}

void quote_check_nested(struct row_check *check, const Storage__Quote *quote,
                        const struct option_terms *terms)
{
    check_numbers(check, quote);
    if (quote->product[0] != '\0' && strcmp(quote->product, terms->product) != 0) {
        row_check_fail(check, "product must be %s, as the chain's", terms->product);
    }
    if (quote->expiry[0] != '\0' && strcmp(quote->expiry, terms->expiry) != 0) {
        row_check_fail(check, "expiry must be %s, as the chain's", terms->expiry);
    }
    if (quote->option_type != STORAGE__OPTION_TYPE__OPTION_TYPE_UNSPECIFIED &&
        quote->option_type != terms->option_type) {
        row_check_fail(check, "option_type must be %s here",
                       terms->option_type == STORAGE__OPTION_TYPE__CALL ? "CALL" : "PUT");
    }
    if (quote->symbol[0] != '\0') {
        check_symbol(check, quote, terms);
    }
}

ds_code quote_to_row(struct ds_arena *arena, const Storage__Quote *quote, int64_t now_us,
                     struct market_row *ret_row, const char **ret_fault)
{
    struct row_check check = {.arena = arena};
    quote_check(&check, quote);
    DS_TRY(row_check_end(&check, ret_fault));
    Storage__Quote stored = *quote;
    stored.symbol = (char *)(uintptr_t)protobuf_c_empty_string;
    Google__Protobuf__Timestamp now;
    stored.processed_at = row_processed_at(quote->processed_at, now_us, &now);
    struct ds_bytes value;
    DS_TRY(row_pack(arena, &stored.base, QUOTE_VALUE_BYTES_MAX, &value, ret_fault));
    *ret_row = (struct market_row){
        .series = ds_bytes_of_text(quote->symbol),
        .group = ds_bytes_of_text(quote->product),
        .timestamp_us = moment_floor_us(quote->timestamp),
        .value = value,
        .assigned_field = quote->processed_at == NULL ? QUOTE_FIELD_PROCESSED_AT : 0,
    };
    return DS_OK;
}
