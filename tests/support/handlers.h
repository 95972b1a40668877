/* Handlers for a service that a test stands in for: it answers what it names, and every other
 * method too, so that a new method of the service needs no change here. */
#ifndef TESTS_SUPPORT_HANDLERS_H
#define TESTS_SUPPORT_HANDLERS_H

#include "ds/call.h"
#include "ds/service.h"

#include <stdlib.h>

#define HANDLERS_MAX 256

static inline ds_code handler_of_nothing(void *context, struct ds_call *call,
                                         const ProtobufCMessage *request,
                                         ProtobufCMessage *response)
{
    (void)context;
    (void)request;
    (void)response;
    return ds_fail(call, DS_UNIMPLEMENTED, "the test does not answer this method");
}

/* Fills `handlers`, which has HANDLERS_MAX places by ds_method.index. */
static inline void handlers_fill(const struct ds_service *service, ds_handler_fn *handlers)
{
    if (service->method_count > HANDLERS_MAX) {
        abort();
    }
    for (size_t i = 0; i < service->method_count; i++) {
        handlers[i] = handler_of_nothing;
    }
}

#endif
