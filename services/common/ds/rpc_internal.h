/* The server as dispatch, the control service and the transports see it. Private to ds_common. */
#ifndef DS_RPC_INTERNAL_H
#define DS_RPC_INTERNAL_H

#include "ds/peers.h"
#include "ds/rpc_call.h"
#include "ds/worker.h"

#include <pthread.h>

#define DS_RPC_SERVICES_MAX 16
#define DS_RPC_LISTENERS_MAX 16

struct ds_service_entry {
    const struct ds_service_handlers *handlers;
    void *context;
    atomic_bool serving; /* what grpc.health.v1 answers, unless the probe says no */
    struct ds_health_probe health_probe;
};

struct ds_idempotency_keys;
struct ds_nng_listener;

/* Constant after the first listener but for the atomics. */
struct ds_rpc_server {
    char *name;
    const struct ds_clock *clock;
    struct ds_authenticator authenticator;
    bool inline_may_block;
    uint64_t epoch;
    struct ds_metrics *metrics;

    struct ds_service_entry services[DS_RPC_SERVICES_MAX];
    size_t service_count;
    atomic_bool serving;

    struct ds_idempotency_keys *idempotency;
    struct ds_worker_pool *read_pool;
    struct ds_worker_pool *write_pool;

    struct ds_nng_listener *listeners[DS_RPC_LISTENERS_MAX];
    size_t listener_count;

    struct ds_peer_limits peer_limits;
    pthread_mutex_t calls_mutex; /* guards calls and their links */
    struct ds_call *calls;       /* those of rpc_calls.h */

    int in_flight_max;
    atomic_int in_flight;
    atomic_bool draining;
    pthread_mutex_t drain_mutex; /* guards the way down of in_flight */
    pthread_cond_t drained;
};

/* Tells the server that a call has been answered. */
void ds_rpc_server_call_left(struct ds_rpc_server *server);

/* A message from a listener: one frame or more. Ends in one ds_nng_exchange_reply(). */
struct ds_nng_exchange;
void ds_rpc_message_receive(struct ds_rpc_server *server, struct ds_nng_exchange *exchange,
                            struct ds_bytes message);

#endif
