/*
 * The frame: what the body of a message is made of. A message carries one or more frames, end
 * to end. docs/rpc.md has the bytes.
 *
 *   offset size
 *        0    3  "DSR"
 *        3    1  version = 1
 *        4    1  type
 *        5    1  flags: enum ds_frame_flag
 *        6    2  reserved, 0
 *        8    4  header length, little endian
 *       12    4  payload length, little endian
 *       16       header (deltastream.rpc.v1.RequestHeader or ResponseHeader), then payload
 */
#ifndef DS_FRAME_H
#define DS_FRAME_H

#include "ds/buffer.h"
#include "ds/code.h"

#define DS_FRAME_VERSION 1
#define DS_FRAME_PREFACE_BYTES 16
#define DS_FRAME_HEADER_BYTES_MAX (64 * 1024)
#define DS_FRAME_PAYLOAD_BYTES_MAX (16 * 1024 * 1024)
/* The largest message: a frame of the largest size. */
#define DS_MESSAGE_BYTES_MAX                                                                       \
    (DS_FRAME_PREFACE_BYTES + DS_FRAME_HEADER_BYTES_MAX + DS_FRAME_PAYLOAD_BYTES_MAX)
#define DS_FRAMES_PER_MESSAGE_MAX 64
#define DS_SHARED_REQUEST_BYTES_MAX (64 * 1024)
/* That a call may ask for which shares its message. */
#define DS_SHARED_ROWS_MAX 1000

enum ds_frame_type {
    DS_FRAME_REQUEST = 1,
    DS_FRAME_RESPONSE = 2,
    DS_FRAME_VERSION_REJECT =
        3,              /* payload: lowest and highest version, one byte each; never changes */
    DS_FRAME_EVENT = 4, /* ds/event_frame.h */
    DS_FRAME_CANCEL = 6,
};

enum ds_frame_flag {
    DS_FRAME_ZSTD = 1, /* the payload is compressed: ds/compress.h */
};

struct ds_frame {
    uint8_t type;
    uint8_t flags;
    struct ds_bytes header;
    struct ds_bytes payload;
};

/*
 * Takes the next frame off the front of *message; the views point into it. DS_INVALID_ARGUMENT
 * where the bytes are no frame or lengths pass the limits, DS_UNIMPLEMENTED where the frame's
 * version is another one.
 */
DS_MUST_USE ds_code ds_frame_next(struct ds_bytes *message, struct ds_frame *ret_frame);

/* Writes the 16 bytes before a header and a payload of those lengths. */
void ds_frame_write_preface(uint8_t target[DS_FRAME_PREFACE_BYTES], enum ds_frame_type type,
                            uint8_t flags, size_t header_bytes, size_t payload_bytes);

#endif
