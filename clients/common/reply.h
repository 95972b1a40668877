/* Replies unpacked, after the check without which protobuf-c may not see bytes of others. Nothing
 * here blocks; any thread. */
#ifndef CLIENTS_REPLY_H
#define CLIENTS_REPLY_H

#include "clients/common/answer.h"
#include "ds/arena.h"

/*
 * Unpacks the response of a call that ended with DS_OK, as its method says, into
 * `arena`. DS_DATA_LOSS where it is damaged or needs more memory than the arena gives: the answer
 * has that as its code then and a message.
 */
DS_MUST_USE ds_code reply_unpack(struct answer *answer, struct ds_arena *arena,
                                 const ProtobufCMessage **ret_reply);

#endif
