/* A client of /ws/quotes: its frames, its messages, and whether it still lives. */
#ifndef GATEWAY_WEBSOCKET_CLIENT_H
#define GATEWAY_WEBSOCKET_CLIENT_H

#include "gateway/live_client.h"
#include "gateway/websocket_frames.h"

#define WEBSOCKET_MESSAGE_BYTES_MAX ((size_t)16 * 1024)
#define WEBSOCKET_MESSAGES_PER_SECOND_MAX 64

struct websocket_client {
    struct live_client live; /* first */
    struct websocket_frames *frames;
    struct ds_buffer control; /* answers to control frames */
    uint64_t second_ms;       /* when the second began in which messages are counted */
    uint32_t message_count;
    uint64_t ping_ms; /* when the last ping left */
    bool pong_is_owed;
    bool pong_is_late;
    bool reading_stopped;
};

/* Makes the exchange's request, whose reply 101 has been begun, one. */
struct websocket_client *websocket_client_begin(struct exchange *exchange);

/* Sends a close frame and ends the stream. */
void websocket_client_close(struct websocket_client *client, unsigned int code, const char *reason);

/* websocket_messages.c: does what a message says, and answers it. */
void websocket_message_take(struct websocket_client *client, struct ds_bytes text);

/* Tells the client of a fault of its message; the connection stays. */
void websocket_client_tell(struct websocket_client *client, const struct problem *problem);

#endif
