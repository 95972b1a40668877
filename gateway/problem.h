/*
 * Errors as application/problem+json (RFC 9457), whoever finds them. Every body has: type (a
 * reference "/problems/<error_code>", stable), title, status, detail, error_code (the reason's name
 * in lower case), error (the same text as detail), request_id and errors[], whose elements name the
 * place: pointer (a JSON pointer into the body), parameter or header; detail; offset and line where
 * known.
 */
#ifndef GATEWAY_PROBLEM_H
#define GATEWAY_PROBLEM_H

#include "ds/rpc_client.h"
#include "gateway/profile.h"
#include "http/request.h"

#define PROBLEM_ITEMS_MAX 8
#define PROBLEM_DETAIL_BYTES 512

enum problem_place {
    PROBLEM_AT_POINTER,
    PROBLEM_AT_PARAMETER,
    PROBLEM_AT_HEADER,
};

struct problem_item {
    enum problem_place place;
    char name[160];
    char detail[256];
    bool has_offset;
    size_t offset; /* in bytes from the beginning of the body, of the line or of the parameter's
                      decoded value */
    size_t line;   /* of an NDJSON body, from 1; 0: none */
};

struct problem {
    ds_reason reason; /* REASON_UNSPECIFIED: `code` tells */
    ds_code code;
    char detail[PROBLEM_DETAIL_BYTES];
    int32_t retry_after_ms; /* 0: nothing to say */
    const char *allow;      /* the Allow field of a 405; NULL: none */
    struct problem_item items[PROBLEM_ITEMS_MAX];
    size_t item_count;
};

/* Begins a problem of that reason; its code is INVALID_ARGUMENT until somebody says otherwise. */
void problem_set(struct problem *problem, ds_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the place of a fault; NULL when there are PROBLEM_ITEMS_MAX of them. */
struct problem_item *problem_add(struct problem *problem, enum problem_place place,
                                 struct ds_bytes name, const char *detail);

/*
 * What a failed call says, its typed details included. Fields are places in the body or parameters,
 * by where the binding takes them from; NULL: parameters.
 */
void problem_of_call(struct problem *problem, const struct ds_client_call *call,
                     const struct route_binding *binding);

void problem_write(const struct problem *problem, const struct profile *profile,
                   const char *request_id, struct ds_buffer *json);

/* The canonical members as a message of live data: {"type":"error",…}, where "type" stands for the
 * message's. */
void problem_write_message(const struct problem *problem, const char *request_id,
                           struct ds_buffer *json);

/* Begins the reply with it: status, the fields that errors have, body. */
void problem_reply(const struct problem *problem, const struct profile *profile,
                   const char *request_id, struct http_request *request);

#endif
