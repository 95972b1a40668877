/* What a service hands to a server: its methods' handlers, wrapped by the generator so that types
 * are checked. */
#ifndef DS_SERVICE_H
#define DS_SERVICE_H

#include "ds/code.h"
#include "ds/schema.h"

struct ds_call;

/*
 * Runs one method. `request` is unpacked and checked, `response` is initialised; both live in the
 * call's arena. Returns the call's code, or DS_DEFERRED when it will call ds_call_complete() later.
 * Runs on the thread of the method's pool; a method of DS_POOL_INLINE must not block.
 */
typedef ds_code (*ds_handler_fn)(void *context, struct ds_call *call,
                                 const ProtobufCMessage *request, ProtobufCMessage *response);

struct ds_service_handlers {
    const struct ds_service *service;
    const ds_handler_fn *handlers; /* by ds_method.index */
};

#endif
