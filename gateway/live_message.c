#include "gateway/live_message.h"

#include "ds/json.h"
#include "ds/number.h"
#include "gateway/websocket_frames.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    const char *name;
    const char *event;
} kinds[LIVE_KIND_COUNT] = {
    [LIVE_TICKS] = {"ticks", "tick"},
    [LIVE_QUOTES] = {"quotes", "quote"},
    [LIVE_CHAINS] = {"chains", "chain"},
};

const char *live_kind_name(enum live_kind kind)
{
    return kinds[kind].name;
}

bool live_kind_find(struct ds_bytes name, enum live_kind *ret_kind)
{
    for (int i = 0; i < LIVE_KIND_COUNT; i++) {
        if (ds_bytes_equal_text(name, kinds[i].name)) {
            *ret_kind = (enum live_kind)i;
            return true;
        }
    }
    return false;
}

static int hex_digit(uint8_t letter)
{
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    const uint8_t lower = letter | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool live_id_read(struct ds_bytes text, struct live_id *ret_id)
{
    struct live_id id = {0};
    size_t at = 0;
    while (at < text.size && at < 16 && hex_digit(text.data[at]) >= 0) {
        id.epoch = id.epoch << 4 | (uint64_t)hex_digit(text.data[at++]);
    }
    if (id.epoch == 0 || at + 1 >= text.size || text.data[at] != '-') {
        return false;
    }
    for (at++; at < text.size; at++) {
        const uint64_t digit = (uint64_t)text.data[at] - '0';
        if (digit > 9 || id.sequence > (UINT64_MAX - digit) / 10) {
            return false;
        }
        id.sequence = id.sequence * 10 + digit;
    }
    *ret_id = id;
    return true;
}

void live_id_write(struct live_id id, char target[LIVE_ID_BYTES_MAX])
{
    (void)snprintf(target, LIVE_ID_BYTES_MAX, "%" PRIx64 "-%" PRIu64, id.epoch, id.sequence);
}

static void wrap_sse(const struct live_message *message, struct ds_buffer *bytes)
{
    if (message->id.epoch != 0) {
        char id[LIVE_ID_BYTES_MAX];
        live_id_write(message->id, id);
        ds_buffer_append_text(bytes, "id: ");
        ds_buffer_append_text(bytes, id);
        ds_buffer_append_byte(bytes, '\n');
    }
    ds_buffer_append_text(bytes, "event: ");
    ds_buffer_append_text(bytes, message->type);
    ds_buffer_append_text(bytes, "\ndata: ");
    /* JSON of ours has no line ends. */
    ds_buffer_append(bytes, message->json.data, message->json.size);
    ds_buffer_append_text(bytes, "\n\n");
}

void live_message_wrap(enum live_form form, const struct live_message *message,
                       struct ds_buffer *bytes)
{
    switch (form) {
    case LIVE_WEBSOCKET:
        websocket_frame_write(bytes, WEBSOCKET_TEXT, message->json);
        break;
    case LIVE_SSE:
        wrap_sse(message, bytes);
        break;
    default:
        ds_buffer_append(bytes, message->json.data, message->json.size);
        ds_buffer_append_byte(bytes, '\n');
    }
}

static void write_id(struct live_id id, struct ds_buffer *json)
{
    char number[DS_INT_TEXT_MAX];
    ds_buffer_printf(json, ",\"epoch\":\"%" PRIx64 "\",\"sequence\":", id.epoch);
    ds_buffer_append(json, number, ds_uint64_format(id.sequence, number));
}

static void render(const struct live_event *event, enum live_form form, struct ds_bytes row,
                   struct ds_buffer *bytes)
{
    struct live_message message = {
        .type = kinds[event->kind].event,
        .id = {.epoch = event->epoch, .sequence = event->sequence},
    };
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX);
    ds_buffer_append_text(&json, "{\"type\":\"");
    ds_buffer_append_text(&json, message.type);
    ds_buffer_append_text(&json, "\",\"key\":");
    ds_json_append_string(&json, event->key);
    write_id(message.id, &json);
    ds_buffer_append_text(&json, ",\"data\":");
    ds_buffer_append(&json, row.data, row.size);
    ds_buffer_append_byte(&json, '}');
    message.json = ds_buffer_bytes(&json);
    live_message_wrap(form, &message, bytes);
    ds_buffer_deinit(&json);
}

static void render_websocket(const struct live_event *event, struct ds_bytes json,
                             struct ds_buffer *bytes)
{
    render(event, LIVE_WEBSOCKET, json, bytes);
}

static void render_sse(const struct live_event *event, struct ds_bytes json,
                       struct ds_buffer *bytes)
{
    render(event, LIVE_SSE, json, bytes);
}

static void render_ndjson(const struct live_event *event, struct ds_bytes json,
                          struct ds_buffer *bytes)
{
    render(event, LIVE_NDJSON, json, bytes);
}

const live_render_fn live_renders[LIVE_FORM_COUNT] = {
    [LIVE_WEBSOCKET] = render_websocket,
    [LIVE_SSE] = render_sse,
    [LIVE_NDJSON] = render_ndjson,
};

static void write_channel(const char *type, enum live_kind kind, struct ds_buffer *json)
{
    ds_buffer_printf(json, "{\"type\":\"%s\",\"channel\":\"%s\"", type, kinds[kind].name);
}

static void write_keys(const struct key_set *keys, struct ds_buffer *json)
{
    struct ds_bytes views[LIVE_KEYS_MAX];
    const size_t count = key_set_view(keys, views);
    ds_buffer_append_text(json, ",\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            ds_buffer_append_byte(json, ',');
        }
        ds_json_append_string(json, views[i]);
    }
    ds_buffer_append_byte(json, ']');
}

void live_json_subscribed(enum live_kind kind, const struct key_set *keys, struct live_id id,
                          struct ds_buffer *json)
{
    write_channel("subscribed", kind, json);
    write_keys(keys, json);
    if (id.epoch != 0) {
        write_id(id, json);
    }
    ds_buffer_append_byte(json, '}');
}

void live_json_unsubscribed(enum live_kind kind, const struct key_set *keys, struct ds_buffer *json)
{
    write_channel("unsubscribed", kind, json);
    write_keys(keys, json);
    ds_buffer_append_byte(json, '}');
}

void live_json_gap(const struct live_notice *gap, struct ds_buffer *json)
{
    write_channel("gap", gap->kind, json);
    ds_buffer_printf(json,
                     ",\"epoch\":\"%" PRIx64 "\",\"from\":%" PRIu64 ",\"to\":%" PRIu64
                     ",\"new_epoch\":%s}",
                     gap->epoch, gap->from, gap->to, gap->is_new_epoch ? "true" : "false");
}

void live_json_stale(enum live_kind kind, struct ds_buffer *json)
{
    write_channel("stale", kind, json);
    ds_buffer_append_byte(json, '}');
}

void live_json_ping(struct live_id id, struct ds_buffer *json)
{
    ds_buffer_append_text(json, "{\"type\":\"ping\"");
    if (id.epoch != 0) {
        write_id(id, json);
    }
    ds_buffer_append_byte(json, '}');
}

void live_json_end(const char *reason, struct ds_buffer *json)
{
    ds_buffer_append_text(json, "{\"type\":\"end\",\"reason\":");
    ds_json_append_string(json, ds_bytes_of_text(reason));
    ds_buffer_append_byte(json, '}');
}
