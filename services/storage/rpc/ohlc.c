/* GetOhlc: one bar of the last minutes before the newest tick, as the replaced service kept it. */
#include "storage/core/bars.h"
#include "storage/core/moment.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/row_walk.h"
#include "storage/rpc/window.h"

#define WINDOW_MAX_MINUTES 1440

struct window {
    struct bar bar;
    int64_t first_us;
    int64_t last_us;
    bool damaged;
};

static bool take_tick(void *context, const struct market_row *row)
{
    struct window *window = context;
    struct bar_tick tick;
    if (!bar_tick_read(row->value, &tick)) {
        window->damaged = true;
        return false;
    }
    if (!tick.has_price) {
        return true;
    }
    if (window->bar.num_ticks == 0) {
        window->first_us = row->timestamp_us;
    }
    window->last_us = row->timestamp_us;
    bar_add(&window->bar, &tick, true);
    return true;
}

static ds_code reply_fill(struct ds_call *call, const struct window *window,
                          Storage__GetOhlcResponse *response)
{
    Google__Protobuf__Timestamp *times = ds_arena_alloc(ds_call_arena(call), 2 * sizeof *times);
    if (times == NULL) {
        return storage_fail_memory(call);
    }
    google__protobuf__timestamp__init(&times[0]);
    google__protobuf__timestamp__init(&times[1]);
    moment_set_us(&times[0], window->first_us);
    moment_set_us(&times[1], window->last_us);
    response->open = window->bar.open;
    response->high = window->bar.high;
    response->low = window->bar.low;
    response->close = window->bar.close;
    response->start_time = &times[0];
    response->end_time = &times[1];
    response->num_ticks = window->bar.num_ticks;
    return DS_OK;
}

ds_code storage_get_ohlc(struct storage *storage, struct ds_call *call,
                         const Storage__GetOhlcRequest *request, Storage__GetOhlcResponse *response)
{
    int32_t minutes = 0;
    DS_TRY(request_check_product(call, request->product));
    DS_TRY(window_read(call, request->_window_case == STORAGE__GET_OHLC_REQUEST___WINDOW_WINDOW,
                       request->window, WINDOW_MAX_MINUTES, &minutes));

    const struct ds_bytes series = ds_bytes_of_text(request->product);
    bool found = false;
    int64_t newest_us = 0;
    DS_TRY(row_newest_us(storage, call, MARKET_TICKS, series, &found, &newest_us));
    if (!found) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND), "there is no tick of %s",
                              request->product);
    }
    struct window window = {.damaged = false};
    const struct market_scan range = {
        .kind = MARKET_TICKS,
        .series = series,
        .start_us = newest_us - window_us(minutes),
        .end_us = newest_us,
        .ascending = true,
        .row_max = SIZE_MAX,
    };
    DS_TRY(row_walk(storage, call, &range, take_tick, &window));
    if (window.damaged) {
        return storage_fail_store(storage, call, DS_DATA_LOSS);
    }
    if (window.bar.num_ticks == 0) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND),
                              "there is no tick of %s with a price in that window",
                              request->product);
    }
    response->product = request->product;
    response->window_minutes = minutes;
    return reply_fill(call, &window, response);
}
