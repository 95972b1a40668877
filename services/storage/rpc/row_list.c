#include "storage/rpc/row_list.h"

#include "ds/frame.h"
#include "ds/wire.h"
#include "storage/rpc/row_walk.h"

#include <assert.h>

/* The numbers of ListTicksResponse's fields, which are those of the others too. */
#define NAME_FIELD 1
#define COUNT_FIELD 2
#define ROWS_FIELD 3
#define NEXT_PAGE_TOKEN_FIELD 4

/* A tag and a length of at most four bytes: MARKET_VALUE_BYTES_MAX < 2^28. */
#define ROW_FRAMING_BYTES_MAX 5
/* Two bytes of seven bits hold ROW_LIST_ROWS_MAX. */
#define COUNT_VARINT_BYTES 2

/* A reply while it is written. */
struct row_list {
    struct ds_call *call;
    struct ds_buffer *reply;
    const struct row_list_form *form;
    struct market_scan scan; /* `after` is the newest row written */
    size_t limit;
    size_t count;
    size_t count_offset; /* of COUNT_FIELD's value in the reply */
    bool more;
};

static void write_row(void *context, const struct market_row *row)
{
    struct row_list *list = context;
    const size_t room_bytes = ROW_FRAMING_BYTES_MAX + row->value.size;
    uint8_t *room = ds_buffer_reserve(list->reply, room_bytes);
    if (room == NULL) {
        return;
    }
    size_t size = ds_varint_put(room, ROWS_FIELD << 3 | DS_WIRE_BYTES);
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
static void reply_begin(struct row_list *list, const char *name)
{
    const struct row_list_form *form = list->form;
    list->reply = ds_call_raw_response(list->call);
    const size_t rows = list->limit < form->limits.unasked ? list->limit : form->limits.unasked;
    (void)ds_buffer_reserve(list->reply, MARKET_SERIES_BYTES_MAX + rows * form->row_bytes_typical);
    ds_wire_write_bytes_field(list->reply, NAME_FIELD, ds_bytes_of_text(name));
    ds_wire_write_tag(list->reply, COUNT_FIELD, DS_WIRE_VARINT);
    list->count_offset = list->reply->size;
    ds_buffer_append(list->reply, (const uint8_t[COUNT_VARINT_BYTES]){0}, COUNT_VARINT_BYTES);
}

static struct page_scope scope_of(const struct market_scan *scan)
{
    /* The names of groups and of series differ by the '/' of the latter. */
    return (struct page_scope){
        .kind = scan->kind, .ascending = scan->ascending, .series = scan->series};
}

static ds_code reply_end(struct row_list *list)
{
    if (list->more) {
        char token[PAGE_TOKEN_TEXT_MAX];
        const struct page_scope scope = scope_of(&list->scan);
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
static bool reply_has_room(const struct row_list *list)
{
    const size_t rows = list->limit - list->count;
    const size_t next =
        ROW_SNAPSHOT_BYTES_MAX + rows * ROW_FRAMING_BYTES_MAX + 2 * PAGE_TOKEN_TEXT_MAX;
    return list->reply->size + next <= DS_FRAME_PAYLOAD_BYTES_MAX;
}

static ds_code reply_rows(struct storage *storage, struct row_list *list)
{
    list->more = true;
    while (list->more && list->count < list->limit && reply_has_room(list)) {
        struct market_scan scan = list->scan;
        scan.row_max = list->limit - list->count;
        DS_TRY(row_snapshot(storage, list->call, &scan, write_row, list, &list->more));
        list->scan.has_after |= list->count > 0;
    }
    return DS_OK;
}

static ds_code read_request(struct row_list *list, const struct row_list_request *request)
{
    struct ds_call *call = list->call;
    struct market_scan *scan = &list->scan;
    DS_TRY(request_read_range(call, request->start, request->end, &scan->start_us, &scan->end_us));
    DS_TRY(request_read_limit(call, request->has_limit, request->limit, &list->form->limits,
                              &list->limit));
    DS_TRY(request_read_order(call, request->order, &scan->ascending));
    const struct page_scope scope = scope_of(scan);
    return request_read_page_token(call, request->page_token, &scope, &scan->has_after,
                                   &scan->after);
}

ds_code row_list_reply(struct storage *storage, struct ds_call *call,
                       const struct row_list_form *form, const struct row_list_request *request)
{
    struct row_list list = {
        .call = call,
        .form = form,
        .scan =
            {
                .kind = form->kind,
                .series = request->series,
                .by_group = request->by_group,
            },
    };
    assert(form->limits.max <= ROW_LIST_ROWS_MAX);
    DS_TRY(read_request(&list, request));
    reply_begin(&list, request->name);
    DS_TRY(reply_rows(storage, &list));
    return reply_end(&list);
}
