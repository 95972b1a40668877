#include "clients/feed/direct_call.h"

#include <stdlib.h>

static void release(void *owner)
{
    struct ds_client_call *call = owner;
    ds_client_call_release(call);
    free(call);
}

void direct_call(void *context, const struct ds_method *method, struct ds_bytes payload,
                 struct answer *ret_answer)
{
    const struct direct_caller *caller = context;
    struct ds_client_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        abort();
    }
    *call = (struct ds_client_call){
        .method = method, .payload = payload, .principal = caller->principal};
    const ds_code code = ds_channel_call_wait(caller->channel, call);
    *ret_answer = (struct answer){.method = method,
                                  .code = code,
                                  .message = call->message,
                                  .status_details = call->status_details,
                                  .reason = ds_status_reason(call->status_details),
                                  .response = call->response,
                                  .retry_after_ms = call->retry_pushback_ms,
                                  .owner = call,
                                  .release = release};
}
