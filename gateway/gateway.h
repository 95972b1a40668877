/* The HTTP gateway as a library: deltastream-gateway and `deltastream up` both link it. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "ds/metrics.h"
#include "ds/rpc_client.h"
#include "http/limits.h"

struct gateway;
struct gateway_tables;

struct gateway_options {
    const char
        *name; /* what / and /health call the service where the listener has no name of its own */
    const struct gateway_tables *tables; /* what is served; NULL: gateway_tables_default() */
    const struct ds_clock *clock;
    const struct ds_principal
        *anonymous; /* who a request without credentials is; NULL: nobody, refused with 401 */
    struct http_limits limits;      /* of the HTTP side */
    uint32_t live_clients_max;      /* of live data, at a time; 0: LIVE_CLIENTS_MAX */
    uint32_t live_queue_events_max; /* of each of them; 0: LIVE_QUEUE_EVENTS_MAX */
    uint32_t live_ping_ms;          /* between two pings; 0: LIVE_PING_MS */
    /* Networks of proxies that may say who a request comes from; all are well-formed. */
    const char *const *trusted_proxies;
    size_t trusted_proxy_count;
    /* Origins whose pages may call, as cors.h has them; all are well-formed. */
    const char *const *cors_origins;
    size_t cors_origin_count;
    bool gzip; /* replies are compressed for clients that take that, and bodies may be */
    struct ds_metrics *const *metrics; /* written to /metrics beside the gateway's own; they outlive
                                          the gateway, the list itself is copied */
    size_t metrics_count;
    bool access_log;
};

struct gateway *gateway_create(const struct gateway_options *options);

/* Calls of that service of the tables (its full name) go to `channel`, which outlives the gateway.
 * Before gateway_run(). */
void gateway_add_backend(struct gateway *gateway, const char *service, struct ds_channel *channel);

/*
 * Opens HOST:PORT or HOST:PORT=service-name; port 0 picks one. The address in use
 * ("127.0.0.1:8080") goes to ret_address. DS_ALREADY_EXISTS: the address is in use;
 * DS_INVALID_ARGUMENT: not of that form; DS_NOT_FOUND: no such host; DS_UNAVAILABLE: the host is
 * another machine; DS_PERMISSION_DENIED: the port takes more rights.
 */
DS_MUST_USE ds_code gateway_listen(struct gateway *gateway, const char *address, char *ret_address,
                                   size_t address_bytes_max);

/* Serves on the calling thread until gateway_stop(). */
void gateway_run(struct gateway *gateway);

/* Takes no more connections, lets requests in work end (at most grace_ms), then makes gateway_run()
 * return. Any thread, not from a signal handler. */
void gateway_stop(struct gateway *gateway, int grace_ms);

/* Appends what /metrics shows. Any thread. */
void gateway_write_metrics(struct gateway *gateway, struct ds_buffer *text);

/* Whether every service behind the gateway says that it serves, and gateway_stop() has not been
 * called. Asks them and waits for their answers, for a few seconds at most. Any thread but the
 * one of gateway_run(). */
bool gateway_is_ready(struct gateway *gateway);

/* From gateway_stop() on. Any thread. */
bool gateway_is_draining(const struct gateway *gateway);

void gateway_destroy(struct gateway *gateway);

#endif
