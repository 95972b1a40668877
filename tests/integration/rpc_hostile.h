/* A listener that speaks the SP protocol of a server over bare TCP, as far as the test lets it.
 * What comes and goes by its connections is for rpc_raw.h. */
#ifndef TESTS_INTEGRATION_RPC_HOSTILE_H
#define TESTS_INTEGRATION_RPC_HOSTILE_H

#include "deltastream/rpc/v1/frame.pb-c.h"
#include "ds/buffer.h"

struct rpc_hostile {
    int listener;
    char url[64];
};

void rpc_hostile_open(struct rpc_hostile *hostile);
void rpc_hostile_close(struct rpc_hostile *hostile);

/* Takes the next connection and greets it as a REP socket does. */
int rpc_hostile_accept(const struct rpc_hostile *hostile);

/* Takes a request of one frame; its header, to be freed with free_unpacked, tells the call. */
Rpc__RequestHeader *rpc_hostile_receive(int peer, uint32_t *ret_number);

/* Writes a RESPONSE frame at the end of the message. */
void rpc_answer_append(struct ds_buffer *message, const Rpc__ResponseHeader *header,
                       struct ds_bytes payload);

#endif
