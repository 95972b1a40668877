/*
 * The server side: listeners, control lane, bounded pools, and the dispatcher that every call
 * passes whatever it came by. The interceptors run in the order in which rpc_interceptors.c lists
 * them.
 */
#ifndef DS_RPC_SERVER_H
#define DS_RPC_SERVER_H

#include "ds/call.h"
#include "ds/call_log.h"
#include "ds/interceptor.h"
#include "ds/metrics.h"
#include "ds/service.h"
#include "ds/tls.h"

struct ds_rpc_server;

/*
 * Finds out who calls where the listener carries no trust or the caller said nothing: fills
 * ret_principal (memory of the call's arena or static). DS_UNAUTHENTICATED refuses the call. Must
 * not block; any thread.
 */
struct ds_authenticator {
    ds_code (*authenticate)(void *context, struct ds_call *call,
                            struct ds_principal *ret_principal);
    void *context;
};

#define DS_RPC_CONNECTIONS_DEFAULT 1024
#define DS_RPC_CONNECTIONS_PER_ADDRESS_DEFAULT 256
#define DS_RPC_CALLS_PER_CONNECTION_DEFAULT 64
#define DS_RPC_FIRST_REQUEST_MS_DEFAULT 30000

/* Of each listener; 0 stands for the default. DS_RPC_LIMIT_SETTINGS() are their settings. */
struct ds_rpc_limits {
    int64_t connections_max;
    int64_t connections_per_address_max; /* tcp only */
    int64_t calls_per_connection_max; /* messages in work; Hello and health are answered past it */
    int64_t first_request_ms; /* in which a connection must have sent a whole request; tcp only */
};

/* How often each caller may call, by its subject, without credentials by its address. Health and
 * Hello are not counted. DS_RPC_RATE_SETTINGS() are its settings. */
struct ds_rpc_rate_limit {
    int64_t calls_per_second; /* 0: no limit; at most DS_RATE_PER_SECOND_MAX */
    int64_t burst;            /* at once; 0: as many as in a second */
};

struct ds_rpc_server_options {
    const char *name;             /* "deltastream-storaged/0.1.0" */
    const struct ds_clock *clock; /* NULL: the system's */
    struct ds_authenticator
        authenticator;          /* none: every caller is nobody, who may call public methods only */
    bool inline_may_block;      /* DS_POOL_INLINE methods run in the read pool */
    bool without_compression;   /* reads and writes no compressed payloads */
    unsigned int read_threads;  /* 0: the number of cores */
    unsigned int write_threads; /* 0: 2 */
    size_t queue_max;           /* of each pool; 0: 256 */
    size_t idempotency_keys_max; /* that are remembered; 0: 65,536 */
    struct ds_rpc_limits limits;
    struct ds_rpc_rate_limit rate_limit;
    struct ds_call_log call_log;
};

/* Starts the pools' threads. Never NULL. */
struct ds_rpc_server *ds_rpc_server_create(const struct ds_rpc_server_options *options);

/* Serves the methods of that service with `context`; before the first listener. `handlers` and
 * `context` outlive the server. A service without a handler for each of its methods is a bug and
 * aborts, by the method's name. */
void ds_rpc_server_add_service(struct ds_rpc_server *server,
                               const struct ds_service_handlers *handlers, void *context);

/* An interceptor of the service's own, behind those that were added before it; copied. Before the
 * first listener; at most 8. */
void ds_rpc_server_add_interceptor(struct ds_rpc_server *server,
                                   const struct ds_interceptor *interceptor);

/* What tls+tcp listeners show of themselves; those that are open show it from their next handshake
 * on. Held. By the thread that opens listeners. */
void ds_rpc_server_set_tls_identity(struct ds_rpc_server *server, struct ds_tls_identity *identity);

/*
 * Opens a listener: ipc:///path, tcp://host:port or tls+tcp://host:port (port 0 picks one). ipc
 * makes the folder (0700) where it is missing and refuses a folder that others may enter; it
 * carries trust, the others do not. tcp off loopback is refused, tls+tcp without an identity too.
 * The URL in use goes to ret_url (NULL or ret_url_bytes_max bytes). DS_INVALID_ARGUMENT: no address
 * that can be listened on; DS_PERMISSION_DENIED: the folder; DS_ALREADY_EXISTS: the address is in
 * use; DS_RESOURCE_EXHAUSTED: the server has 16 listeners already. Writes the reason to the log.
 */
DS_MUST_USE ds_code ds_rpc_server_listen(struct ds_rpc_server *server, const char *url,
                                         char *ret_url, size_t ret_url_bytes_max);

#define DS_RPC_EVENT_URLS_MAX 16

/* What Hello says of the service's event sockets: ipc to callers by trusted listeners, tcp to all.
 * At most DS_RPC_EVENT_URLS_MAX, which outlive the server; before the first listener. */
void ds_rpc_server_add_event_url(struct ds_rpc_server *server, const char *url);

/* Asked at each check of a service's health; must not block. Any thread. */
struct ds_health_probe {
    bool (*is_serving)(void *context);
    void *context;
};

/* The named service, which has been added, is as well as the probe says. Before the first listener.
 */
void ds_rpc_server_watch_health(struct ds_rpc_server *server, const struct ds_service *service,
                                const struct ds_health_probe *probe);

/* Changes what grpc.health.v1 answers for `service` ("" for all). Default: serving. Any thread. */
void ds_rpc_server_set_serving(struct ds_rpc_server *server, const char *service, bool serving);

/* Whether grpc.health.v1 answers SERVING for the server and for each of its services. Any thread.
 */
bool ds_rpc_server_is_ready(struct ds_rpc_server *server);

/* From ds_rpc_server_drain() on. Any thread. */
bool ds_rpc_server_is_draining(const struct ds_rpc_server *server);

struct ds_metrics *ds_rpc_server_metrics(struct ds_rpc_server *server);

/* Connections of all listeners. Any thread. */
size_t ds_rpc_server_connection_count(const struct ds_rpc_server *server);

uint64_t ds_rpc_server_epoch(const struct ds_rpc_server *server);

/*
 * Refuses new calls (they get UNAVAILABLE; health and Hello are still answered) and waits until
 * those in flight have been given their replies, at most grace_ms. The log then tells which calls
 * are left.
 */
void ds_rpc_server_drain(struct ds_rpc_server *server, int grace_ms);

/* After ds_rpc_server_drain(): waits for the calls that are still in flight, however long. Takes
 * NULL. */
void ds_rpc_server_destroy(struct ds_rpc_server *server);

#endif
