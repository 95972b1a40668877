#include "gateway/live_event.h"

#include "gateway/live_internal.h"
#include "gateway/profile_rows.h"

#include <assert.h>
#include <stdlib.h>

/* JSON is longer than the wire bytes that it is made of: of a row of the largest frame. */
#define JSON_BYTES_MAX ((size_t)4 * 16 * 1024 * 1024)
/* Of the buffers between two rows. */
#define KEPT_BYTES_MAX ((size_t)256 * 1024)

/* "ticks/NIFTY" without the kind. */
static struct ds_bytes key_of_topic(struct ds_bytes topic)
{
    const uint8_t *slash = topic.size == 0 ? NULL : memchr(topic.data, '/', topic.size);
    if (slash != NULL) {
        ds_bytes_skip(&topic, (size_t)(slash - topic.data) + 1);
    }
    return topic;
}

struct live_event *live_event_create(enum live_kind kind, const struct ds_event *event)
{
    const struct ds_bytes key = key_of_topic(event->topic);
    const size_t bytes = sizeof(struct live_event) + key.size + event->body.size;
    struct live_event *copy = malloc(bytes);
    if (copy == NULL) {
        abort();
    }
    assert(bytes <= UINT32_MAX);
    uint8_t *text = (uint8_t *)(copy + 1);
    *copy = (struct live_event){
        .reference_count = 1,
        .bytes = (uint32_t)bytes,
        .kind = (uint8_t)kind,
        .epoch = event->epoch,
        .sequence = event->sequence,
        .published_at_us = event->published_at_us,
        .key = ds_bytes_of(text, key.size),
        .row = ds_bytes_of(text + key.size, event->body.size),
    };
    if (key.size > 0) {
        memcpy(text, key.data, key.size);
    }
    if (event->body.size > 0) {
        memcpy(text + key.size, event->body.data, event->body.size);
    }
    return copy;
}

void live_event_adopt(struct live *live, struct live_event *event)
{
    event->live = live;
    live_count_bytes(live, event->bytes);
}

struct live_event *live_event_ref(struct live_event *event)
{
    event->reference_count++;
    return event;
}

void live_event_unref(struct live_event *event)
{
    if (--event->reference_count > 0) {
        return;
    }
    size_t bytes = event->bytes;
    for (size_t i = 0; i < LIVE_FORM_COUNT; i++) {
        bytes += event->forms[i] != NULL ? event->forms[i]->size : 0;
        http_piece_unref(event->forms[i]);
    }
    if (event->live != NULL) {
        live_discount_bytes(event->live, bytes);
    }
    free(event);
}

static struct http_piece *render(struct live_event *event, enum live_form form)
{
    struct live *live = event->live;
    ds_buffer_clear(&live->json);
    ds_buffer_clear(&live->rendered);
    const struct ds_json_style *style = &profile_of(ROUTE_PROFILE_CANONICAL)->style;
    if (ds_wire_to_json(live_kinds[event->kind].row, event->row, style, &live->json) != DS_OK) {
        return NULL;
    }
    live->renders[form](event, ds_buffer_bytes(&live->json), &live->rendered);
    assert(!live->rendered.overflow);
    struct http_piece *piece = http_piece_create(ds_buffer_bytes(&live->rendered));
    if (live->json.capacity > KEPT_BYTES_MAX) {
        ds_buffer_deinit(&live->json);
        ds_buffer_deinit(&live->rendered);
    }
    return piece;
}

struct http_piece *live_event_piece(struct live_event *event, enum live_form form)
{
    if (event->forms[form] == NULL) {
        struct http_piece *piece = render(event, form);
        if (piece == NULL) {
            return NULL;
        }
        event->forms[form] = piece;
        live_count_bytes(event->live, piece->size);
    }
    return event->forms[form];
}
