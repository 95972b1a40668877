/* Calls into a service of the same process. */
#ifndef FEED_DIRECT_CALL_H
#define FEED_DIRECT_CALL_H

#include "clients/common/answer.h"
#include "ds/rpc_client.h"

struct direct_caller {
    struct ds_channel *channel;
    const struct ds_principal *principal;
};

/* An answer_call_fn, whose context is a struct direct_caller. */
void direct_call(void *context, const struct ds_method *method, struct ds_bytes payload,
                 struct answer *ret_answer);

#endif
