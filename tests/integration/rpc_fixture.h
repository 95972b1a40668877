/* A server with handlers that tests steer, and a channel to it by each transport. */
#ifndef TESTS_INTEGRATION_RPC_FIXTURE_H
#define TESTS_INTEGRATION_RPC_FIXTURE_H

#include "ds/rpc_client.h"
#include "ds/rpc_server.h"
#include "support/certificates.h"

#include <pthread.h>
#include <stdatomic.h>

/* The time limit of calls whose test is not about it: no stall of the machine ends them. */
#define RPC_FIXTURE_TIMEOUT_MS 600000
/* How long a test waits for what is to come: only one that fails waits that long. */
#define RPC_FIXTURE_PATIENCE_MS 120000
/* Between two looks whether it has come. */
#define RPC_FIXTURE_PAUSE_MS 5

enum fixture_transport {
    FIXTURE_DIRECT,
    FIXTURE_IPC,
    FIXTURE_TCP,
    FIXTURE_TLS,
};

struct rpc_fixture {
    enum fixture_transport transport;
    struct ds_rpc_server *server;
    struct ds_channel *channel;
    struct ds_metrics *client_metrics;
    char folder[64];
    char url[128];
    struct certificates certificates; /* of FIXTURE_TLS */

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
 * "echo" and "echo-bin" too), or answers `limit` bytes (KiB) where the product is "bytes"
 * ("kibibytes"); LatestTick fails as its product says; IngestTicks waits for the gate or defers;
 * ListProducts tells who calls. */
void rpc_fixture_open(struct rpc_fixture *fixture, enum fixture_transport transport,
                      const struct ds_rpc_server_options *options);

/* The same with a service of the test's own in place of the storage service; `retry` is the
 * channel's. */
void rpc_fixture_open_service(struct rpc_fixture *fixture, enum fixture_transport transport,
                              const struct ds_rpc_server_options *options,
                              const struct ds_service_handlers *service, void *context,
                              const struct ds_retry_policy *retry);
void rpc_fixture_close(struct rpc_fixture *fixture);

/* ds_channel_call_wait() on the fixture's channel; a call without a time limit of its own has
 * RPC_FIXTURE_TIMEOUT_MS, and not its method's. */
ds_code rpc_fixture_call(struct rpc_fixture *fixture, struct ds_client_call *call);

/* The same with a Hello. */
ds_code rpc_fixture_call_hello(struct rpc_fixture *fixture);

/* Sleeps for RPC_FIXTURE_PAUSE_MS. */
void rpc_fixture_pause(void);

/* Waits until the server has so many connections, or calls in work. */
void rpc_fixture_await_connections(struct rpc_fixture *fixture, size_t count);
void rpc_fixture_await_calls_in_flight(struct rpc_fixture *fixture, size_t count);

/* Lets the waiting handlers go on. */
void rpc_fixture_open_gate(struct rpc_fixture *fixture);

/* Waits until `count` handlers stand before the gate. */
void rpc_fixture_await_waiting(struct rpc_fixture *fixture, int count);

/* Wire bytes of a request; from malloc. */
struct ds_bytes rpc_fixture_pack(const ProtobufCMessage *message);

extern const struct ds_principal rpc_fixture_reader; /* market:read */
extern const struct ds_principal rpc_fixture_writer; /* market:read, market:write */

/* For ds_authenticator.authenticate: every caller is that one. tcp carries no trust, so there the
 * server says who calls. */
ds_code rpc_fixture_authenticate_reader(void *context, struct ds_call *call,
                                        struct ds_principal *ret_principal);
ds_code rpc_fixture_authenticate_writer(void *context, struct ds_call *call,
                                        struct ds_principal *ret_principal);

#endif
