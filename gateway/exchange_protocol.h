/* What differs between the ways to make a call over HTTP. All of it on the loop's thread. */
#ifndef GATEWAY_EXCHANGE_PROTOCOL_H
#define GATEWAY_EXCHANGE_PROTOCOL_H

#include "gateway/exchange.h"

/* JSON is longer than the wire bytes that it is made of: a reply of the largest frame as JSON. */
#define EXCHANGE_REPLY_BYTES_MAX ((size_t)4 * 16 * 1024 * 1024)

struct exchange_protocol {
    /*
     * All that can be said of a request before its body, but for the caller's permission, which has
     * been checked: sets exchange->form and request->body_bytes_max.
     */
    bool (*check_head)(struct exchange *exchange, struct problem *ret_problem);

    /* The request's wire bytes: in exchange->wire, or a view of the body. May set what else
     * exchange->call takes along. */
    bool (*read)(struct exchange *exchange, struct ds_bytes *ret_payload,
                 struct problem *ret_problem);

    /* Begins the reply and fills its body from exchange->call.response. */
    bool (*write)(struct exchange *exchange, struct problem *ret_problem);

    /* Begins the reply of any failure, the HTTP server's refusals included. What a failed call has
     * said is still in exchange->call. */
    void (*fail)(struct exchange *exchange, const struct problem *problem);
};

/* rest.c: the routes of the .proto files, JSON and NDJSON. */
extern const struct exchange_protocol exchange_rest;

#define REST_ALLOW_BYTES 64

/*
 * Finds the binding of a request whose path has exchange->match, and what it says of the exchange.
 * False where the path has no binding for the method: ret_allow names those it has.
 */
bool rest_find(struct exchange *exchange, char ret_allow[REST_ALLOW_BYTES]);

/* Appends Accept-Post and Accept-Patch to the reply's head: what bodies the path takes, where it
 * takes any. Nothing for a path without exchange->match. */
void rest_write_accepted(struct exchange *exchange);

#endif
