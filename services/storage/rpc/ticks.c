/*
 * ListTicks and LatestTick. Both write their replies' wire bytes themselves: a stored row is copied
 * once, from the store's page into the reply, and never unpacked.
 */
#include "ds/frame.h"
#include "ds/wire.h"
#include "storage/core/moment.h"
#include "storage/core/product.h"
#include "storage/rpc/page_token.h"
#include "storage/rpc/service.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 10000

/* The numbers of ListTicksResponse's fields, and of Tick's product. */
#define PRODUCT_FIELD 1
#define COUNT_FIELD 2
#define TICKS_FIELD 3
#define NEXT_PAGE_TOKEN_FIELD 4

/* One read transaction gives at most this many bytes of rows; the next one goes on behind them. */
#define SNAPSHOT_BYTES_MAX ((size_t)MARKET_VALUE_BYTES_MAX)
/* A tag and a length of at most four bytes: MARKET_VALUE_BYTES_MAX < 2^28. */
#define ROW_FRAMING_BYTES_MAX 5
#define ROW_BYTES_TYPICAL 48
/* Two bytes of seven bits hold LIMIT_MAX. */
#define COUNT_VARINT_BYTES 2

/* A reply while it is written. */
struct tick_list {
    struct ds_call *call;
    struct ds_buffer *reply;
    struct market_scan scan; /* `after` is the newest row written */
    size_t limit;
    size_t count;
    size_t count_offset; /* of COUNT_FIELD's value in the reply */
    bool more;
};

static void write_row(void *context, const struct market_row *row)
{
    struct tick_list *list = context;
    const size_t room_bytes = ROW_FRAMING_BYTES_MAX + row->value.size;
    uint8_t *room = ds_buffer_reserve(list->reply, room_bytes);
    if (room == NULL) {
        return;
    }
    size_t size = ds_varint_put(room, TICKS_FIELD << 3 | DS_WIRE_BYTES);
    size += ds_varint_put(room + size, row->value.size);
    if (row->value.size > 0) {
        memcpy(room + size, row->value.data, row->value.size);
    }
    ds_buffer_commit(list->reply, size + row->value.size);
    list->scan.after = (struct market_position){row->timestamp_us, row->tie};
    list->count++;
}

/* The count stands before the rows but is known behind them, so it gets the room of its largest
 * value: a varint may have more bytes than it needs. */
static void reply_begin(struct tick_list *list)
{
    list->reply = ds_call_raw_response(list->call);
    const size_t rows = list->limit < LIMIT_DEFAULT ? list->limit : LIMIT_DEFAULT;
    (void)ds_buffer_reserve(list->reply, MARKET_SERIES_BYTES_MAX + rows * ROW_BYTES_TYPICAL);
    ds_wire_write_bytes_field(list->reply, PRODUCT_FIELD, list->scan.series);
    ds_wire_write_tag(list->reply, COUNT_FIELD, DS_WIRE_VARINT);
    list->count_offset = list->reply->size;
    ds_buffer_append(list->reply, (const uint8_t[COUNT_VARINT_BYTES]){0}, COUNT_VARINT_BYTES);
}

static ds_code reply_end(struct tick_list *list)
{
    if (list->more) {
        char token[PAGE_TOKEN_TEXT_MAX];
        const struct page_scope scope = {list->scan.kind, list->scan.ascending, list->scan.series};
        page_token_write(&scope, &list->scan.after, token);
        ds_wire_write_bytes_field(list->reply, NEXT_PAGE_TOKEN_FIELD, ds_bytes_of_text(token));
    }
    if (list->reply->overflow) {
        return ds_fail(list->call, DS_INTERNAL, "the reply is too large");
    }
    uint8_t *count = list->reply->data + list->count_offset;
    count[0] = (uint8_t)(list->count | 0x80);
    count[1] = (uint8_t)(list->count >> 7);
    return DS_OK;
}

/* Whether the next snapshot's rows and the end fit whatever their sizes. */
static bool reply_has_room(const struct tick_list *list)
{
    const size_t rows = list->limit - list->count;
    const size_t next = SNAPSHOT_BYTES_MAX + rows * ROW_FRAMING_BYTES_MAX + 2 * PAGE_TOKEN_TEXT_MAX;
    return list->reply->size + next <= DS_FRAME_PAYLOAD_BYTES_MAX;
}

static ds_code reply_rows(struct storage *storage, struct tick_list *list)
{
    list->more = true;
    while (list->more && list->count < list->limit && reply_has_room(list)) {
        DS_TRY(ds_fail_if_abandoned(list->call));
        struct market_scan scan = list->scan;
        scan.row_max = list->limit - list->count;
        const ds_code code =
            storage->store->ops->scan(storage->store, &scan, write_row, list, &list->more);
        if (code != DS_OK) {
            return storage_fail_store(storage, list->call, code);
        }
        list->scan.has_after |= list->count > 0;
    }
    return DS_OK;
}

static ds_code check_product(struct ds_call *call, const char *product)
{
    const char *fault = product_fault(product);
    return fault == NULL ? DS_OK : ds_fail_field(call, "product", "%s", fault);
}

static ds_code check_moment(struct ds_call *call, const char *field,
                            const Google__Protobuf__Timestamp *moment)
{
    if (moment == NULL || moment_is_valid(moment)) {
        return DS_OK;
    }
    return ds_fail_field(call, field, "%s must be in the years 1 to 9999", field);
}

static ds_code read_limit(struct ds_call *call, const Storage__ListTicksRequest *request,
                          size_t *ret_limit)
{
    if (request->_limit_case != STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT) {
        *ret_limit = LIMIT_DEFAULT;
        return DS_OK;
    }
    if (request->limit <= 0) {
        return ds_fail_field(call, "limit", "limit must be 1 or more");
    }
    *ret_limit = request->limit < LIMIT_MAX ? (size_t)request->limit : LIMIT_MAX;
    return DS_OK;
}

static ds_code read_order(struct ds_call *call, Storage__Order order, bool *ret_ascending)
{
    switch (order) {
    case STORAGE__ORDER__ORDER_UNSPECIFIED:
    case STORAGE__ORDER__ORDER_DESC:
        *ret_ascending = false;
        return DS_OK;
    case STORAGE__ORDER__ORDER_ASC:
        *ret_ascending = true;
        return DS_OK;
    default:
        return ds_fail_field(call, "order", "order must be ORDER_ASC or ORDER_DESC");
    }
}

static ds_code read_page_token(struct ds_call *call, const char *text, struct market_scan *scan)
{
    if (text[0] == '\0') {
        return DS_OK;
    }
    const struct page_scope scope = {scan->kind, scan->ascending, scan->series};
    if (page_token_read(&scope, text, &scan->after)) {
        scan->has_after = true;
        return DS_OK;
    }
    /* The first call names the field, the second the reason. */
    const ds_code code =
        ds_fail_field(call, "page_token", "page_token is not one of this product and order");
    return ds_fail_reason(call, code, DS_REASON(INVALID_PAGE_TOKEN),
                          "page_token must be the next_page_token of a reply with the same product "
                          "and order");
}

/* A range that ends before it begins is a range without rows, and so is one that lies between two
 * microseconds. */
static ds_code read_request(struct ds_call *call, const Storage__ListTicksRequest *request,
                            struct tick_list *ret_list)
{
    struct tick_list list = {
        .call = call,
        .scan =
            {
                .kind = MARKET_TICKS,
                .series = ds_bytes_of_text(request->product),
                .start_us = INT64_MIN,
                .end_us = INT64_MAX,
                .bytes_max = SNAPSHOT_BYTES_MAX,
            },
    };
    DS_TRY(check_product(call, request->product));
    DS_TRY(check_moment(call, "start", request->start));
    DS_TRY(check_moment(call, "end", request->end));
    DS_TRY(read_limit(call, request, &list.limit));
    DS_TRY(read_order(call, request->order, &list.scan.ascending));
    DS_TRY(read_page_token(call, request->page_token, &list.scan));
    if (request->start != NULL) {
        list.scan.start_us = moment_ceil_us(request->start);
    }
    if (request->end != NULL) {
        list.scan.end_us = moment_floor_us(request->end);
    }
    *ret_list = list;
    return DS_OK;
}

ds_code storage_list_ticks(struct storage *storage, struct ds_call *call,
                           const Storage__ListTicksRequest *request,
                           Storage__ListTicksResponse *response)
{
    (void)response;
    struct tick_list list;
    DS_TRY(read_request(call, request, &list));
    reply_begin(&list);
    DS_TRY(reply_rows(storage, &list));
    return reply_end(&list);
}

struct latest_tick {
    struct ds_call *call;
    bool found;
};

/* The product stands in front of the stored rest: messages join when their bytes do. */
static void write_latest(void *context, const struct market_row *row)
{
    struct latest_tick *latest = context;
    struct ds_buffer *reply = ds_call_raw_response(latest->call);
    ds_wire_write_bytes_field(reply, PRODUCT_FIELD, row->series);
    ds_buffer_append(reply, row->value.data, row->value.size);
    latest->found = true;
}

ds_code storage_latest_tick(struct storage *storage, struct ds_call *call,
                            const Storage__LatestTickRequest *request, Storage__Tick *response)
{
    (void)response;
    DS_TRY(check_product(call, request->product));
    const struct market_scan scan = {
        .kind = MARKET_TICKS,
        .series = ds_bytes_of_text(request->product),
        .start_us = INT64_MIN,
        .end_us = INT64_MAX,
        .row_max = 1,
        .bytes_max = SNAPSHOT_BYTES_MAX,
    };
    struct latest_tick latest = {.call = call};
    bool more;
    const ds_code code =
        storage->store->ops->scan(storage->store, &scan, write_latest, &latest, &more);
    if (code != DS_OK) {
        return storage_fail_store(storage, call, code);
    }
    if (!latest.found) {
        return ds_fail_reason(call, DS_NOT_FOUND, DS_REASON(NOT_FOUND), "there is no tick of %s",
                              request->product);
    }
    return DS_OK;
}
