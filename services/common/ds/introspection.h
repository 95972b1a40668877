/*
 * What an operator may see of a server while it runs: its calls in flight, the slow ones of late,
 * its connections and pools. Each function hands copies to `take`, oldest first unless it says
 * otherwise, and holds no lock while `take` runs. Any thread; none of them waits for a call.
 */
#ifndef DS_INTROSPECTION_H
#define DS_INTROSPECTION_H

#include "ds/code.h"
#include "ds/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds_rpc_server;

#define DS_VIEW_TEXT_BYTES_MAX 128
#define DS_SLOW_CALLS_MAX 64
#define DS_CALLS_IN_FLIGHT_VIEWS_MAX 1024

/* Texts are cut at their room. */
struct ds_call_view {
    char method[DS_VIEW_TEXT_BYTES_MAX];  /* "deltastream.storage.v1.Storage/ListTicks" */
    char subject[DS_VIEW_TEXT_BYTES_MAX]; /* of the principal; "" before it is known */
    char peer[DS_VIEW_TEXT_BYTES_MAX];    /* address; "" for ipc and direct */
    /* In flight: as the caller sent it, "" where it sent none; then of the call's own span. */
    char traceparent[DS_TRACEPARENT_BYTES + 1];
    uint32_t attempt;
    size_t request_bytes;
    size_t response_bytes; /* 0 in flight */
    int64_t began_at_us;   /* since 1970 */
    int64_t queue_us;
    int64_t execution_us; /* in flight: so far */
    bool is_executing;    /* false in flight: it waits for a thread; false at its end: refused */
    ds_code code;         /* DS_OK in flight */
};

typedef void (*ds_call_view_fn)(void *context, const struct ds_call_view *call);

/*
 * Calls that came over a listener or the direct channel and are not answered yet; at most `max`,
 * and DS_CALLS_IN_FLIGHT_VIEWS_MAX. Without those that run on the thread that received them and
 * share a message or come by the direct channel: a list of them would cost more than they take.
 */
void ds_rpc_server_calls_in_flight(struct ds_rpc_server *server, size_t max, ds_call_view_fn take,
                                   void *context);

/* The newest calls that took as long as the server's slow_call_ms, newest first; the server
 * remembers DS_SLOW_CALLS_MAX. */
void ds_rpc_server_slow_calls(struct ds_rpc_server *server, ds_call_view_fn take, void *context);

struct ds_connection_view {
    char listener[DS_VIEW_TEXT_BYTES_MAX]; /* the listener's URL */
    char peer[DS_VIEW_TEXT_BYTES_MAX];     /* "127.0.0.1:51234"; "" for ipc */
    char client[DS_VIEW_TEXT_BYTES_MAX];   /* what its Hello says of itself; "" without one */
    bool is_trusted;
    int64_t age_us;
    uint64_t request_count; /* messages so far */
    size_t requests_in_work;
};

typedef void (*ds_connection_view_fn)(void *context, const struct ds_connection_view *connection);

/* At most `max` of them. */
void ds_rpc_server_connections(struct ds_rpc_server *server, size_t max, ds_connection_view_fn take,
                               void *context);

struct ds_pool_view {
    const char *name; /* "read", "write" */
    unsigned int threads;
    unsigned int busy_threads;
    size_t queued;
    size_t queue_max;
    uint64_t refused_count; /* since the start */
};

typedef void (*ds_pool_view_fn)(void *context, const struct ds_pool_view *pool);

void ds_rpc_server_pools(struct ds_rpc_server *server, ds_pool_view_fn take, void *context);

#endif
