/* The calls under way that somebody may give up, by a CANCEL frame or by hanging up, or look at.
 * Private to ds_common. */
#ifndef DS_RPC_CALLS_H
#define DS_RPC_CALLS_H

#include "ds/rpc_call.h"

/* Between these the call can be cancelled from any thread. */
void ds_rpc_calls_add(struct ds_rpc_server *server, struct ds_call *call);
/* Does nothing to a call that was not added. */
void ds_rpc_calls_remove(struct ds_rpc_server *server, struct ds_call *call);

/*
 * Cancels the calls that the CANCEL frame in `canceller` names: those of its client_id and call_id,
 * from whatever connection; without a client_id those of its connection and call_id that have none
 * either. False where there is none.
 */
bool ds_rpc_calls_cancel(struct ds_rpc_server *server, const struct ds_call *canceller);

/* Cancels the calls of a connection that is gone. */
void ds_rpc_calls_cancel_peer(struct ds_rpc_server *server, uint64_t peer_id);

#endif
