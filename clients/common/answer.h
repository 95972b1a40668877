/* What became of a call, whoever carried it: the client library, or the direct channel into a
 * service of the same process. */
#ifndef CLIENTS_COMMON_ANSWER_H
#define CLIENTS_COMMON_ANSWER_H

#include "ds/bytes.h"
#include "ds/call.h"
#include "ds/schema.h"

/* The views live until answer_release(). {0} but for `message` is an answer that holds nothing. */
struct answer {
    const struct ds_method *method;
    ds_code code;
    const char *message;            /* "" on success; never NULL */
    struct ds_bytes status_details; /* google.rpc.Status; empty where there is none */
    ds_reason reason;               /* in these; REASON_UNSPECIFIED where there is none */
    struct ds_bytes response;       /* the response on the wire */
    int32_t retry_after_ms;         /* 0: at once, or the service said nothing; negative: never */
    bool is_unreached;              /* nobody seems to be there */

    void *owner;                  /* of what the views point to */
    void (*release)(void *owner); /* NULL: there is nothing to free */
};

/* The struct may be used again. */
void answer_release(struct answer *answer);

/* Makes a call and waits for it. The caller releases the answer. */
typedef void (*answer_call_fn)(void *context, const struct ds_method *method,
                               struct ds_bytes payload, struct answer *ret_answer);

#endif
