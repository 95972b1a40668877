/*
 * What comes in over a connection of the Scalability Protocols: the peer's greeting and then
 * messages (nanomsg's RFCs sp-tcp-mapping-01 and sp-ipc-mapping-01; docs/rpc.md has the bytes).
 * A message that came whole is a view of what was read; only one that came in parts is put
 * together here, in memory that grows with the bytes that have come and not with those that were
 * announced. A stream between two messages holds none. Knows no sockets. Private to ds_common.
 */
#ifndef DS_SP_STREAM_H
#define DS_SP_STREAM_H

#include "ds/buffer.h"

#define DS_SP_GREETING_BYTES 8
#define DS_SP_PUB 0x20
#define DS_SP_SUB 0x21
#define DS_SP_REQ 0x30
#define DS_SP_REP 0x31
/* What stands before a message at most. */
#define DS_SP_HEAD_BYTES_MAX 9

struct ds_sp_stream_options {
    bool is_ipc;            /* a message then begins with a byte of its own, 1 */
    uint16_t peer_protocol; /* whose greeting is awaited */
    size_t message_bytes_max;
};

enum ds_sp_outcome {
    DS_SP_MORE, /* more bytes must come first */
    DS_SP_MESSAGE,
    DS_SP_NO_PEER,  /* another greeting, or none */
    DS_SP_NO_FRAME, /* of ipc: no message begins so */
    DS_SP_TOO_LARGE,
};

struct ds_sp_stream {
    struct ds_sp_stream_options options;
    struct ds_buffer partial; /* what has come of a greeting or a message that is not whole */
    bool partial_is_seen;     /* it is whole, and was given to the caller */
    bool is_greeted;
    enum ds_sp_outcome failure; /* said from now on; DS_SP_MORE: none yet */
};

void ds_sp_greeting_write(uint16_t protocol, uint8_t ret_greeting[DS_SP_GREETING_BYTES]);

/* What stands before a message of that size; returns how many bytes that is. */
size_t ds_sp_head_write(bool is_ipc, uint64_t size, uint8_t ret_head[DS_SP_HEAD_BYTES_MAX]);

/* Allocates nothing yet. */
void ds_sp_stream_init(struct ds_sp_stream *stream, const struct ds_sp_stream_options *options);
void ds_sp_stream_deinit(struct ds_sp_stream *stream);

/* The bytes of another connection come next. */
void ds_sp_stream_restart(struct ds_sp_stream *stream);

/*
 * The next message out of *bytes, which came behind all that was given before; what it takes is
 * taken off their front. DS_SP_MORE has taken all of them. The message is a view of `bytes` or of
 * the stream, until the next call. What is neither DS_SP_MORE nor DS_SP_MESSAGE is said again until
 * a restart.
 */
enum ds_sp_outcome ds_sp_stream_next(struct ds_sp_stream *stream, struct ds_bytes *bytes,
                                     struct ds_bytes *ret_message);

/* What the stream has put together of the message that was given last, for the caller to keep as
 * long as it likes: the message is a view of it. Empty where it was a view of `bytes`. */
struct ds_buffer ds_sp_stream_take(struct ds_sp_stream *stream);

/* Whether a message, or the greeting, has begun and is not whole yet. */
bool ds_sp_stream_is_midway(const struct ds_sp_stream *stream);

#endif
