/* The pieces of protobuf's wire format that we read and write by hand: varints, tags,
 * length-delimited fields. */
#ifndef DS_WIRE_H
#define DS_WIRE_H

#include "ds/buffer.h"

enum ds_wire_type {
    DS_WIRE_VARINT = 0,
    DS_WIRE_FIXED64 = 1,
    DS_WIRE_BYTES = 2,
    DS_WIRE_FIXED32 = 5,
};

#define DS_VARINT_BYTES_MAX 10

static inline size_t ds_varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

/* Writes at most DS_VARINT_BYTES_MAX bytes and returns how many. */
static inline size_t ds_varint_put(uint8_t *target, uint64_t value)
{
    size_t size = 0;
    while (value >= 0x80) {
        target[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    target[size++] = (uint8_t)value;
    return size;
}

static inline void ds_store_fixed32(uint8_t target[4], uint32_t value)
{
    target[0] = (uint8_t)value;
    target[1] = (uint8_t)(value >> 8);
    target[2] = (uint8_t)(value >> 16);
    target[3] = (uint8_t)(value >> 24);
}

static inline void ds_store_fixed64(uint8_t target[8], uint64_t value)
{
    ds_store_fixed32(target, (uint32_t)value);
    ds_store_fixed32(target + 4, (uint32_t)(value >> 32));
}

/* A place in wire bytes; what the functions below read comes off its front. */
struct ds_wire_reader {
    const uint8_t *next;
    const uint8_t *end;
};

static inline struct ds_wire_reader ds_wire_reader_of(struct ds_bytes bytes)
{
    /* Not data + 0, which is undefined where data is NULL. */
    return (struct ds_wire_reader){.next = bytes.data,
                                   .end = bytes.size == 0 ? bytes.data : bytes.data + bytes.size};
}

static inline bool ds_wire_at_end(const struct ds_wire_reader *reader)
{
    return reader->next == reader->end;
}

bool ds_wire_read_varint_slow(struct ds_wire_reader *reader, uint64_t *ret_value);
bool ds_wire_read_tag_slow(struct ds_wire_reader *reader, uint32_t *ret_number,
                           enum ds_wire_type *ret_type);

/* False where the bytes end early or the varint has more than ten bytes. */
static inline bool ds_wire_read_varint(struct ds_wire_reader *reader, uint64_t *ret_value)
{
    if (reader->next != reader->end && *reader->next < 0x80) {
        *ret_value = *reader->next++;
        return true;
    }
    return ds_wire_read_varint_slow(reader, ret_value);
}

/* The wire types that are allowed, as bits. */
#define DS_WIRE_TYPES_KNOWN                                                                        \
    (1U << DS_WIRE_VARINT | 1U << DS_WIRE_FIXED64 | 1U << DS_WIRE_BYTES | 1U << DS_WIRE_FIXED32)

/* False also for field number 0, a number above 2^29 - 1, a tag of more than five bytes and the
 * wire types 3, 4, 6 and 7. */
static inline bool ds_wire_read_tag(struct ds_wire_reader *reader, uint32_t *ret_number,
                                    enum ds_wire_type *ret_type)
{
    const uint32_t tag = reader->next == reader->end ? 0 : *reader->next;
    if (tag >= 8 && tag < 0x80 && (DS_WIRE_TYPES_KNOWN >> (tag & 7) & 1) != 0) {
        reader->next++;
        *ret_number = tag >> 3;
        *ret_type = (enum ds_wire_type)(tag & 7);
        return true;
    }
    return ds_wire_read_tag_slow(reader, ret_number, ret_type);
}

/* False also where the length takes more than five bytes. */
bool ds_wire_read_bytes_slow(struct ds_wire_reader *reader, struct ds_bytes *ret_bytes);

static inline bool ds_wire_read_bytes(struct ds_wire_reader *reader, struct ds_bytes *ret_bytes)
{
    if (reader->next != reader->end && *reader->next < 0x80 &&
        *reader->next < (size_t)(reader->end - reader->next)) {
        *ret_bytes = ds_bytes_of(reader->next + 1, *reader->next);
        reader->next += 1 + ret_bytes->size;
        return true;
    }
    return ds_wire_read_bytes_slow(reader, ret_bytes);
}

static inline uint32_t ds_load_fixed32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static inline uint64_t ds_load_fixed64(const uint8_t *bytes)
{
    return (uint64_t)ds_load_fixed32(bytes) | (uint64_t)ds_load_fixed32(bytes + 4) << 32;
}

static inline bool ds_wire_read_fixed64(struct ds_wire_reader *reader, uint64_t *ret_value)
{
    if (reader->end - reader->next < 8) {
        return false;
    }
    *ret_value = ds_load_fixed64(reader->next);
    reader->next += 8;
    return true;
}

static inline bool ds_wire_read_fixed32(struct ds_wire_reader *reader, uint32_t *ret_value)
{
    if (reader->end - reader->next < 4) {
        return false;
    }
    *ret_value = ds_load_fixed32(reader->next);
    reader->next += 4;
    return true;
}

/* Passes over the value that follows a tag of that wire type. */
bool ds_wire_skip(struct ds_wire_reader *reader, enum ds_wire_type type);

void ds_wire_write_varint(struct ds_buffer *buffer, uint64_t value);
void ds_wire_write_tag(struct ds_buffer *buffer, uint32_t number, enum ds_wire_type type);
void ds_wire_write_varint_field(struct ds_buffer *buffer, uint32_t number, uint64_t value);
void ds_wire_write_bytes_field(struct ds_buffer *buffer, uint32_t number, struct ds_bytes bytes);

#endif
