#include "clients/feed/latest_tick.h"

#include "clients/common/reply.h"
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/buffer.h"
#include "ds/log.h"

#include <string.h>

#define LATEST_TICK "deltastream.storage.v1.Storage/LatestTick"
#define REQUEST_BYTES_MAX 1024
#define REPLY_ARENA_BYTES_MAX (64 * 1024)

static struct walk_tick tick_of(const Storage__Tick *stored)
{
    struct walk_tick tick = {.price = stored->price,
                             .tick_id = -1,
                             .open = stored->price,
                             .high = stored->price,
                             .low = stored->price,
                             .close = stored->price};
    if (stored->_tick_id_case == STORAGE__TICK___TICK_ID_TICK_ID && stored->tick_id >= 0) {
        tick.tick_id = stored->tick_id;
    }
    if (stored->_open_case == STORAGE__TICK___OPEN_OPEN) {
        tick.open = stored->open;
    }
    if (stored->_high_case == STORAGE__TICK___HIGH_HIGH) {
        tick.high = stored->high;
    }
    if (stored->_low_case == STORAGE__TICK___LOW_LOW) {
        tick.low = stored->low;
    }
    if (stored->_change_case == STORAGE__TICK___CHANGE_CHANGE) {
        tick.change = stored->change;
    }
    return tick;
}

static ds_code read_reply(struct answer *answer, struct walk_tick *ret_tick,
                          int64_t *ret_timestamp_us)
{
    struct ds_arena *arena = ds_arena_create(REPLY_ARENA_BYTES_MAX);
    const ProtobufCMessage *reply = NULL;
    const ds_code code = reply_unpack(answer, arena, &reply);
    const Storage__Tick *stored = (const Storage__Tick *)reply;
    /* A price of 0 or none is no place to walk on from. */
    const bool is_usable = code == DS_OK && stored->timestamp != NULL &&
                           stored->_price_case == STORAGE__TICK___PRICE_PRICE && stored->price > 0;
    if (is_usable) {
        *ret_tick = tick_of(stored);
        *ret_timestamp_us = stored->timestamp->seconds * 1000000 + stored->timestamp->nanos / 1000;
    }
    ds_arena_destroy(arena);
    return is_usable ? DS_OK : DS_DATA_LOSS;
}

ds_code latest_tick_read(struct direct_caller *caller, const struct product *product,
                         struct walk_tick *ret_tick, int64_t *ret_timestamp_us)
{
    Storage__LatestTickRequest request = STORAGE__LATEST_TICK_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product->name;
    uint8_t payload[REQUEST_BYTES_MAX];
    const size_t payload_bytes = storage__latest_tick_request__pack(&request, payload);
    struct answer answer;
    direct_call(caller, ds_method_find(LATEST_TICK, strlen(LATEST_TICK)),
                ds_bytes_of(payload, payload_bytes), &answer);
    ds_code code = answer.code;
    const char *reason = answer.message;
    if (code == DS_OK) {
        code = read_reply(&answer, ret_tick, ret_timestamp_us);
        reason = "the newest tick has no price or no time";
    }
    if (code != DS_OK && code != DS_NOT_FOUND) {
        ds_log(DS_LOG_WARNING, "feed_failed", DS_LOG_TEXT("code", ds_code_name(code)),
               DS_LOG_TEXT("message", reason));
    }
    answer_release(&answer);
    return code;
}
