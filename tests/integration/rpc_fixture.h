/* A server with handlers that tests steer, and a channel to it by each transport. */
#ifndef TESTS_INTEGRATION_RPC_FIXTURE_H
#define TESTS_INTEGRATION_RPC_FIXTURE_H

#include "ds/rpc_client.h"
#include "ds/rpc_server.h"

#include <pthread.h>
#include <stdatomic.h>

enum fixture_transport {
    FIXTURE_DIRECT,
    FIXTURE_IPC,
    FIXTURE_TCP,
};

struct rpc_fixture {
    enum fixture_transport transport;
    struct ds_rpc_server *server;
    struct ds_channel *channel;
    struct ds_metrics *client_metrics;
    char folder[64];
    char url[128];

    /* What the handlers of the storage service do; see rpc_fixture.c. */
    pthread_mutex_t mutex; /* guards gate_is_open and waiting */
    pthread_cond_t changed;
    bool gate_is_open;
    int waiting; /* handlers that stand before the gate */
    atomic_int executed;
    pthread_t deferred_thread;
    struct ds_call *deferred;
};

/* `options` may be NULL. The server knows the storage service: ListTicks echoes (the metadata
 * "echo" and "echo-bin" too), or answers `limit` bytes where the product is "bytes"; LatestTick
 * fails as its product says; IngestTicks waits for the gate or defers; ListProducts tells who
 * calls. */
void rpc_fixture_open(struct rpc_fixture *fixture, enum fixture_transport transport,
                      const struct ds_rpc_server_options *options);
void rpc_fixture_close(struct rpc_fixture *fixture);

/* Lets the waiting handlers go on. */
void rpc_fixture_open_gate(struct rpc_fixture *fixture);

/* Waits until `count` handlers stand before the gate. */
void rpc_fixture_await_waiting(struct rpc_fixture *fixture, int count);

/* Wire bytes of a request; from malloc. */
struct ds_bytes rpc_fixture_pack(const ProtobufCMessage *message);

extern const struct ds_principal rpc_fixture_reader; /* market:read */
extern const struct ds_principal rpc_fixture_writer; /* market:read, market:write */

#endif
