/*
 * Payloads as zstd frames. Nothing else of ours knows zstd. Any thread.
 *
 * A compressed payload is one zstd frame from end to end, and its header tells the size of its
 * content. So the reader knows what it will cost before it begins, allocates that once, and
 * needs no window: what a small payload can make of itself is bounded by what the reader allows.
 */
#ifndef DS_COMPRESS_H
#define DS_COMPRESS_H

#include "ds/buffer.h"
#include "ds/code.h"

/* Bits of accept_encodings in RequestHeader and HelloResponse. */
#define DS_ENCODING_ZSTD 1U

/* Smaller payloads are not worth the work: see docs/rpc.md for what was measured. */
#define DS_COMPRESS_BYTES_MIN (16 * 1024)

/*
 * Appends `plain` as a zstd frame and tells whether that paid: the frame has less than 7/8 of
 * plain's size. Where it does not, or plain has less than DS_COMPRESS_BYTES_MIN or more than
 * DS_FRAME_PAYLOAD_BYTES_MAX, nothing is appended.
 */
bool ds_compress(struct ds_bytes plain, struct ds_buffer *packed);

/* How many bytes a payload says that it expands to; looks at its head only. DS_INVALID_ARGUMENT
 * where it is no zstd frame that tells. */
DS_MUST_USE ds_code ds_compress_plain_bytes(struct ds_bytes packed, size_t *ret_plain_bytes);

/* Expands a payload into exactly plain_bytes, which ds_compress_plain_bytes() has told.
 * DS_INVALID_ARGUMENT where it is damaged, is more than one frame, or has more or less; `plain`
 * then holds anything. */
DS_MUST_USE ds_code ds_decompress(struct ds_bytes packed, uint8_t *plain, size_t plain_bytes);

/* What the idle contexts hold; each call under way has one more of its own. */
uint64_t ds_compress_idle_bytes(void);

#endif
