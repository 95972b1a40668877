/* Replies unpacked, after the check without which protobuf-c may not see bytes of others. Nothing
 * here blocks; any thread. */
#ifndef CLIENTS_REPLY_H
#define CLIENTS_REPLY_H

#include "ds/arena.h"
#include "ds/rpc_client.h"

/*
 * Unpacks the reply of a call that ended with DS_OK, as a message of its method's response, into
 * `arena`. DS_DATA_LOSS where it is damaged or needs more memory than the arena gives: the call has
 * that as its code then and a message.
 */
DS_MUST_USE ds_code reply_unpack(struct ds_client_call *call, struct ds_arena *arena,
                                 const ProtobufCMessage **ret_reply);

#endif
