/*
 * HTTP/1.1 requests to one server over a fixed number of connections that stay open, one request at
 * a time on each. A request that finds no connection free waits for one; its time limit runs from
 * its sending. Belongs to the loop's thread.
 */
#ifndef LOAD_REST_H
#define LOAD_REST_H

#include "clients/load/loop.h"
#include "clients/load/rest_reader.h"
#include "ds/code.h"

#include <sys/socket.h>

#define LOAD_REST_CONNECT_NS 5000000000LL /* for a connection to come about */
/* Between attempts to connect that fail: doubled from the first to the last. */
#define LOAD_REST_BACKOFF_FIRST_NS 10000000LL
#define LOAD_REST_BACKOFF_LAST_NS 1000000000LL
#define LOAD_REST_HOST_BYTES_MAX 256
#define LOAD_REST_PREFIX_BYTES_MAX 512

/* "http://host:port/prefix", looked up. */
struct load_rest_address {
    struct sockaddr_storage address;
    socklen_t address_bytes;
    char host[LOAD_REST_HOST_BYTES_MAX];     /* for the header: "127.0.0.1:8080" */
    char prefix[LOAD_REST_PREFIX_BYTES_MAX]; /* "" or a path without a slash at its end */
};

/* Looks names up, which may block. DS_INVALID_ARGUMENT: not of that form; DS_NOT_FOUND: there is no
 * such host. */
DS_MUST_USE ds_code load_rest_address_parse(const char *url, struct load_rest_address *ret_address);

/* Connects and hangs up. DS_UNAVAILABLE; ret_reason is static then. Blocks. */
DS_MUST_USE ds_code load_rest_probe(const struct load_rest_address *address, int timeout_ms,
                                    const char **ret_reason);

enum load_rest_result {
    LOAD_REST_ANSWERED,
    LOAD_REST_UNCONNECTED, /* there was no connection to be had */
    LOAD_REST_TIMED_OUT,
    LOAD_REST_MALFORMED, /* the answer is not HTTP */
    LOAD_REST_CLOSED,    /* the connection ended without an answer */
    LOAD_REST_UNSENT,    /* given up while it waited */
};

/* The caller's, who fills the first part; it stays until `ended`. */
struct load_rest_call {
    struct ds_bytes request; /* all of it, head and body */
    bool has_no_body;        /* the answer has none: a HEAD */
    bool keeps_body;         /* of the answer */
    int64_t timeout_ns;
    /* Once, from the loop or from load_rest_abandon(), never from load_rest_send(). */
    void (*ended)(struct load_rest_call *call);

    enum load_rest_result result;
    uint16_t status;
    struct ds_bytes body; /* until `ended` returns */
    int64_t sent_ns;      /* the first byte of it; negative: never */
    int64_t ended_ns;
    uint64_t received_bytes;

    struct load_rest_call *next; /* that waits */
};

struct load_rest_options {
    struct load_loop *loop;                  /* outlives it */
    const struct load_rest_address *address; /* the same */
    uint32_t connection_count;
};

struct load_rest;

/* Begins to connect. */
struct load_rest *load_rest_create(const struct load_rest_options *options);

/* Calls must have ended. Takes NULL. */
void load_rest_destroy(struct load_rest *rest);

void load_rest_send(struct load_rest *rest, struct load_rest_call *call);

/* Ends the calls that still wait for a connection with LOAD_REST_UNSENT. */
void load_rest_abandon(struct load_rest *rest);

/* Whether each connection has been tried once. */
bool load_rest_is_settled(const struct load_rest *rest);

#endif
