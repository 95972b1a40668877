/* Compressed payloads on the server's side. Private to ds_common. */
#ifndef DS_RPC_PAYLOAD_H
#define DS_RPC_PAYLOAD_H

#include "ds/rpc_call.h"

/* Whether the method takes a request of that size, expanded. Expands nothing, so that it may come
 * before it is known who calls. */
DS_MUST_USE ds_code ds_rpc_payload_check(struct ds_call *call);

/* Makes a compressed request plain, in the call's arena. Does nothing to a plain one. */
DS_MUST_USE ds_code ds_rpc_payload_expand(struct ds_call *call);

/* Whether the caller reads a compressed response, and the response is one for it. */
bool ds_rpc_payload_may_pack_response(const struct ds_call *call);

/* Compresses the response of a finished call where that pays; takes some 4 ms a MB. */
void ds_rpc_payload_pack_response(struct ds_call *call);

#endif
