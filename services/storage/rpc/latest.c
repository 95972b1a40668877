/* The newest row of a series, or of each of many, and the newest one at or before a moment. */
#include "ds/wire.h"
#include "storage/core/moment.h"
#include "storage/core/product.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/row_walk.h"

#define NAMES_MAX 1000
/* The number of a row's field that names its series, and those of LatestTicksResponse's fields,
 * which are LatestQuotesResponse's too. */
#define SERIES_FIELD 1
#define ROWS_FIELD 1
#define MISSING_FIELD 2

#define NANOSECONDS 1000000000
/* The range of google.protobuf.Duration: some 10,000 years. */
#define DURATION_SECONDS_MAX 315576000000LL

struct newest {
    struct ds_buffer *reply;
    bool framed; /* as an element of ROWS_FIELD */
    bool found;
};

/* The series stands in front of the stored rest: messages join when their bytes do. */
static void write_newest(void *context, const struct market_row *row)
{
    struct newest *newest = context;
    newest->found = true;
    if (newest->framed) {
        const size_t size = 1 + ds_varint_size(row->series.size) + row->series.size;
        ds_wire_write_tag(newest->reply, ROWS_FIELD, DS_WIRE_BYTES);
        ds_wire_write_varint(newest->reply, size + row->value.size);
    }
    ds_wire_write_bytes_field(newest->reply, SERIES_FIELD, row->series);
    ds_buffer_append(newest->reply, row->value.data, row->value.size);
}

/* Writes the newest row of the range, which asks for one row, if there is one. */
static ds_code reply_newest(struct storage *storage, struct ds_call *call,
                            const struct market_scan *range, bool framed, bool *ret_found)
{
    struct newest newest = {.reply = ds_call_raw_response(call), .framed = framed};
    bool more;
    DS_TRY(row_snapshot(storage, call, range, write_newest, &newest, &more));
    *ret_found = newest.found;
    return DS_OK;
}

/* The newest row of a series. */
static struct market_scan newest_of(enum market_kind kind, const char *series)
{
    return row_walk_newest(kind, ds_bytes_of_text(series), 1);
}

ds_code storage_latest_tick(struct storage *storage, struct ds_call *call,
                            const Storage__LatestTickRequest *request, Storage__Tick *response)
{
    (void)response;
    DS_TRY(request_check_product(call, request->product));
    const struct market_scan range = newest_of(MARKET_TICKS, request->product);
    bool found;
    DS_TRY(reply_newest(storage, call, &range, false, &found));
    if (!found) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND), "there is no tick of %s",
                              request->product);
    }
    return DS_OK;
}

static bool duration_is_valid(const Google__Protobuf__Duration *duration)
{
    return duration->seconds >= 0 && duration->seconds <= DURATION_SECONDS_MAX &&
           duration->nanos >= 0 && duration->nanos < NANOSECONDS;
}

/* The first microsecond that is not older than `tolerance` at that moment. */
static int64_t oldest_us(const Google__Protobuf__Timestamp *moment,
                         const Google__Protobuf__Duration *tolerance)
{
    Google__Protobuf__Timestamp oldest = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    oldest.seconds = moment->seconds - tolerance->seconds;
    oldest.nanos = moment->nanos - tolerance->nanos;
    if (oldest.nanos < 0) {
        oldest.seconds--;
        oldest.nanos += NANOSECONDS;
    }
    /* Seconds of 20,000 years, so their microseconds fit. */
    return moment_ceil_us(&oldest);
}

static ds_code read_as_of(struct ds_call *call, const Storage__AsOfRequest *request,
                          struct market_scan *ret_range)
{
    DS_TRY(request_check_product(call, request->product));
    if (request->time == NULL) {
        return ds_fail_field(call, "time", "time is missing");
    }
    DS_TRY(request_check_moment(call, "time", request->time));
    struct market_scan range = newest_of(MARKET_TICKS, request->product);
    range.end_us = moment_floor_us(request->time);
    if (request->tolerance != NULL) {
        if (!duration_is_valid(request->tolerance)) {
            return ds_fail_field(call, "tolerance",
                                 "tolerance must be a duration of 0 s to 10,000 years");
        }
        range.start_us = oldest_us(request->time, request->tolerance);
    }
    *ret_range = range;
    return DS_OK;
}

ds_code storage_as_of(struct storage *storage, struct ds_call *call,
                      const Storage__AsOfRequest *request, Storage__Tick *response)
{
    (void)response;
    struct market_scan range;
    DS_TRY(read_as_of(call, request, &range));
    bool found;
    DS_TRY(reply_newest(storage, call, &range, false, &found));
    if (!found) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND),
                              "there is no tick of %s at or before that time%s", request->product,
                              request->tolerance != NULL ? " that is not older than tolerance"
                                                         : "");
    }
    return DS_OK;
}

/* A request for the newest rows of many series. */
struct latest_list {
    enum market_kind kind;
    const char *field; /* of the request: products, symbols */
    char *const *names;
    size_t count;
    const char *(*fault)(const char *name);
};

static ds_code check_names(struct ds_call *call, const struct latest_list *list)
{
    if (list->count == 0 || list->count > NAMES_MAX) {
        return ds_fail_field(call, list->field, "%s must have 1 to %d names", list->field,
                             NAMES_MAX);
    }
    for (size_t i = 0; i < list->count; i++) {
        const char *fault = list->fault(list->names[i]);
        if (fault != NULL) {
            return ds_fail_field(call, list->field, "%s[%zu]: %s", list->field, i, fault);
        }
    }
    return DS_OK;
}

static ds_code reply_latest(struct storage *storage, struct ds_call *call,
                            const struct latest_list *list)
{
    DS_TRY(check_names(call, list));
    struct ds_buffer *reply = ds_call_raw_response(call);
    for (size_t i = 0; i < list->count; i++) {
        const struct market_scan range = newest_of(list->kind, list->names[i]);
        bool found;
        DS_TRY(reply_newest(storage, call, &range, true, &found));
        if (!found) {
            ds_wire_write_bytes_field(reply, MISSING_FIELD, ds_bytes_of_text(list->names[i]));
        }
    }
    if (reply->overflow) {
        return ds_fail(call, DS_RESOURCE_EXHAUSTED, "the rows are too large for a reply");
    }
    return DS_OK;
}

ds_code storage_latest_ticks(struct storage *storage, struct ds_call *call,
                             const Storage__LatestTicksRequest *request,
                             Storage__LatestTicksResponse *response)
{
    (void)response;
    const struct latest_list list = {
        .kind = MARKET_TICKS,
        .field = "products",
        .names = request->products,
        .count = request->n_products,
        .fault = product_fault,
    };
    return reply_latest(storage, call, &list);
}

ds_code storage_latest_quotes(struct storage *storage, struct ds_call *call,
                              const Storage__LatestQuotesRequest *request,
                              Storage__LatestQuotesResponse *response)
{
    (void)response;
    const struct latest_list list = {
        .kind = MARKET_QUOTES,
        .field = "symbols",
        .names = request->symbols,
        .count = request->n_symbols,
        .fault = symbol_fault,
    };
    return reply_latest(storage, call, &list);
}
