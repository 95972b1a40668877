/*
 * Replies of rows as they are stored: ListTicks, ListQuotes and ListChains. The reply's wire bytes
 * are written by hand: a stored row is copied once, from the store's page into the reply, and never
 * unpacked.
 */
#ifndef STORAGE_RPC_ROW_LIST_H
#define STORAGE_RPC_ROW_LIST_H

#include "storage/rpc/list_request.h"
#include "storage/rpc/service.h"

/* What differs between the kinds. */
struct row_list_form {
    enum market_kind kind;
    struct list_limits limits; /* max is at most ROW_LIST_ROWS_MAX */
    size_t row_bytes_typical;
};

/* The reply's count has room for so many. */
#define ROW_LIST_ROWS_MAX ((1 << 14) - 1)

/* A request, whose range, limit, order and token are not looked at yet. */
struct row_list_request {
    const char *name;       /* of the product or symbol, as the reply shows it */
    struct ds_bytes series; /* of the rows; of at most MARKET_SERIES_BYTES_MAX bytes */
    bool by_group;          /* `series` names a group */
    const Google__Protobuf__Timestamp *start;
    const Google__Protobuf__Timestamp *end;
    bool has_limit;
    int32_t limit;
    Storage__Order order;
    const char *page_token;
};

/* Writes the reply, field by field as ListTicksResponse has them. */
DS_MUST_USE ds_code row_list_reply(struct storage *storage, struct ds_call *call,
                                   const struct row_list_form *form,
                                   const struct row_list_request *request);

#endif
