/*
 * What comes in over a connection of the Scalability Protocols: the peer's greeting and then
 * messages (nanomsg's RFCs sp-tcp-mapping-01 and sp-ipc-mapping-01; docs/rpc.md has the bytes).
 * Memory grows with the bytes that have come, not with those that were announced. Knows no sockets.
 * Private to ds_common.
 */
#ifndef DS_SP_STREAM_H
#define DS_SP_STREAM_H

#include "ds/buffer.h"

#define DS_SP_GREETING_BYTES 8
#define DS_SP_PUB 0x20
#define DS_SP_SUB 0x21

struct ds_sp_stream_options {
    bool is_ipc;            /* a message then begins with a byte of its own, 1 */
    uint16_t peer_protocol; /* whose greeting is awaited */
    size_t message_bytes_max;
};

struct ds_sp_stream {
    struct ds_sp_stream_options options;
    struct ds_buffer bytes;
    size_t taken; /* of `bytes` */
    bool is_greeted;
};

enum ds_sp_outcome {
    DS_SP_MORE, /* more bytes must come first */
    DS_SP_MESSAGE,
    DS_SP_NO_PEER,  /* another greeting, or none */
    DS_SP_NO_FRAME, /* of ipc: no message begins so */
    DS_SP_TOO_LARGE,
};

void ds_sp_greeting_write(uint16_t protocol, uint8_t ret_greeting[DS_SP_GREETING_BYTES]);

/* Allocates nothing yet. */
void ds_sp_stream_init(struct ds_sp_stream *stream, const struct ds_sp_stream_options *options);
void ds_sp_stream_deinit(struct ds_sp_stream *stream);

/* The bytes of another connection come next. Keeps the memory. */
void ds_sp_stream_restart(struct ds_sp_stream *stream);

/* Where the next bytes go, at least one; ends the view of a message. Only after the stream has said
 * DS_SP_MORE. Then ds_sp_stream_commit() says how many have come. */
uint8_t *ds_sp_stream_room(struct ds_sp_stream *stream, size_t *ret_size);
void ds_sp_stream_commit(struct ds_sp_stream *stream, size_t size);

/* The next message, a view of the stream. What is neither DS_SP_MORE nor DS_SP_MESSAGE is said
 * again until a restart. */
enum ds_sp_outcome ds_sp_stream_next(struct ds_sp_stream *stream, struct ds_bytes *ret_message);

#endif
