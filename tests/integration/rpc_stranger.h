/* A peer of a server that speaks in bytes of its own making, frame by frame. */
#ifndef TESTS_INTEGRATION_RPC_STRANGER_H
#define TESTS_INTEGRATION_RPC_STRANGER_H

#include "deltastream/rpc/v1/frame.pb-c.h"
#include "ds/buffer.h"
#include "ds/code.h"
#include "ds/frame.h"

struct rpc_stranger {
    uint32_t socket; /* nng's */
};

void rpc_stranger_open(struct rpc_stranger *stranger, const char *url);
void rpc_stranger_close(struct rpc_stranger *stranger);

void rpc_stranger_send(const struct rpc_stranger *stranger, const struct ds_buffer *message);

/* The answer, waited for at most 10 s; from malloc. */
struct ds_bytes rpc_stranger_receive(const struct rpc_stranger *stranger);

/* Both. */
struct ds_bytes rpc_stranger_ask(const struct rpc_stranger *stranger,
                                 const struct ds_buffer *message);

/* Writes a frame at the end of the message. */
void rpc_frame_append(struct ds_buffer *message, enum ds_frame_type type,
                      const Rpc__RequestHeader *header, struct ds_bytes payload);

/* A REQUEST with a call id and a method. */
void rpc_request_append(struct ds_buffer *message, const char *call_id, const char *method,
                        struct ds_bytes payload);

/* Takes the next frame, a RESPONSE, off the answer and unpacks its header. */
Rpc__ResponseHeader *rpc_response_next(struct ds_bytes *answer, struct ds_frame *frame);

/* Sends the message and expects one response of that code and call id. */
void rpc_stranger_expect(const struct rpc_stranger *stranger, const struct ds_buffer *message,
                         ds_code code, const char *call_id);

/* Takes the next frame off the answer and expects it to be of that code and call id; true where its
 * text holds `text`. */
void rpc_response_expect(struct ds_bytes *answer, ds_code code, const char *call_id,
                         const char *text);

#endif
