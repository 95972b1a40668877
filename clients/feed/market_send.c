#include "clients/feed/market_send.h"

#include "clients/feed/row_pack.h"

static ds_code send_quotes(const struct option_chain *chain, struct ds_buffer *row,
                           struct sender *sender)
{
    for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
        for (int is_put = 0; is_put < 2; is_put++) {
            ds_buffer_clear(row);
            row_pack_quote(chain, is_put == 1, i, row);
            DS_TRY(sender_add(sender, ROW_KIND_QUOTES, ds_buffer_bytes(row)));
        }
    }
    return DS_OK;
}

static ds_code send_expiry(const struct option_chain *chain, uint32_t kinds, struct ds_buffer *row,
                           struct sender *sender)
{
    if ((kinds & 1U << ROW_KIND_QUOTES) != 0) {
        DS_TRY(send_quotes(chain, row, sender));
    }
    if ((kinds & 1U << ROW_KIND_CHAINS) != 0) {
        ds_buffer_clear(row);
        row_pack_chain(chain, row);
        DS_TRY(sender_add(sender, ROW_KIND_CHAINS, ds_buffer_bytes(row)));
    }
    return DS_OK;
}

ds_code market_send(const struct market *market, size_t product_index, uint32_t kinds,
                    struct ds_buffer *row, struct sender *sender)
{
    const struct market_product *product = &market->products[product_index];
    if ((kinds & 1U << ROW_KIND_TICKS) != 0) {
        ds_buffer_clear(row);
        row_pack_tick(product->walk.product, &product->tick, product->now_us, row);
        DS_TRY(sender_add(sender, ROW_KIND_TICKS, ds_buffer_bytes(row)));
    }
    if ((kinds & FEED_KINDS_OPTIONS) == 0) {
        return DS_OK;
    }
    for (size_t i = 0; i < market->options.expiry_count; i++) {
        struct option_chain chain;
        market_chain(market, product_index, i, &chain);
        DS_TRY(send_expiry(&chain, kinds, row, sender));
    }
    return DS_OK;
}
