/*
 * The frames of RFC 6455, a server's side, without extensions. websocket_frames.c is the only file
 * that knows wslay. Not thread-safe.
 */
#ifndef GATEWAY_WEBSOCKET_FRAMES_H
#define GATEWAY_WEBSOCKET_FRAMES_H

#include "ds/buffer.h"

#define WEBSOCKET_ACCEPT_BYTES 29 /* with the terminator */
#define WEBSOCKET_CONTROL_BYTES_MAX 125
#define WEBSOCKET_REASON_BYTES_MAX (WEBSOCKET_CONTROL_BYTES_MAX - 2)

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0x0,
    WEBSOCKET_TEXT = 0x1,
    WEBSOCKET_BINARY = 0x2,
    WEBSOCKET_CLOSE = 0x8,
    WEBSOCKET_PING = 0x9,
    WEBSOCKET_PONG = 0xa,
};

/* RFC 6455 7.4.1 and IANA's registry. */
enum websocket_close_code {
    WEBSOCKET_CLOSE_NORMAL = 1000,
    WEBSOCKET_CLOSE_GOING_AWAY = 1001,
    WEBSOCKET_CLOSE_PROTOCOL_ERROR = 1002,
    WEBSOCKET_CLOSE_UNSUPPORTED_DATA = 1003,
    WEBSOCKET_CLOSE_INVALID_TEXT = 1007,
    WEBSOCKET_CLOSE_POLICY = 1008,
    WEBSOCKET_CLOSE_TOO_BIG = 1009,
    WEBSOCKET_CLOSE_TRY_AGAIN = 1013,
};

struct websocket_frames;

/* Views die with the call. */
struct websocket_frames_events {
    /* A whole text message. False: it is the last that is wanted. */
    bool (*text)(void *context, struct ds_bytes utf8);
    void (*pong)(void *context);
};

/* `events` are copied. */
struct websocket_frames *websocket_frames_create(const struct websocket_frames_events *events,
                                                 void *context, size_t message_bytes_max);
void websocket_frames_destroy(struct websocket_frames *frames); /* takes NULL */

/*
 * Takes bytes of the client. Answers to its control frames are appended to `out`. False: nothing
 * more may be read, since the client has closed or broken the rules, and the close frame that says
 * so is the last in `out`; or since events.text wanted no more.
 */
bool websocket_frames_take(struct websocket_frames *frames, struct ds_bytes bytes,
                           struct ds_buffer *out);

/* Appends one whole frame, unmasked. Control frames have at most WEBSOCKET_CONTROL_BYTES_MAX. */
void websocket_frame_write(struct ds_buffer *out, enum websocket_opcode opcode,
                           struct ds_bytes payload);

/* Appends a close frame; a longer reason than fits is cut, between characters. */
void websocket_close_write(struct ds_buffer *out, unsigned int code, const char *reason);

/* Sec-WebSocket-Accept. False where `key` is not base64 of 16 bytes. */
bool websocket_accept_key(struct ds_bytes key, char ret_accept[WEBSOCKET_ACCEPT_BYTES]);

#endif
