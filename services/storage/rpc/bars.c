/* GetBars: computed from the stored ticks at every call, so that late rows correct their bars. */
#include "ds/time.h"
#include "storage/core/bar_page.h"
#include "storage/core/moment.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/row_walk.h"

#include <stdio.h>

#define INTERVAL_UNASKED "1m"
/* Of one page: about half a second's work. */
#define SCANNED_TICKS_MAX 4000000
/* The end of the year 9999. */
#define END_US_MAX ((DS_TIME_SECONDS_MAX + 1) * DS_MICROSECONDS - 1)

static const struct list_limits limits = {.unasked = 500, .max = 10000};

static bool take_tick(void *context, const struct market_row *row)
{
    return bar_page_take(context, row->timestamp_us, row->value);
}

struct bar_request {
    const char *interval;
    struct market_scan range;
    struct page_scope scope;
    char filter[PAGE_FILTER_BYTES_MAX];
};

static ds_code read_page_token(struct ds_call *call, const char *text, struct bar_request *asked)
{
    bool has_after;
    struct market_position after;
    DS_TRY(request_read_page_token(call, text, &asked->scope, &has_after, &after));
    if (!has_after) {
        return DS_OK;
    }
    struct market_scan *range = &asked->range;
    if (!range->ascending) {
        /* A place without a tie is before every tick of its moment. */
        range->has_after = true;
        range->after = (struct market_position){.timestamp_us = after.timestamp_us};
    } else if (after.timestamp_us > range->start_us) {
        range->start_us = after.timestamp_us;
    }
    return DS_OK;
}

static ds_code read_request(struct ds_call *call, const Storage__GetBarsRequest *request,
                            struct bar_request *ret_asked, struct bar_page *ret_page)
{
    struct market_scan *range = &ret_asked->range;
    DS_TRY(request_check_product(call, request->product));
    ret_asked->interval = request->interval[0] == '\0' ? INTERVAL_UNASKED : request->interval;
    if (!bar_interval_parse(ret_asked->interval, &ret_page->interval_us)) {
        return ds_fail_field(call, "interval", "%s", BAR_INTERVAL_FAULT);
    }
    range->kind = MARKET_TICKS;
    range->series = ds_bytes_of_text(request->product);
    range->row_max = SIZE_MAX;
    DS_TRY(
        request_read_range(call, request->start, request->end, &range->start_us, &range->end_us));
    DS_TRY(request_read_limit(call, request->_limit_case == STORAGE__GET_BARS_REQUEST___LIMIT_LIMIT,
                              request->limit, &limits, &ret_page->limit));
    DS_TRY(request_read_order(call, request->order, &range->ascending));
    ret_page->ascending = range->ascending;
    /* "60s" and "1m" are the same bars. */
    snprintf(ret_asked->filter, sizeof ret_asked->filter, "bars/%lld",
             (long long)ret_page->interval_us);
    ret_asked->scope = (struct page_scope){.kind = MARKET_TICKS,
                                           .ascending = range->ascending,
                                           .series = range->series,
                                           .filter = ds_bytes_of_text(ret_asked->filter)};
    return read_page_token(call, request->page_token, ret_asked);
}

/* A bar as the reply has it, with its times beside it. */
struct bar_message {
    Storage__Bar bar;
    Google__Protobuf__Timestamp start;
    Google__Protobuf__Timestamp end;
};

static void message_fill(struct bar_message *message, const struct bar *bar)
{
    storage__bar__init(&message->bar);
    google__protobuf__timestamp__init(&message->start);
    google__protobuf__timestamp__init(&message->end);
    moment_set_us(&message->start, bar->start_us);
    /* The last interval ends in the year 10000, which a time in a message can't say. */
    moment_set_us(&message->end, bar->end_us < END_US_MAX ? bar->end_us : END_US_MAX);
    message->bar.start_time = &message->start;
    message->bar.end_time = &message->end;
    message->bar.open = bar->open;
    message->bar.high = bar->high;
    message->bar.low = bar->low;
    message->bar.close = bar->close;
    message->bar.num_ticks = bar->num_ticks;
    if (bar->has_volume) {
        message->bar._volume_case = STORAGE__BAR___VOLUME_VOLUME;
        message->bar.volume = bar->volume;
    }
    if (bar_vwap(bar, &message->bar.vwap)) {
        message->bar._vwap_case = STORAGE__BAR___VWAP_VWAP;
    }
}

static ds_code fail_memory(struct ds_call *call)
{
    return ds_fail(call, DS_RESOURCE_EXHAUSTED,
                   "the reply needs more memory than a call may use: ask for a smaller limit");
}

static ds_code reply_fill(struct ds_call *call, const struct bar_request *asked,
                          const struct bar_page *page, Storage__GetBarsResponse *response)
{
    struct ds_arena *arena = ds_call_arena(call);
    struct bar_message *messages = ds_arena_alloc(arena, page->count * sizeof *messages);
    response->bars = ds_arena_alloc(arena, page->count * sizeof(Storage__Bar *));
    char *token = ds_arena_alloc(arena, PAGE_TOKEN_TEXT_MAX);
    if (messages == NULL || response->bars == NULL || token == NULL) {
        return fail_memory(call);
    }
    for (size_t i = 0; i < page->count; i++) {
        message_fill(&messages[i], &page->bars[i]);
        response->bars[i] = &messages[i].bar;
    }
    response->n_bars = page->count;
    response->count = (int32_t)page->count;
    response->interval = (char *)(uintptr_t)asked->interval;
    if (page->more) {
        const struct market_position end = {.timestamp_us = bar_page_end_us(page)};
        page_token_write(&asked->scope, &end, token);
        response->next_page_token = token;
    }
    return DS_OK;
}

ds_code storage_get_bars(struct storage *storage, struct ds_call *call,
                         const Storage__GetBarsRequest *request, Storage__GetBarsResponse *response)
{
    struct bar_request asked = {.interval = NULL};
    struct bar_page page = {.scanned_max = SCANNED_TICKS_MAX};
    DS_TRY(read_request(call, request, &asked, &page));
    page.bars = ds_arena_alloc(ds_call_arena(call), page.limit * sizeof *page.bars);
    if (page.bars == NULL) {
        return fail_memory(call);
    }
    DS_TRY(row_walk(storage, call, &asked.range, take_tick, &page));
    if (page.damaged) {
        return storage_fail_store(storage, call, DS_DATA_LOSS);
    }
    response->product = request->product;
    return reply_fill(call, &asked, &page, response);
}
