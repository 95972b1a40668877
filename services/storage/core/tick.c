#include "storage/core/tick.h"

#include "storage/core/moment.h"
#include "storage/core/product.h"
#include "storage/core/row.h"

#include <sodium.h>

/* How a tie begins. They are stored: never change one, or its rows are new rows on a retry. */
#define TIE_OF_TICK_ID 1
#define TIE_OF_HASH 2
#define TIE_BYTES 9

/* SipHash's key for ties; public, because a writer who makes two of its own rows collide gets its
 * own row refused. Stored with the ties: never change it. */
static const uint8_t tie_hash_key[crypto_shorthash_KEYBYTES] = {
    't', 'i', 'c', 'k', ' ', 't', 'i', 'e', ' ', 'v', 'e', 'r', 's', '.', ' ', '1'};

static void tick_check(struct row_check *check, const Storage__Tick *tick)
{
    row_check_text(check, product_fault(tick->product));
    row_check_present(check, "timestamp", tick->timestamp != NULL);
    row_check_moment(check, "timestamp", tick->timestamp);
    row_check_moment(check, "processed_at", tick->processed_at);
    row_check_present(check, "price", tick->_price_case == STORAGE__TICK___PRICE_PRICE);
    row_check_not_negative(check, "price", tick->price);
    row_check_finite(check, "open", tick->open);
    row_check_finite(check, "high", tick->high);
    row_check_finite(check, "low", tick->low);
    row_check_finite(check, "close", tick->close);
    row_check_finite(check, "change", tick->change);
}

static struct market_tie tie_of(uint8_t beginning, uint64_t number)
{
    struct market_tie tie = {.size = TIE_BYTES, .data = {beginning}};
    for (size_t i = 0; i < sizeof(number); i++) {
        tie.data[TIE_BYTES - 1 - i] = (uint8_t)(number >> (8 * i));
    }
    return tie;
}

static struct market_tie tie_of_tick(const Storage__Tick *tick, struct ds_bytes content)
{
    if (tick->_tick_id_case == STORAGE__TICK___TICK_ID_TICK_ID) {
        /* With its sign flipped, so that bytes sort as numbers do. */
        return tie_of(TIE_OF_TICK_ID, (uint64_t)tick->tick_id ^ (UINT64_C(1) << 63));
    }
    uint8_t hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, content.data, content.size, tie_hash_key);
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(hash); i++) {
        number = number << 8 | hash[i];
    }
    return tie_of(TIE_OF_HASH, number);
}

ds_code tick_to_row(struct ds_arena *arena, const Storage__Tick *tick, int64_t now_us,
                    struct market_row *ret_row, const char **ret_fault)
{
    struct row_check check = {.arena = arena};
    tick_check(&check, tick);
    DS_TRY(row_check_end(&check, ret_fault));
    Storage__Tick stored = *tick;
    stored.product = (char *)(uintptr_t)protobuf_c_empty_string;

    /* Without processed_at, so that a row that was read and is sent again has the same key. */
    struct ds_bytes content = {0};
    if (tick->_tick_id_case != STORAGE__TICK___TICK_ID_TICK_ID) {
        stored.processed_at = NULL;
        DS_TRY(row_pack(arena, &stored.base, TICK_VALUE_BYTES_MAX, &content, ret_fault));
    }
    Google__Protobuf__Timestamp now;
    stored.processed_at = row_processed_at(tick->processed_at, now_us, &now);
    struct ds_bytes value;
    DS_TRY(row_pack(arena, &stored.base, TICK_VALUE_BYTES_MAX, &value, ret_fault));
    *ret_row = (struct market_row){
        .series = ds_bytes_of_text(tick->product),
        .timestamp_us = moment_floor_us(tick->timestamp),
        .tie = tie_of_tick(tick, content),
        .value = value,
        .assigned_field = tick->processed_at == NULL ? TICK_FIELD_PROCESSED_AT : 0,
    };
    return DS_OK;
}
