#include "storage/core/tick.h"

#include "storage/core/moment.h"
#include "storage/core/product.h"

#include <math.h>
#include <sodium.h>

#define PROCESSED_AT_FIELD 5

/* How a tie begins. They are stored: never change one, or its rows are new rows on a retry. */
#define TIE_OF_TICK_ID 1
#define TIE_OF_HASH 2
#define TIE_BYTES 9

#define TEXT_OF(number) #number
#define TEXT_OF_VALUE(number) TEXT_OF(number)

/* SipHash's key for ties; public, because a writer who makes two of its own rows collide gets its
 * own row refused. Stored with the ties: never change it. */
static const uint8_t tie_hash_key[crypto_shorthash_KEYBYTES] = {
    't', 'i', 'c', 'k', ' ', 't', 'i', 'e', ' ', 'v', 'e', 'r', 's', '.', ' ', '1'};

/* NULL where the time is absent or may be stored. `faults`: one text a rule. */
static const char *moment_fault(const Google__Protobuf__Timestamp *moment,
                                const char *const faults[3])
{
    if (!moment_is_valid(moment)) {
        return faults[0];
    }
    if (moment->seconds < 0) {
        return faults[1];
    }
    return moment_is_whole_us(moment) ? NULL : faults[2];
}

static const char *times_fault(const Storage__Tick *tick)
{
    static const char *const timestamp_faults[] = {
        "timestamp must be in the years 1970 to 9999",
        "timestamp must not be before 1970",
        "timestamp must not be finer than a microsecond",
    };
    static const char *const processed_at_faults[] = {
        "processed_at must be in the years 1970 to 9999",
        "processed_at must not be before 1970",
        "processed_at must not be finer than a microsecond",
    };
    if (tick->timestamp == NULL) {
        return "timestamp is missing";
    }
    const char *fault = moment_fault(tick->timestamp, timestamp_faults);
    if (fault == NULL && tick->processed_at != NULL) {
        fault = moment_fault(tick->processed_at, processed_at_faults);
    }
    return fault;
}

static const char *numbers_fault(const Storage__Tick *tick)
{
    if (tick->_price_case != STORAGE__TICK___PRICE_PRICE) {
        return "price is missing";
    }
    if (!isfinite(tick->price)) {
        return "price must be a finite number";
    }
    if (tick->price < 0) {
        return "price must not be negative";
    }
    /* An absent number is 0 in the struct. */
    if (!isfinite(tick->open)) {
        return "open must be a finite number";
    }
    if (!isfinite(tick->high)) {
        return "high must be a finite number";
    }
    if (!isfinite(tick->low)) {
        return "low must be a finite number";
    }
    if (!isfinite(tick->close)) {
        return "close must be a finite number";
    }
    return isfinite(tick->change) ? NULL : "change must be a finite number";
}

static const char *tick_fault(const Storage__Tick *tick)
{
    const char *fault = product_fault(tick->product);
    if (fault == NULL) {
        fault = times_fault(tick);
    }
    return fault != NULL ? fault : numbers_fault(tick);
}

static struct market_tie tie_of(uint8_t beginning, uint64_t number)
{
    struct market_tie tie = {.size = TIE_BYTES, .data = {beginning}};
    for (size_t i = 0; i < sizeof(number); i++) {
        tie.data[TIE_BYTES - 1 - i] = (uint8_t)(number >> (8 * i));
    }
    return tie;
}

static struct market_tie tie_of_tick(const Storage__Tick *tick, struct ds_bytes sent)
{
    if (tick->_tick_id_case == STORAGE__TICK___TICK_ID_TICK_ID) {
        /* With its sign flipped, so that bytes sort as numbers do. */
        return tie_of(TIE_OF_TICK_ID, (uint64_t)tick->tick_id ^ (UINT64_C(1) << 63));
    }
    uint8_t hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, sent.data, sent.size, tie_hash_key);
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(hash); i++) {
        number = number << 8 | hash[i];
    }
    return tie_of(TIE_OF_HASH, number);
}

/* Packs the tick into the arena; empty where the budget is used up. */
static struct ds_bytes tick_pack(struct ds_arena *arena, const Storage__Tick *tick, size_t size)
{
    uint8_t *packed = ds_arena_alloc(arena, size);
    if (packed == NULL) {
        return ds_bytes_of(NULL, 0);
    }
    return ds_bytes_of(packed, storage__tick__pack(tick, packed));
}

ds_code tick_to_row(struct ds_arena *arena, const Storage__Tick *tick, int64_t now_us,
                    struct market_row *ret_row, const char **ret_fault)
{
    const char *fault = tick_fault(tick);
    if (fault != NULL) {
        *ret_fault = fault;
        return DS_INVALID_ARGUMENT;
    }
    Storage__Tick stored = *tick;
    stored.product = (char *)(uintptr_t)protobuf_c_empty_string;
    Google__Protobuf__Timestamp now = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    moment_set_us(&now, now_us);
    const bool assigned = tick->processed_at == NULL;

    struct ds_bytes sent = {0};
    if (tick->_tick_id_case != STORAGE__TICK___TICK_ID_TICK_ID) {
        sent = tick_pack(arena, &stored, storage__tick__get_packed_size(&stored));
        if (sent.data == NULL) {
            return DS_RESOURCE_EXHAUSTED;
        }
    }
    if (assigned) {
        stored.processed_at = &now;
    }
    const size_t size = storage__tick__get_packed_size(&stored);
    if (size > TICK_VALUE_BYTES_MAX) {
        *ret_fault = "the row must have at most " TEXT_OF_VALUE(TICK_VALUE_BYTES_MAX) " bytes";
        return DS_INVALID_ARGUMENT;
    }
    const struct ds_bytes value = tick_pack(arena, &stored, size);
    if (value.data == NULL) {
        return DS_RESOURCE_EXHAUSTED;
    }
    *ret_row = (struct market_row){
        .series = ds_bytes_of_text(tick->product),
        .timestamp_us = moment_floor_us(tick->timestamp),
        .tie = tie_of_tick(tick, sent),
        .value = value,
        .assigned_field = assigned ? PROCESSED_AT_FIELD : 0,
    };
    return DS_OK;
}
