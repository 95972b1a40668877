/* One call's frames on the server's side: the request's header is read, the response's written.
 * Private to ds_common. */
#ifndef DS_RPC_FRAME_H
#define DS_RPC_FRAME_H

#include "ds/frame.h"
#include "ds/rpc_call.h"

/* Reads what the caller sent into call->request. A call id that can be read is kept also when the
 * rest is bad, so that the caller can tell which call failed. call->trusted is set. */
DS_MUST_USE ds_code ds_rpc_frame_read(struct ds_call *call, const struct ds_frame *frame);

/* Sets the text of a failure of the frame itself. */
DS_MUST_USE ds_code ds_rpc_frame_refuse(struct ds_call *call, const char *why);

/* Keeps the call id alone where the header has one, whatever else is in it. */
void ds_rpc_frame_take_call_id(struct ds_call *call, struct ds_bytes header);

/* The frame of a finished call up to its payload; stays until the call goes or is asked again. */
struct ds_bytes ds_rpc_frame_head(struct ds_call *call);

#endif
