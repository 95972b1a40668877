/*
 * What goes out to clients of live data: one JSON object a message, the same in all three forms,
 * and what the forms put around it. docs/live.md is for the clients.
 */
#ifndef GATEWAY_LIVE_MESSAGE_H
#define GATEWAY_LIVE_MESSAGE_H

#include "gateway/key_set.h"
#include "gateway/live.h"
#include "gateway/problem.h"

#define LIVE_ID_BYTES_MAX 40 /* "EPOCH-SEQUENCE" with the terminator */

/* A place among the events of a kind, "EPOCH-SEQUENCE": the epoch in hexadecimal digits. */
struct live_id {
    uint64_t epoch; /* 0: no place */
    uint64_t sequence;
};

/* False where the text is none. */
bool live_id_read(struct ds_bytes text, struct live_id *ret_id);
void live_id_write(struct live_id id, char target[LIVE_ID_BYTES_MAX]);

/* "ticks", and the type of its events' messages, "tick". */
const char *live_kind_name(enum live_kind kind);
bool live_kind_find(struct ds_bytes name, enum live_kind *ret_kind);

struct live_message {
    const char *type;
    struct live_id id; /* a client that comes back goes on behind it; no place: not by this */
    struct ds_bytes json;
};

/* Appends the message in its form. */
void live_message_wrap(enum live_form form, const struct live_message *message,
                       struct ds_buffer *bytes);

/* The writers append the whole object. */
void live_json_subscribed(enum live_kind kind, const struct key_set *keys, struct live_id id,
                          struct ds_buffer *json);
void live_json_unsubscribed(enum live_kind kind, const struct key_set *keys,
                            struct ds_buffer *json);
void live_json_gap(const struct live_notice *gap, struct ds_buffer *json);
void live_json_stale(enum live_kind kind, struct ds_buffer *json);
void live_json_ping(struct live_id id, struct ds_buffer *json);
void live_json_end(const char *reason, struct ds_buffer *json);

#endif
