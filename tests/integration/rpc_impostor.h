/* A peer that stands in for a server: it tells of itself what the test wants, and writes down in
 * which messages the calls come. */
#ifndef TESTS_INTEGRATION_RPC_IMPOSTOR_H
#define TESTS_INTEGRATION_RPC_IMPOSTOR_H

#include "ds/frame.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define IMPOSTOR_MESSAGES_MAX 64

struct rpc_impostor {
    char url[128];
    char folder[64];
    uint32_t socket; /* nng's */
    pthread_t thread;

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t changed;
    uint64_t server_epoch;
    uint32_t accept_encodings;
    bool ignores_hello; /* no answer ever comes */
    bool refuses_hello; /* as a server that does not know the method */
    bool ignores_calls;
    bool holds_calls;     /* until rpc_impostor_release_calls() */
    uint8_t answer_flags; /* of the answers to calls */
    struct ds_bytes answer;
    size_t hello_count;
    size_t message_count; /* of calls */
    struct {
        size_t frame_count;
        uint8_t flags;       /* of the first frame */
        uint32_t timeout_ms; /* of the first frame */
        uint32_t accept_encodings;
    } messages[IMPOSTOR_MESSAGES_MAX];
};

/* Listens on a socket of its own; says that ListTicks is inline, and nothing else. */
void rpc_impostor_open(struct rpc_impostor *impostor);
void rpc_impostor_close(struct rpc_impostor *impostor);

/* Waits until so many messages with calls, or Hellos, have come. */
void rpc_impostor_await_messages(struct rpc_impostor *impostor, size_t count);
void rpc_impostor_release_calls(struct rpc_impostor *impostor);
void rpc_impostor_await_hellos(struct rpc_impostor *impostor, size_t count);

#endif
