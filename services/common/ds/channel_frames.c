#include "ds/channel_frames.h"

#include "ds/compress.h"

#include <assert.h>

/* What a head takes at most. */
#define HEAD_BYTES_MAX (DS_FRAME_PREFACE_BYTES + DS_FRAME_HEADER_BYTES_MAX)

size_t ds_call_frame_bytes_max(const struct ds_client_call *call)
{
    return DS_FRAME_PREFACE_BYTES + ds_request_header_bytes_max(call) + call->payload.size;
}

void ds_call_frames_init(struct ds_call_frames *frames, size_t call_count_max)
{
    assert(call_count_max <= DS_FRAMES_PER_MESSAGE_MAX);
    frames->count = 0;
    frames->packed_count = 0;
    ds_buffer_init(&frames->heads, HEAD_BYTES_MAX * call_count_max);
    ds_buffer_init(&frames->packed, DS_FRAME_PAYLOAD_BYTES_MAX);
    ds_buffer_init(&frames->kept, DS_SHARED_REQUEST_BYTES_MAX);
}

void ds_call_frames_deinit(struct ds_call_frames *frames)
{
    ds_buffer_deinit(&frames->heads);
    ds_buffer_deinit(&frames->packed);
    ds_buffer_deinit(&frames->kept);
}

static void add(struct ds_call_frames *frames, const struct ds_client_call *call,
                const struct ds_request_stamp *stamp, uint8_t flags, struct ds_bytes payload)
{
    const uint8_t preface[DS_FRAME_PREFACE_BYTES] = {0};
    struct ds_buffer *heads = &frames->heads;
    const size_t begin = heads->size;
    ds_buffer_append(heads, preface, sizeof preface);
    ds_request_header_write(heads, call, stamp);
    ds_frame_write_preface(heads->data + begin, DS_FRAME_REQUEST, flags,
                           heads->size - begin - sizeof preface, payload.size);
    frames->head_ends[frames->count] = heads->size;
    frames->payloads[frames->count++] = payload;
}

void ds_call_frames_add(struct ds_call_frames *frames, const struct ds_client_call *call,
                        const struct ds_request_stamp *stamp)
{
    add(frames, call, stamp, 0, call->payload);
}

void ds_call_frames_add_packed(struct ds_call_frames *frames, const struct ds_client_call *call,
                               const struct ds_request_stamp *stamp)
{
    assert(frames->packed_count == 0);
    if (!ds_compress(call->payload, &frames->packed)) {
        ds_call_frames_add(frames, call, stamp);
        return;
    }
    frames->packed_count = 1;
    add(frames, call, stamp, DS_FRAME_ZSTD, ds_buffer_bytes(&frames->packed));
}

void ds_call_frames_keep(struct ds_call_frames *frames)
{
    size_t begins[DS_FRAMES_PER_MESSAGE_MAX];
    for (size_t i = 0; i < frames->count; i++) {
        begins[i] = frames->kept.size;
        ds_buffer_append(&frames->kept, frames->payloads[i].data, frames->payloads[i].size);
    }
    assert(!frames->kept.overflow);
    for (size_t i = 0; i < frames->count; i++) {
        if (frames->payloads[i].size > 0) {
            frames->payloads[i].data = frames->kept.data + begins[i];
        }
    }
}

size_t ds_call_frames_parts(const struct ds_call_frames *frames,
                            struct ds_bytes parts[DS_CALL_FRAMES_PARTS_MAX])
{
    size_t begin = 0;
    for (size_t i = 0; i < frames->count; i++) {
        parts[2 * i] = ds_bytes_of(frames->heads.data + begin, frames->head_ends[i] - begin);
        parts[2 * i + 1] = frames->payloads[i];
        begin = frames->head_ends[i];
    }
    return 2 * frames->count;
}
