#include "clients/feed/row_pack.h"

#include "deltastream/storage/v1/rows.pb-c.h"

#include <stdio.h>

#define SYMBOL_BYTES 48

/* A quote and what it points to. */
struct packed_quote {
    Storage__Quote message;
    char symbol[SYMBOL_BYTES];
};

static Google__Protobuf__Timestamp timestamp_of(int64_t time_us)
{
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    timestamp.seconds = time_us / 1000000;
    timestamp.nanos = (int32_t)(time_us % 1000000) * 1000;
    return timestamp;
}

/* protobuf-c's structs have no const texts; packing changes nothing. */
static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void append(struct ds_buffer *target, const ProtobufCMessage *message)
{
    const size_t bytes = protobuf_c_message_get_packed_size(message);
    uint8_t *room = ds_buffer_reserve(target, bytes);
    if (room != NULL) {
        protobuf_c_message_pack(message, room);
        ds_buffer_commit(target, bytes);
    }
}

void row_pack_tick(const struct product *product, const struct walk_tick *tick,
                   int64_t timestamp_us, struct ds_buffer *target)
{
    Google__Protobuf__Timestamp timestamp = timestamp_of(timestamp_us);
    Storage__Tick message = STORAGE__TICK__INIT;
    message.product = text_of(product->name);
    message.timestamp = &timestamp;
    message._price_case = STORAGE__TICK___PRICE_PRICE;
    message.price = tick->price;
    message._tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
    message.tick_id = tick->tick_id;
    message._volume_case = STORAGE__TICK___VOLUME_VOLUME;
    message.volume = tick->volume;
    message._open_case = STORAGE__TICK___OPEN_OPEN;
    message.open = tick->open;
    message._high_case = STORAGE__TICK___HIGH_HIGH;
    message.high = tick->high;
    message._low_case = STORAGE__TICK___LOW_LOW;
    message.low = tick->low;
    message._close_case = STORAGE__TICK___CLOSE_CLOSE;
    message.close = tick->close;
    message._change_case = STORAGE__TICK___CHANGE_CHANGE;
    message.change = tick->change;
    append(target, &message.base);
}

static void name_quote(struct packed_quote *packed, const struct option_chain *chain, bool is_put,
                       const struct option_quote *quote)
{
    const char *date = chain->expiry.date; /* YYYY-MM-DD */
    snprintf(packed->symbol, sizeof(packed->symbol), "%s%.4s%.2s%.2s%c%.0f", chain->product->name,
             date, date + 5, date + 8, is_put ? 'P' : 'C', quote->strike);
    packed->message.symbol = packed->symbol;
    packed->message.product = text_of(chain->product->name);
    packed->message.expiry = text_of(date);
    packed->message._strike_case = STORAGE__QUOTE___STRIKE_STRIKE;
    packed->message.strike = quote->strike;
    packed->message._option_type_case = STORAGE__QUOTE___OPTION_TYPE_OPTION_TYPE;
    packed->message.option_type = is_put ? STORAGE__OPTION_TYPE__PUT : STORAGE__OPTION_TYPE__CALL;
    packed->message._exchange_case = STORAGE__QUOTE___EXCHANGE_EXCHANGE;
    packed->message.exchange = text_of(chain->product->exchange);
}

static void set_trade(Storage__Quote *message, const struct option_quote *quote)
{
    message->_bid_case = STORAGE__QUOTE___BID_BID;
    message->bid = quote->bid;
    message->_ask_case = STORAGE__QUOTE___ASK_ASK;
    message->ask = quote->ask;
    message->_last_case = STORAGE__QUOTE___LAST_LAST;
    message->last = quote->last;
    message->_bid_qty_case = STORAGE__QUOTE___BID_QTY_BID_QTY;
    message->bid_qty = quote->bid_qty;
    message->_ask_qty_case = STORAGE__QUOTE___ASK_QTY_ASK_QTY;
    message->ask_qty = quote->ask_qty;
    message->_volume_case = STORAGE__QUOTE___VOLUME_VOLUME;
    message->volume = quote->volume;
    message->_open_interest_case = STORAGE__QUOTE___OPEN_INTEREST_OPEN_INTEREST;
    message->open_interest = quote->open_interest;
}

static void set_greeks(Storage__Quote *message, const struct option_quote *quote)
{
    message->_iv_case = STORAGE__QUOTE___IV_IV;
    message->iv = quote->iv;
    message->_delta_case = STORAGE__QUOTE___DELTA_DELTA;
    message->delta = quote->delta;
    message->_gamma_case = STORAGE__QUOTE___GAMMA_GAMMA;
    message->gamma = quote->gamma;
    message->_vega_case = STORAGE__QUOTE___VEGA_VEGA;
    message->vega = quote->vega;
    message->_theta_case = STORAGE__QUOTE___THETA_THETA;
    message->theta = quote->theta;
}

static void fill_quote(struct packed_quote *packed, const struct option_chain *chain, bool is_put,
                       size_t index, Google__Protobuf__Timestamp *timestamp)
{
    const struct option_quote *quote = is_put ? &chain->puts[index] : &chain->calls[index];
    storage__quote__init(&packed->message);
    name_quote(packed, chain, is_put, quote);
    set_trade(&packed->message, quote);
    set_greeks(&packed->message, quote);
    packed->message.timestamp = timestamp;
}

void row_pack_quote(const struct option_chain *chain, bool is_put, size_t index,
                    struct ds_buffer *target)
{
    Google__Protobuf__Timestamp timestamp = timestamp_of(chain->timestamp_us);
    struct packed_quote packed;
    fill_quote(&packed, chain, is_put, index, &timestamp);
    append(target, &packed.message.base);
}

void row_pack_chain(const struct option_chain *chain, struct ds_buffer *target)
{
    Google__Protobuf__Timestamp timestamp = timestamp_of(chain->timestamp_us);
    struct packed_quote packed[2][OPTION_CHAIN_STRIKES];
    Storage__Quote *quotes[2][OPTION_CHAIN_STRIKES];
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < OPTION_CHAIN_STRIKES; i++) {
            fill_quote(&packed[side][i], chain, side == 1, i, &timestamp);
            quotes[side][i] = &packed[side][i].message;
        }
    }
    Storage__OptionChain message = STORAGE__OPTION_CHAIN__INIT;
    message.product = text_of(chain->product->name);
    message.expiry = text_of(chain->expiry.date);
    message._spot_price_case = STORAGE__OPTION_CHAIN___SPOT_PRICE_SPOT_PRICE;
    message.spot_price = chain->spot;
    message.n_calls = OPTION_CHAIN_STRIKES;
    message.calls = quotes[0];
    message.n_puts = OPTION_CHAIN_STRIKES;
    message.puts = quotes[1];
    message.timestamp = &timestamp;
    append(target, &message.base);
}
