/* What the calls of one message read out of its reply, which they share. Private to ds_common. */
#ifndef DS_CHANNEL_REPLY_H
#define DS_CHANNEL_REPLY_H

#include "ds/frame.h"
#include "ds/frame_header.h"
#include "ds/sp_dialer.h"

struct ds_shared_reply;

/* Takes the reply; the caller has a reference. */
struct ds_shared_reply *ds_shared_reply_create(struct ds_sp_reply *reply);
void ds_shared_reply_unref(struct ds_shared_reply *shared);

struct ds_bytes ds_shared_reply_bytes(const struct ds_shared_reply *shared);

/* Fills the second part of a call from the frame that answers it, whose header has been read. The
 * call has a reference from now on. False, and nothing of that, where the payload can't be read. */
bool ds_shared_reply_take(struct ds_shared_reply *shared, const struct ds_response_header *header,
                          const struct ds_frame *frame, struct ds_client_call *call);

#endif
