#include "clients/feed/market.h"

void market_init(struct market *market, const struct market_options *options)
{
    *market = (struct market){.options = *options};
    if (options->product_count == 0) {
        market->options.product_count = PRODUCT_COUNT;
        for (size_t i = 0; i < PRODUCT_COUNT; i++) {
            market->options.products[i] = &feed_products[i];
        }
    }
    for (size_t i = 0; i < market->options.product_count; i++) {
        walk_init(&market->products[i].walk, market->options.products[i], options->seed);
    }
}

void market_advance(struct market *market, size_t product_index, int64_t now_us)
{
    struct market_product *product = &market->products[product_index];
    product->now_us = now_us;
    product->tick = walk_next(&product->walk, now_us);
    expiry_list(product->walk.product->expiry_weekday, now_us, market->options.expiry_count,
                product->expiries);
}

void market_chain(const struct market *market, size_t product_index, size_t expiry_index,
                  struct option_chain *ret_chain)
{
    const struct market_product *product = &market->products[product_index];
    const struct option_chain_inputs inputs = {.product = product->walk.product,
                                               .expiry = &product->expiries[expiry_index],
                                               .seed = market->options.seed,
                                               .timestamp_us = product->now_us,
                                               .spot = product->tick.price,
                                               .day_open = product->tick.open};
    option_chain_make(&inputs, ret_chain);
}
