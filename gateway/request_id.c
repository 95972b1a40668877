#include "gateway/exchange.h"

static bool is_visible_ascii(struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static void put_hex(char target[16], uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 15; i >= 0; i--) {
        target[i] = digits[value & 15];
        value >>= 4;
    }
}

void request_id_assign(struct exchange *exchange)
{
    struct gateway *gateway = exchange->gateway;
    const struct ds_bytes given = http_request_header(exchange->request, HTTP_HEADER_X_REQUEST_ID);
    if (given.size > 0 && given.size <= REQUEST_ID_BYTES_MAX && is_visible_ascii(given)) {
        memcpy(exchange->request_id, given.data, given.size);
        exchange->request_id[given.size] = '\0';
        return;
    }
    put_hex(exchange->request_id, gateway->request_id_prefix);
    put_hex(exchange->request_id + 16, ++gateway->request_count);
    exchange->request_id[32] = '\0';
}

static void take_tracestate(struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    struct ds_tracestate state = {.count = 0};
    if (request->seen[HTTP_HEADER_TRACESTATE] == 0) {
        return;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id == HTTP_HEADER_TRACESTATE &&
            !ds_tracestate_add(&state, request->headers[i].value)) {
            return;
        }
    }
    (void)ds_tracestate_write(&state, exchange->tracestate);
}

/* Two traceparents are none. A tracestate belongs to the trace that goes on. */
void trace_assign(struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    const bool is_one = request->seen[HTTP_HEADER_TRACEPARENT] == 1;
    const struct ds_bytes given = http_request_header(request, HTTP_HEADER_TRACEPARENT);
    exchange->tracestate[0] = '\0';
    if (ds_trace_begin(is_one ? given : ds_bytes_of(NULL, 0), &exchange->trace)) {
        take_tracestate(exchange);
    }
    ds_trace_write_parent(&exchange->trace, exchange->traceparent);
}
