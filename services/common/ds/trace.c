#include "ds/trace.h"

#include "ds/epoch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* The places of a traceparent's fields. */
#define VERSION_AT 0
#define TRACE_ID_AT 3
#define SPAN_ID_AT 36
#define FLAGS_AT 53
#define SAMPLED 0x01
#define VERSION_INVALID 0xff
/* What takes an id from the one before it, and the multipliers that spread it: SplitMix64. */
#define ID_STEP UINT64_C(0x9e3779b97f4a7c15)
#define ID_SPREAD_1 UINT64_C(0xbf58476d1ce4e5b9)
#define ID_SPREAD_2 UINT64_C(0x94d049bb133111eb)

static const char hex_digits[] = "0123456789abcdef";
static pthread_once_t id_once = PTHREAD_ONCE_INIT;
static atomic_uint_fast64_t id_state;

static void draw_id_state(void)
{
    atomic_init(&id_state, ds_epoch_draw());
}

/* Never 0. Ids are to be unlikely to meet, no secrets: a drawn beginning and one addition an id. */
static uint64_t draw_id(void)
{
    uint64_t id = 0;
    (void)pthread_once(&id_once, draw_id_state);
    while (id == 0) {
        id = atomic_fetch_add_explicit(&id_state, ID_STEP, memory_order_relaxed);
        id = (id ^ (id >> 30)) * ID_SPREAD_1;
        id = (id ^ (id >> 27)) * ID_SPREAD_2;
        id ^= id >> 31;
    }
    return id;
}

/* 16 for what is no lower-case digit: the standard knows no other. */
static uint8_t digit_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return (uint8_t)(byte - '0');
    }
    return byte >= 'a' && byte <= 'f' ? (uint8_t)(byte - 'a' + 10) : 16;
}

static bool hex_read(const uint8_t *text, size_t count, uint8_t *ret_bytes)
{
    uint8_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t high = digit_of(text[2 * i]);
        const uint8_t low = digit_of(text[2 * i + 1]);
        wrong |= high | low;
        ret_bytes[i] = (uint8_t)(high << 4 | (low & 15));
    }
    return (wrong & 16) == 0;
}

static void hex_write(const uint8_t *bytes, size_t count, char *target)
{
    for (size_t i = 0; i < count; i++) {
        target[2 * i] = hex_digits[bytes[i] >> 4];
        target[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    uint8_t all = 0;
    for (size_t i = 0; i < count; i++) {
        all |= bytes[i];
    }
    return all == 0;
}

/* A later version may have more behind the fields that this one knows, set off by a dash. */
static bool has_right_length(struct ds_bytes text, uint8_t version)
{
    if (text.size == DS_TRACEPARENT_BYTES) {
        return true;
    }
    return version > 0 && text.size > DS_TRACEPARENT_BYTES &&
           text.data[DS_TRACEPARENT_BYTES] == '-';
}

static bool parent_read(struct ds_bytes text, struct ds_trace *ret_trace)
{
    uint8_t version = 0;
    uint8_t flags = 0;
    struct ds_trace trace = {.is_sampled = false};
    if (text.size < DS_TRACEPARENT_BYTES || text.data[TRACE_ID_AT - 1] != '-' ||
        text.data[SPAN_ID_AT - 1] != '-' || text.data[FLAGS_AT - 1] != '-' ||
        !hex_read(text.data + VERSION_AT, 1, &version) || version == VERSION_INVALID ||
        !has_right_length(text, version) ||
        !hex_read(text.data + TRACE_ID_AT, DS_TRACE_ID_BYTES, trace.trace_id) ||
        !hex_read(text.data + SPAN_ID_AT, DS_SPAN_ID_BYTES, trace.parent_id) ||
        !hex_read(text.data + FLAGS_AT, 1, &flags) || is_zero(trace.trace_id, DS_TRACE_ID_BYTES) ||
        is_zero(trace.parent_id, DS_SPAN_ID_BYTES)) {
        return false;
    }
    trace.is_sampled = (flags & SAMPLED) != 0;
    *ret_trace = trace;
    return true;
}

bool ds_traceparent_is_valid(struct ds_bytes traceparent)
{
    struct ds_trace ignored;
    return parent_read(traceparent, &ignored);
}

bool ds_trace_begin(struct ds_bytes traceparent, struct ds_trace *ret_trace)
{
    const uint64_t span_id = draw_id();
    struct ds_trace trace = {.is_sampled = false};
    const bool goes_on = parent_read(traceparent, &trace);
    if (!goes_on) {
        const uint64_t halves[2] = {draw_id(), draw_id()};
        memcpy(trace.trace_id, halves, sizeof halves);
    }
    memcpy(trace.span_id, &span_id, sizeof span_id);
    *ret_trace = trace;
    return goes_on;
}

void ds_trace_write_parent(const struct ds_trace *trace, char target[DS_TRACEPARENT_BYTES + 1])
{
    memcpy(target, "00-", 3);
    hex_write(trace->trace_id, DS_TRACE_ID_BYTES, target + TRACE_ID_AT);
    target[SPAN_ID_AT - 1] = '-';
    hex_write(trace->span_id, DS_SPAN_ID_BYTES, target + SPAN_ID_AT);
    memcpy(target + FLAGS_AT - 1, trace->is_sampled ? "-01" : "-00", 4);
}

void ds_trace_write_id(const struct ds_trace *trace, char target[2 * DS_TRACE_ID_BYTES + 1])
{
    hex_write(trace->trace_id, DS_TRACE_ID_BYTES, target);
    target[2 * DS_TRACE_ID_BYTES] = '\0';
}

void ds_span_write_id(const uint8_t span_id[DS_SPAN_ID_BYTES],
                      char target[2 * DS_SPAN_ID_BYTES + 1])
{
    hex_write(span_id, DS_SPAN_ID_BYTES, target);
    target[2 * DS_SPAN_ID_BYTES] = '\0';
}
