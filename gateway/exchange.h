/* One request's life in the gateway: from its head through the call to its reply. */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "ds/trace.h"
#include "gateway/gateway_internal.h"
#include "gateway/transcode.h"
#include "http/server.h"

#define REQUEST_ID_BYTES_MAX 128

enum exchange_state {
    EXCHANGE_READING,  /* the body is still coming */
    EXCHANGE_CALLING,  /* a call is under way */
    EXCHANGE_CHECKING, /* in health->waiting */
};

struct system_route;
struct exchange_protocol;

struct exchange {
    struct completion completion; /* of `call` */
    struct ds_client_call call;
    struct exchange *next; /* idle, or waiting for the backends' health */
    struct gateway *gateway;
    struct http_request *request;
    const struct exchange_protocol *protocol;
    const struct ds_method *method;          /* that is called; NULL: none */
    const struct route_binding *binding;     /* NULL: no route of the .proto */
    const struct system_route *system_route; /* NULL: none of the gateway's own */
    const struct profile *profile;
    struct gateway_backend *backend;
    const struct ds_principal *principal;
    size_t route;            /* for the metrics */
    uint8_t state;           /* enum exchange_state */
    uint8_t form;            /* enum body_form */
    bool fields_are_in_body; /* what a call says of the request's fields concerns the body */
    bool abandoned;          /* the client has gone */
    struct route_match match;
    struct ds_buffer wire;
    struct ds_buffer scratch;
    char request_id[REQUEST_ID_BYTES_MAX + 1];
    struct ds_trace trace;                        /* the gateway's span */
    char traceparent[DS_TRACEPARENT_BYTES + 1];   /* as the call carries it */
    char tracestate[DS_TRACESTATE_BYTES_MAX + 1]; /* "": none */
};

/* The server's callbacks; `context` is the gateway. */
void exchange_head(void *context, struct http_request *request);
void exchange_request(void *context, struct http_request *request);
void exchange_refuse(void *context, struct http_request *request,
                     const struct http_refusal *refusal);
void exchange_abandon(void *context, struct http_request *request);

/* Begins a successful reply; the body goes to request->reply_body. */
void exchange_begin_reply(struct exchange *exchange, unsigned int status, const char *content_type);

/* Sends the reply and ends the exchange. */
void exchange_end(struct exchange *exchange);

/* Ends an exchange whose client has gone. */
void exchange_end_abandoned(struct exchange *exchange);

/* Replies with a problem and ends the exchange. */
void exchange_fail(struct exchange *exchange, const struct problem *problem);

void exchange_destroy(struct exchange *exchange);

/* request_id.c: the ids of a request, the client's where it sent usable ones, and its place in a
 * trace: a span in the client's or in a new one. */
void request_id_assign(struct exchange *exchange);
void trace_assign(struct exchange *exchange);

#endif
