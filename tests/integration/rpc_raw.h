/* A peer that speaks the SP protocol over a bare socket, as far as the test lets it. */
#ifndef TESTS_INTEGRATION_RPC_RAW_H
#define TESTS_INTEGRATION_RPC_RAW_H

#include "ds/buffer.h"

/* Connects to the fixture's URL, over tcp from that loopback address ("127.0.0.1"); reads have a
 * time limit for tests that fail. */
int rpc_raw_connect(const char *url, const char *from);

/* Sends the greeting of a REQ socket and takes the server's. */
void rpc_raw_greet(int peer);

/* Takes exactly so many bytes, or fails the test. */
void rpc_raw_receive_all(int peer, void *target, size_t size);

/* Sends the length of a message without its bytes, and then some of those. */
void rpc_raw_announce(int peer, size_t message_bytes);
void rpc_raw_send(int peer, const void *bytes, size_t size);

/* Sends a whole message as request `number`. */
void rpc_raw_ask(int peer, uint32_t number, const struct ds_buffer *message);

/* Takes one answer, from malloc, and the number of its request. */
struct ds_bytes rpc_raw_receive(int peer, uint32_t *ret_number);

/* Whether the server hangs up, now or in the time limit, without a byte more. */
bool rpc_raw_is_hung_up(int peer);

#endif
