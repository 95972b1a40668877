/*
 * Rows as the store keeps them, whatever their bytes: compared with one another, and framed as
 * ListTicks, ListQuotes and ListChains do. The first character is the number of the field that the
 * service assigned, the second the style and the kind: '0' to '?' ticks, '@' to 'O' quotes, 'P' to
 * '_' chains. Then rows: one byte for the length, and so many bytes; the last may be cut off.
 */
#include "ds/arena.h"
#include "ds/utf8.h"
#include "ds/wire.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"
#include "schema.gen.h"
#include "storage/store/market_store.h"

#define ROWS_MAX 16
#define PRODUCT "NIFTY"
#define UNPACK_BUDGET_BYTES (1024 * 1024)

struct kind {
    const struct ds_message *row;
    const struct ds_message *list;
};

static const struct kind ticks = {&ds_message_storage_tick,
                                  &ds_message_storage_list_ticks_response};
static const struct kind quotes = {&ds_message_storage_quote,
                                   &ds_message_storage_list_quotes_response};
static const struct kind chains = {&ds_message_storage_option_chain,
                                   &ds_message_storage_list_chains_response};

struct rows {
    const struct kind *kind;
    struct ds_bytes list[ROWS_MAX];
    size_t count;
};

static const struct kind *kind_of(uint8_t style)
{
    switch (style >> 4) {
    case 4:
        return &quotes;
    case 5:
        return &chains;
    default:
        return &ticks;
    }
}

static struct rows take_rows(const struct kind *kind, struct ds_bytes bytes)
{
    struct rows rows = {.kind = kind};
    while (bytes.size > 0 && rows.count < ROWS_MAX) {
        const size_t left = bytes.size - 1;
        const size_t size = bytes.data[0] < left ? bytes.data[0] : left;
        rows.list[rows.count++] = ds_bytes_of(bytes.data + 1, size);
        bytes = ds_bytes_of(bytes.data + 1 + size, left - size);
    }
    return rows;
}

/* Appends the fields but for those of number `left_out`; false where the bytes are no fields. */
static bool filter(struct ds_bytes row, uint32_t left_out, struct ds_buffer *kept)
{
    struct ds_wire_reader reader = ds_wire_reader_of(row);
    while (!ds_wire_at_end(&reader)) {
        const uint8_t *begin = reader.next;
        uint32_t number;
        enum ds_wire_type type;
        if (!ds_wire_read_tag(&reader, &number, &type) || !ds_wire_skip(&reader, type)) {
            return false;
        }
        if (number != left_out) {
            ds_buffer_append(kept, begin, (size_t)(reader.next - begin));
        }
    }
    return true;
}

static bool equal_by_filter(struct ds_bytes a, struct ds_bytes b, uint32_t left_out)
{
    struct ds_buffer kept_a;
    struct ds_buffer kept_b;
    ds_buffer_init(&kept_a, FUZZ_BYTES_MAX);
    ds_buffer_init(&kept_b, FUZZ_BYTES_MAX);
    const bool well_formed = filter(a, left_out, &kept_a) && filter(b, left_out, &kept_b);
    const bool equal = ds_bytes_equal(a, b) ||
                       (left_out != 0 && well_formed &&
                        ds_bytes_equal(ds_buffer_bytes(&kept_a), ds_buffer_bytes(&kept_b)));
    ds_buffer_deinit(&kept_a);
    ds_buffer_deinit(&kept_b);
    return equal;
}

static void check_pair(struct ds_bytes a, struct ds_bytes b, uint32_t assigned_field)
{
    const bool equal = market_values_equal(a, b, assigned_field);
    fuzz_require(equal == market_values_equal(b, a, assigned_field), "equality is symmetric");
    fuzz_require(equal == equal_by_filter(a, b, assigned_field),
                 "rows are equal where they are without the assigned field");
}

/* A row that the service assigned its field to is the writer's row. */
static void check_assigned(struct ds_bytes row, uint32_t assigned_field)
{
    struct ds_buffer assigned;
    ds_buffer_init(&assigned, FUZZ_BYTES_MAX);
    const bool well_formed = filter(row, 0, &assigned);
    ds_buffer_clear(&assigned);
    ds_wire_write_bytes_field(&assigned, assigned_field, ds_bytes_of_text("\x08\x01"));
    ds_buffer_append(&assigned, row.data, row.size);
    ds_wire_write_varint_field(&assigned, assigned_field, UINT64_MAX);
    fuzz_require(market_values_equal(row, ds_buffer_bytes(&assigned), assigned_field) ==
                     well_formed,
                 "an assigned field makes no difference, and bytes that are no fields do");
    fuzz_require(!market_values_equal(row, ds_buffer_bytes(&assigned), 0),
                 "without an assigned field every byte counts");
    ds_buffer_deinit(&assigned);
}

static void write_reply(const struct rows *rows, struct ds_buffer *reply)
{
    ds_wire_write_bytes_field(reply, 1, ds_bytes_of_text(PRODUCT));
    ds_wire_write_tag(reply, 2, DS_WIRE_VARINT);
    ds_buffer_append_byte(reply, (uint8_t)(rows->count | 0x80));
    ds_buffer_append_byte(reply, 0);
    for (size_t i = 0; i < rows->count; i++) {
        ds_wire_write_bytes_field(reply, 3, rows->list[i]);
    }
    ds_wire_write_bytes_field(reply, 4, ds_bytes_of_text("token"));
}

static ds_code to_json(const struct ds_message *message, struct ds_bytes wire,
                       const struct ds_json_style *style, struct ds_buffer *text)
{
    const ds_code code = ds_wire_to_json(message, wire, style, text);
    fuzz_require(code == DS_OK || code == DS_INVALID_ARGUMENT,
                 "rows are written, or refused as what they are");
    if (code == DS_OK) {
        fuzz_require(ds_utf8_valid(ds_buffer_bytes(text)), "JSON is UTF-8");
    }
    return code;
}

/* An empty product is as good as none, which a list fills in; joined bytes would take it for the
 * last word. */
static bool has_empty_product(struct ds_bytes row)
{
    struct ds_wire_reader reader = ds_wire_reader_of(row);
    bool empty = false;
    uint32_t number;
    enum ds_wire_type type;
    while (!ds_wire_at_end(&reader) && ds_wire_read_tag(&reader, &number, &type)) {
        const uint8_t *value = reader.next;
        if (!ds_wire_skip(&reader, type)) {
            return false;
        }
        if (number == 1 && type == DS_WIRE_BYTES) {
            struct ds_wire_reader content = {.next = value, .end = reader.next};
            struct ds_bytes product;
            empty = ds_wire_read_bytes(&content, &product) && product.size == 0;
        }
    }
    return empty;
}

static void write_row_alone(struct ds_bytes row, struct ds_buffer *wire)
{
    ds_wire_write_bytes_field(wire, 1, ds_bytes_of_text(PRODUCT));
    ds_buffer_append(wire, row.data, row.size);
    if (has_empty_product(row)) {
        ds_wire_write_bytes_field(wire, 1, ds_bytes_of_text(PRODUCT));
    }
}

static bool ends_with(struct ds_bytes text, struct ds_bytes end)
{
    return text.size >= end.size &&
           ds_bytes_equal(ds_bytes_of(text.data + text.size - end.size, end.size), end);
}

static bool all_pass(const struct rows *rows)
{
    struct ds_wire_error error;
    for (size_t i = 0; i < rows->count; i++) {
        if (ds_wire_check(rows->kind->row, rows->list[i], &error) != DS_OK) {
            return false;
        }
    }
    return true;
}

/* The reply's JSON has the JSON of each row, and there is one where there is one of every row. */
static void check_json(const struct rows *rows, struct ds_bytes reply,
                       const struct ds_json_style *style)
{
    struct ds_buffer text;
    struct ds_buffer expected;
    ds_buffer_init(&text, FUZZ_BYTES_MAX);
    ds_buffer_init(&expected, FUZZ_BYTES_MAX);
    const ds_code code = to_json(rows->kind->list, reply, style, &text);
    ds_code code_of_rows = DS_OK;
    ds_buffer_append_text(&expected, "[");
    for (size_t i = 0; i < rows->count && code_of_rows == DS_OK; i++) {
        struct ds_buffer row;
        ds_buffer_init(&row, FUZZ_BYTES_MAX);
        ds_buffer_append_text(&expected, i > 0 ? "," : "");
        write_row_alone(rows->list[i], &row);
        code_of_rows = to_json(rows->kind->row, ds_buffer_bytes(&row), style, &expected);
        ds_buffer_deinit(&row);
    }
    fuzz_require(code != DS_OK || code_of_rows == DS_OK,
                 "a reply has JSON only where its rows have");
    fuzz_require(code == DS_OK || code_of_rows != DS_OK || !all_pass(rows),
                 "a reply of sound rows has JSON where its rows have");
    if (code == DS_OK && rows->count > 0) {
        ds_buffer_append_text(&expected, style->proto_names ? "],\"next_page_token\":\"token\"}"
                                                            : "],\"nextPageToken\":\"token\"}");
        fuzz_require(ends_with(ds_buffer_bytes(&text), ds_buffer_bytes(&expected)),
                     "a row looks in a list as it does alone");
    }
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&expected);
}

/* Any limit is met with a code and with no byte beyond it. */
static void check_limit(const struct kind *kind, struct ds_bytes reply,
                        const struct ds_json_style *style, size_t limit)
{
    struct ds_buffer text;
    ds_buffer_init(&text, limit);
    const ds_code code = ds_wire_to_json(kind->list, reply, style, &text);
    fuzz_require(text.size <= limit, "the limit is kept");
    fuzz_require((code == DS_RESOURCE_EXHAUSTED) == (text.overflow && code != DS_INVALID_ARGUMENT),
                 "a limit that is met is told");
    ds_buffer_deinit(&text);
}

static void check_unpack(const struct ds_message *message, struct ds_bytes reply)
{
    struct ds_wire_error error;
    if (ds_wire_check(message, reply, &error) != DS_OK) {
        return;
    }
    fuzz_check_json_of(message, reply);
    struct ds_arena *arena = ds_arena_create(UNPACK_BUDGET_BYTES);
    fuzz_require(protobuf_c_message_unpack(message->descriptor, ds_arena_allocator(arena),
                                           reply.size, reply.data) != NULL,
                 "rows that pass the check are unpacked");
    ds_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > ROWS_MAX * 256) {
        return 0;
    }
    const uint32_t assigned_field = (uint8_t)(data[0] - '0') % 16;
    const struct ds_json_style style = {
        .proto_names = (data[1] & 1) != 0,
        .int64_numbers = (data[1] & 2) != 0,
        .float_fraction = (data[1] & 4) != 0,
        .time = (data[1] & 8) != 0 ? DS_JSON_TIME_ISOFORMAT : DS_JSON_TIME_RFC3339,
        .whole_rows = true,
    };
    const struct rows rows = take_rows(kind_of(data[1]), ds_bytes_of(data + 2, size - 2));
    for (size_t i = 0; i < rows.count; i++) {
        for (size_t j = i; j < rows.count; j++) {
            check_pair(rows.list[i], rows.list[j], assigned_field);
        }
        if (assigned_field != 0) {
            check_assigned(rows.list[i], assigned_field);
        }
    }
    struct ds_buffer reply;
    ds_buffer_init(&reply, FUZZ_BYTES_MAX);
    write_reply(&rows, &reply);
    check_json(&rows, ds_buffer_bytes(&reply), &style);
    check_limit(rows.kind, ds_buffer_bytes(&reply), &style, data[1]);
    check_unpack(rows.kind->list, ds_buffer_bytes(&reply));
    ds_buffer_deinit(&reply);
    return 0;
}
