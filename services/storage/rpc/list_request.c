#include "storage/rpc/list_request.h"

#include "storage/core/expiry.h"
#include "storage/core/moment.h"
#include "storage/core/product.h"

static ds_code check_fault(struct ds_call *call, const char *field, const char *fault)
{
    return fault == NULL ? DS_OK : ds_fail_field(call, field, "%s", fault);
}

ds_code request_check_product(struct ds_call *call, const char *product)
{
    return check_fault(call, "product", product_fault(product));
}

ds_code request_check_symbol(struct ds_call *call, const char *symbol)
{
    return check_fault(call, "symbol", symbol_fault(symbol));
}

ds_code request_check_expiry(struct ds_call *call, const char *expiry)
{
    return check_fault(call, "expiry", expiry_fault(expiry));
}

ds_code request_check_moment(struct ds_call *call, const char *field,
                             const Google__Protobuf__Timestamp *moment)
{
    if (moment == NULL || moment_is_valid(moment)) {
        return DS_OK;
    }
    return ds_fail_field(call, field, "%s must be in the years 1 to 9999", field);
}

ds_code request_read_range(struct ds_call *call, const Google__Protobuf__Timestamp *start,
                           const Google__Protobuf__Timestamp *end, int64_t *ret_start_us,
                           int64_t *ret_end_us)
{
    DS_TRY(request_check_moment(call, "start", start));
    DS_TRY(request_check_moment(call, "end", end));
    *ret_start_us = start == NULL ? INT64_MIN : moment_ceil_us(start);
    *ret_end_us = end == NULL ? INT64_MAX : moment_floor_us(end);
    return DS_OK;
}

ds_code request_read_limit(struct ds_call *call, bool is_present, int32_t limit,
                           const struct list_limits *limits, size_t *ret_limit)
{
    if (!is_present) {
        *ret_limit = limits->unasked;
        return DS_OK;
    }
    if (limit <= 0) {
        return ds_fail_field(call, "limit", "limit must be 1 or more");
    }
    *ret_limit = (size_t)limit < limits->max ? (size_t)limit : limits->max;
    return DS_OK;
}

ds_code request_read_order(struct ds_call *call, Storage__Order order, bool *ret_ascending)
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

static ds_code fail_token(struct ds_call *call)
{
    /* The first call names the field, the second the reason. */
    const ds_code code =
        ds_fail_field(call, "page_token", "page_token is not one of this list and order");
    return ds_fail_reason(call, code, DS_REASON(INVALID_PAGE_TOKEN),
                          "page_token must be the next_page_token of a reply to the same request");
}

ds_code request_read_page_token(struct ds_call *call, const char *text,
                                const struct page_scope *scope, bool *ret_has_after,
                                struct market_position *ret_after)
{
    const bool has_after = text[0] != '\0';
    if (has_after && !page_token_read(scope, text, ret_after)) {
        return fail_token(call);
    }
    *ret_has_after = has_after;
    return DS_OK;
}

ds_code request_read_name_token(struct ds_call *call, const char *text,
                                const struct page_scope *scope, struct page_name *ret_after)
{
    if (text[0] == '\0') {
        ret_after->size = 0;
        return DS_OK;
    }
    return page_name_token_read(scope, text, ret_after) ? DS_OK : fail_token(call);
}
