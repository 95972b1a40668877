/* One request's life in the gateway: from its head through the call to its reply. */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "ds/trace.h"
#include "gateway/gateway_internal.h"
#include "gateway/transcode.h"
#include "http/server.h"

#define REQUEST_ID_BYTES_MAX 128
#define EXCHANGE_KEY_BYTES_MAX 64 /* of an idempotency key, as services take it */
/* When a server that is too busy for a request may be asked again. */
#define EXCHANGE_BUSY_RETRY_MS 1000

enum exchange_state {
    EXCHANGE_READING,     /* the body is still coming */
    EXCHANGE_CALLING,     /* a call is under way */
    EXCHANGE_CHECKING,    /* in health->waiting */
    EXCHANGE_COMPRESSING, /* another thread has the reply's body */
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
    size_t route;                  /* for the metrics */
    uint8_t state;                 /* enum exchange_state */
    uint8_t form;                  /* enum body_form */
    bool enum_numbers;             /* the reply is to have enums as numbers */
    bool abandoned;                /* the client has gone */
    bool is_called;                /* `call` was made and holds its answer */
    bool may_compress;             /* the reply holds no secrets */
    bool has_etag;                 /* a 200 has an entity tag */
    bool may_be_kept;              /* by the client, which asks each time whether it still holds */
    bool varies_by_encoding;       /* the reply's coding is the client's choice */
    uint8_t idempotency_key_bytes; /* 0: none */
    uint8_t idempotency_key[EXCHANGE_KEY_BYTES_MAX];
    struct route_match match;
    struct ds_buffer wire;
    struct ds_buffer scratch;
    struct ds_buffer metadata; /* that the call takes along */
    size_t kept_bytes; /* of the three, while it is idle: out of gateway->kept_budget_bytes */
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

/* Cache-Control: replies with secrets are kept by nobody, others by the client that asks each time
 * whether they still hold. exchange_begin_reply() writes it already. */
void exchange_cache_fields(struct exchange *exchange);

/*
 * The fields of every reply: X-Request-Id, X-Content-Type-Options, Server-Timing, CORS and Vary.
 * exchange_end() writes them; who begins a stream instead writes them right before that.
 */
void exchange_common_fields(struct exchange *exchange);

/* Completes the reply that has been begun, sends it, now or once its body is compressed, and ends
 * the exchange. */
void exchange_end(struct exchange *exchange);

/* Sends the complete reply and ends the exchange. */
void exchange_send(struct exchange *exchange);

/* Ends an exchange whose request has become a stream: counts and logs nothing, sends nothing. */
void exchange_release(struct exchange *exchange);

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
