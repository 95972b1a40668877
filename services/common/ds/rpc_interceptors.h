/* The interceptors of every call, in one list. Private to ds_common. */
#ifndef DS_RPC_INTERCEPTORS_H
#define DS_RPC_INTERCEPTORS_H

#include "ds/rpc_call.h"

/* Passes the call through all that stands before its handler. The first that does not answer DS_OK
 * ends it there: DS_DEFERRED where it has gone elsewhere, else it is refused. */
ds_code ds_rpc_interceptors_before(struct ds_call *call);

/* Passes a finished call, whose code is set, through all that stands behind its handler. */
void ds_rpc_interceptors_after(struct ds_call *call);

/* How long a caller stays away that was turned away for load. */
#define DS_RPC_BUSY_RETRY_MS 100

/* rpc_limits.c: finds the method, and refuses what is too large or comes while the server, or the
 * caller's connection, has no room for it. */
ds_code ds_rpc_check_limits(struct ds_call *call);

/* rpc_identity.c: who calls, and whether it may. */
ds_code ds_rpc_authenticate(struct ds_call *call);
ds_code ds_rpc_check_permission(struct ds_call *call);

#endif
