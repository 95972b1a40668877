/* The frames of the calls that go out as one message. Private to ds_common. */
#ifndef DS_CHANNEL_FRAMES_H
#define DS_CHANNEL_FRAMES_H

#include "ds/frame.h"
#include "ds/frame_header.h"

#define DS_CALL_FRAMES_PARTS_MAX (2 * DS_FRAMES_PER_MESSAGE_MAX)

struct ds_call_frames {
    size_t count;
    struct ds_buffer heads;
    size_t head_ends[DS_FRAMES_PER_MESSAGE_MAX]; /* in heads */
    struct ds_bytes payloads[DS_FRAMES_PER_MESSAGE_MAX];
    struct ds_buffer packed; /* the payload that is compressed */
    struct ds_buffer kept;   /* copies of payloads */
    size_t packed_count;
};

/* What a call takes in a message at most. */
size_t ds_call_frame_bytes_max(const struct ds_client_call *call);

void ds_call_frames_init(struct ds_call_frames *frames, size_t call_count_max);
void ds_call_frames_deinit(struct ds_call_frames *frames);

/* Adds a call's frame, whose payload stays the caller's. */
void ds_call_frames_add(struct ds_call_frames *frames, const struct ds_client_call *call,
                        const struct ds_request_stamp *stamp);

/* The same, with the payload compressed where that pays. At most one call of a message. */
void ds_call_frames_add_packed(struct ds_call_frames *frames, const struct ds_client_call *call,
                               const struct ds_request_stamp *stamp);

/* Copies the payloads, which are small: the calls' own are not read any more. */
void ds_call_frames_keep(struct ds_call_frames *frames);

/* The message in parts, which are views; returns how many. */
size_t ds_call_frames_parts(const struct ds_call_frames *frames,
                            struct ds_bytes parts[DS_CALL_FRAMES_PARTS_MAX]);

#endif
