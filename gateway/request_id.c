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

static bool is_hex(struct ds_bytes text, size_t from, size_t count, bool *ret_all_zero)
{
    bool all_zero = true;
    for (size_t i = from; i < from + count; i++) {
        const uint8_t byte = text.data[i];
        if (!(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'f')) {
            return false;
        }
        all_zero = all_zero && byte == '0';
    }
    *ret_all_zero = all_zero;
    return true;
}

/* W3C Trace Context, version 00: version-trace-parent-flags in lower-case hexadecimal. */
static bool is_traceparent(struct ds_bytes text)
{
    bool zero_version = false;
    bool zero_trace = true;
    bool zero_parent = true;
    bool zero_flags = false;
    return text.size == TRACEPARENT_BYTES && text.data[2] == '-' && text.data[35] == '-' &&
           text.data[52] == '-' && is_hex(text, 0, 2, &zero_version) && zero_version &&
           is_hex(text, 3, 32, &zero_trace) && !zero_trace && is_hex(text, 36, 16, &zero_parent) &&
           !zero_parent && is_hex(text, 53, 2, &zero_flags);
}

void traceparent_assign(struct exchange *exchange)
{
    const struct ds_bytes given = http_request_header(exchange->request, HTTP_HEADER_TRACEPARENT);
    exchange->traceparent[0] = '\0';
    if (exchange->request->seen[HTTP_HEADER_TRACEPARENT] == 1 && is_traceparent(given)) {
        memcpy(exchange->traceparent, given.data, given.size);
        exchange->traceparent[given.size] = '\0';
    }
}
