#include "ds/frame.h"

#include "ds/wire.h"

static const uint8_t magic[3] = {'D', 'S', 'R'};

static void write_u32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    to[2] = (uint8_t)(value >> 16);
    to[3] = (uint8_t)(value >> 24);
}

ds_code ds_frame_next(struct ds_bytes *message, struct ds_frame *ret_frame)
{
    const uint8_t *preface = message->data;
    if (message->size < DS_FRAME_PREFACE_BYTES || memcmp(preface, magic, sizeof magic) != 0) {
        return DS_INVALID_ARGUMENT;
    }
    if (preface[3] != DS_FRAME_VERSION) {
        return DS_UNIMPLEMENTED;
    }
    const size_t header_bytes = ds_load_fixed32(preface + 8);
    const size_t payload_bytes = ds_load_fixed32(preface + 12);
    const size_t rest = message->size - DS_FRAME_PREFACE_BYTES;
    if (header_bytes > DS_FRAME_HEADER_BYTES_MAX || payload_bytes > DS_FRAME_PAYLOAD_BYTES_MAX ||
        header_bytes > rest || payload_bytes > rest - header_bytes) {
        return DS_INVALID_ARGUMENT;
    }
    const uint8_t *header = preface + DS_FRAME_PREFACE_BYTES;
    *ret_frame = (struct ds_frame){
        .type = preface[4],
        .flags = preface[5],
        .header = ds_bytes_of(header, header_bytes),
        .payload = ds_bytes_of(header + header_bytes, payload_bytes),
    };
    message->data = header + header_bytes + payload_bytes;
    message->size = rest - header_bytes - payload_bytes;
    return DS_OK;
}

void ds_frame_write_preface(uint8_t target[DS_FRAME_PREFACE_BYTES], enum ds_frame_type type,
                            uint8_t flags, size_t header_bytes, size_t payload_bytes)
{
    memcpy(target, magic, sizeof magic);
    target[3] = DS_FRAME_VERSION;
    target[4] = (uint8_t)type;
    target[5] = flags;
    target[6] = 0;
    target[7] = 0;
    write_u32(target + 8, (uint32_t)header_bytes);
    write_u32(target + 12, (uint32_t)payload_bytes);
}
