/* The HTTP gateway as a library: deltastream-gateway and `deltastream up` both link it. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "ds/metrics.h"
#include "ds/rpc_client.h"

struct gateway;

/* Limits of the HTTP side; 0 stands for the default in brackets. */
struct gateway_limits {
    uint32_t connections_max;         /* open at a time [10,000] */
    uint32_t connections_address_max; /* of one address [1,000] */
    uint32_t pipeline_max;            /* requests in work on one connection [16] */
    uint32_t request_line_bytes_max;  /* [8 KiB] */
    uint32_t headers_bytes_max;       /* [32 KiB] */
    uint32_t header_count_max;        /* [100] */
    uint32_t body_bytes_max;          /* whatever the method allows, never more [16 MiB] */
    uint32_t headers_timeout_ms;      /* from the first byte to the end of the headers [10,000] */
    uint32_t body_timeout_ms;  /* from the end of the headers to the end of the body [30,000] */
    uint32_t write_timeout_ms; /* for the client to take a reply [30,000] */
    uint32_t idle_timeout_ms;  /* between requests [75,000] */
};

struct gateway_options {
    const char
        *name; /* what / and /health call the service where the listener has no name of its own */
    const struct ds_clock *clock;
    const struct ds_principal
        *anonymous; /* who a request without credentials is; NULL: nobody, refused with 401 */
    struct gateway_limits limits;
    struct ds_metrics *const *metrics; /* written to /metrics beside the gateway's own; they outlive
                                          the gateway, the list itself is copied */
    size_t metrics_count;
    bool access_log;
};

struct gateway *gateway_create(const struct gateway_options *options);

/* Calls of that service (its full name) go to `channel`, which outlives the gateway. Before
 * gateway_run(). */
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

void gateway_destroy(struct gateway *gateway);

#endif
