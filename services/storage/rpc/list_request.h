/* What requests for lists have in common. Each function ends the call with a failure that names the
 * field where the caller's value can't be used. */
#ifndef STORAGE_RPC_LIST_REQUEST_H
#define STORAGE_RPC_LIST_REQUEST_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/call.h"
#include "storage/rpc/page_token.h"

/* Names of products and symbols, and expiries: they must be there and be without faults. */
DS_MUST_USE ds_code request_check_product(struct ds_call *call, const char *product);
DS_MUST_USE ds_code request_check_symbol(struct ds_call *call, const char *symbol);
DS_MUST_USE ds_code request_check_expiry(struct ds_call *call, const char *expiry);

/* A moment of the years 1 to 9999; NULL passes. */
DS_MUST_USE ds_code request_check_moment(struct ds_call *call, const char *field,
                                         const Google__Protobuf__Timestamp *moment);

/* Fields start and end. Both ends belong to the range; INT64_MIN and INT64_MAX where absent. A
 * range that ends before it begins is a range without rows, and so is one that lies between two
 * microseconds. */
DS_MUST_USE ds_code request_read_range(struct ds_call *call,
                                       const Google__Protobuf__Timestamp *start,
                                       const Google__Protobuf__Timestamp *end,
                                       int64_t *ret_start_us, int64_t *ret_end_us);

/* How many rows a reply has. */
struct list_limits {
    size_t unasked; /* where the request does not say */
    size_t max;     /* whatever it says */
};

/* Field limit. */
DS_MUST_USE ds_code request_read_limit(struct ds_call *call, bool is_present, int32_t limit,
                                       const struct list_limits *limits, size_t *ret_limit);

/* Field order; newest first where it is unspecified. */
DS_MUST_USE ds_code request_read_order(struct ds_call *call, Storage__Order order,
                                       bool *ret_ascending);

/* Field page_token; ret_has_after is false where it is empty. */
DS_MUST_USE ds_code request_read_page_token(struct ds_call *call, const char *text,
                                            const struct page_scope *scope, bool *ret_has_after,
                                            struct market_position *ret_after);

/* The same of lists of names: `text` is empty, or ret_after is where the names go on. */
DS_MUST_USE ds_code request_read_name_token(struct ds_call *call, const char *text,
                                            const struct page_scope *scope,
                                            struct page_name *ret_after);

#endif
