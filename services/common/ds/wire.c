#include "ds/wire.h"

#include <assert.h>

#define FIELD_NUMBER_MAX ((1U << 29) - 1)

/* Tags and lengths are 32 bits wide; protobuf-c refuses longer ones too. */
#define VARINT32_BYTES_MAX 5

static bool read_varint_of(struct ds_wire_reader *reader, size_t bytes_max, uint64_t *ret_value)
{
    const size_t available = (size_t)(reader->end - reader->next);
    const size_t count = available < bytes_max ? available : bytes_max;
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = reader->next[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            reader->next += i + 1;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Loads the next eight bytes, or where there are fewer, but four at least, those with zeros behind
 * them: by two loads that overlap. */
static uint64_t load_front(const struct ds_wire_reader *reader, size_t available)
{
    uint64_t word;
    uint32_t front;
    uint32_t back;
    if (available >= sizeof word) {
        memcpy(&word, reader->next, sizeof word);
        return word;
    }
    memcpy(&front, reader->next, sizeof front);
    memcpy(&back, reader->end - sizeof back, sizeof back);
    return front | (uint64_t)back << (8 * (available - sizeof back));
}

/* A varint of at most eight bytes where four bytes can be loaded: its groups of seven bits are
 * moved together in three steps. False where it is longer, or goes on past the end. */
static bool read_short_varint(struct ds_wire_reader *reader, uint64_t *ret_value)
{
    const size_t available = (size_t)(reader->end - reader->next);
    if (available < sizeof(uint32_t)) {
        return false;
    }
    uint64_t word = load_front(reader, available);
    const uint64_t last = ~word & 0x8080808080808080ULL;
    if (last == 0) {
        return false;
    }
    const size_t size = (size_t)__builtin_ctzll(last) / 8 + 1;
    if (size > available) {
        return false;
    }
    /* All bits up to the top one of the first byte without a continuation bit. */
    word &= last ^ (last - 1);
    word = (word & 0x007f007f007f007fULL) | (word & 0x7f007f007f007f00ULL) >> 1;
    word = (word & 0x00003fff00003fffULL) | (word & 0x3fff00003fff0000ULL) >> 2;
    word = (word & 0x000000000fffffffULL) | (word & 0x0fffffff00000000ULL) >> 4;
    reader->next += size;
    *ret_value = word;
    return true;
}
#else
static bool read_short_varint(struct ds_wire_reader *reader, uint64_t *ret_value)
{
    (void)reader;
    (void)ret_value;
    return false;
}
#endif

bool ds_wire_read_varint_slow(struct ds_wire_reader *reader, uint64_t *ret_value)
{
    return read_short_varint(reader, ret_value) ||
           read_varint_of(reader, DS_VARINT_BYTES_MAX, ret_value);
}

bool ds_wire_read_tag_slow(struct ds_wire_reader *reader, uint32_t *ret_number,
                           enum ds_wire_type *ret_type)
{
    uint64_t tag;
    if (!read_varint_of(reader, VARINT32_BYTES_MAX, &tag)) {
        return false;
    }
    const uint64_t number = tag >> 3;
    if (number == 0 || number > FIELD_NUMBER_MAX || (DS_WIRE_TYPES_KNOWN >> (tag & 7) & 1) == 0) {
        return false;
    }
    *ret_number = (uint32_t)number;
    *ret_type = (enum ds_wire_type)(tag & 7);
    return true;
}

bool ds_wire_read_bytes_slow(struct ds_wire_reader *reader, struct ds_bytes *ret_bytes)
{
    uint64_t size;
    struct ds_wire_reader ahead = *reader;
    if (!read_varint_of(&ahead, VARINT32_BYTES_MAX, &size) ||
        size > (size_t)(ahead.end - ahead.next)) {
        return false;
    }
    *ret_bytes = ds_bytes_of(ahead.next, (size_t)size);
    reader->next = ahead.next + size;
    return true;
}

static bool skip_bytes(struct ds_wire_reader *reader, size_t size)
{
    if ((size_t)(reader->end - reader->next) < size) {
        return false;
    }
    reader->next += size;
    return true;
}

bool ds_wire_skip(struct ds_wire_reader *reader, enum ds_wire_type type)
{
    uint64_t value;
    struct ds_bytes bytes;
    switch (type) {
    case DS_WIRE_VARINT:
        return ds_wire_read_varint(reader, &value);
    case DS_WIRE_FIXED64:
        return skip_bytes(reader, 8);
    case DS_WIRE_BYTES:
        return ds_wire_read_bytes(reader, &bytes);
    case DS_WIRE_FIXED32:
        return skip_bytes(reader, 4);
    }
    return false;
}

void ds_wire_write_varint(struct ds_buffer *buffer, uint64_t value)
{
    uint8_t bytes[DS_VARINT_BYTES_MAX];
    ds_buffer_append(buffer, bytes, ds_varint_put(bytes, value));
}

static uint64_t tag_of(uint32_t number, enum ds_wire_type type)
{
    assert(number >= 1 && number <= FIELD_NUMBER_MAX);
    return (uint64_t)number << 3 | (uint64_t)type;
}

void ds_wire_write_tag(struct ds_buffer *buffer, uint32_t number, enum ds_wire_type type)
{
    ds_wire_write_varint(buffer, tag_of(number, type));
}

void ds_wire_write_varint_field(struct ds_buffer *buffer, uint32_t number, uint64_t value)
{
    uint8_t field[2 * DS_VARINT_BYTES_MAX];
    size_t size = ds_varint_put(field, tag_of(number, DS_WIRE_VARINT));
    size += ds_varint_put(field + size, value);
    ds_buffer_append(buffer, field, size);
}

void ds_wire_write_bytes_field(struct ds_buffer *buffer, uint32_t number, struct ds_bytes bytes)
{
    uint8_t head[2 * DS_VARINT_BYTES_MAX];
    size_t size = ds_varint_put(head, tag_of(number, DS_WIRE_BYTES));
    size += ds_varint_put(head + size, bytes.size);
    ds_buffer_append(buffer, head, size);
    ds_buffer_append(buffer, bytes.data, bytes.size);
}
