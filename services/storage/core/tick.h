/* The rules that a tick must meet, and its form in the store. */
#ifndef STORAGE_CORE_TICK_H
#define STORAGE_CORE_TICK_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "storage/store/market_store.h"

/* Of one row in the store, unknown fields included; the known ones need some 150. */
#define TICK_VALUE_BYTES_MAX 4096

/* The numbers of Tick's fields. */
enum tick_field {
    TICK_FIELD_PRODUCT = 1,
    TICK_FIELD_PRICE = 2,
    TICK_FIELD_TIMESTAMP = 3,
    TICK_FIELD_TICK_ID = 4,
    TICK_FIELD_PROCESSED_AT = 5,
    TICK_FIELD_VOLUME = 6,
    TICK_FIELD_OPEN = 7,
    TICK_FIELD_HIGH = 8,
    TICK_FIELD_LOW = 9,
    TICK_FIELD_CLOSE = 10,
    TICK_FIELD_CHANGE = 11,
};

/*
 * Makes the row of a tick. DS_INVALID_ARGUMENT where the tick is against a rule: what is wrong goes
 * to ret_fault (static storage or the arena). DS_RESOURCE_EXHAUSTED where the arena's budget is
 * used up. The row points into the tick and the arena.
 *
 * The value is the tick without its product; where the writer left out processed_at it is now_us.
 * The key is (product, timestamp, tick_id), because feeds count tick_id from 0 again; without a
 * tick_id a hash of the rest of the row takes its place.
 */
DS_MUST_USE ds_code tick_to_row(struct ds_arena *arena, const Storage__Tick *tick, int64_t now_us,
                                struct market_row *ret_row, const char **ret_fault);

#endif
