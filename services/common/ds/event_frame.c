#include "ds/event_frame.h"

#include "ds/frame.h"
#include "ds/frame_header.h"
#include "ds/utf8.h"
#include "ds/wire.h"

/* The fields of EventHeader. */
#define TOPIC 1
#define EPOCH 2
#define SEQUENCE 3
#define PUBLISHED_AT_US 4
#define IS_HEARTBEAT 5
#define NEWEST_SEQUENCE 6
#define IS_LEFT_OUT 7

#define FIXED64_FIELD_BYTES 9
#define BOOL_FIELD_BYTES 2

static void write_number(struct ds_buffer *target, uint32_t field, uint64_t value)
{
    if (value != 0) {
        ds_wire_write_varint_field(target, field, value);
    }
}

void ds_event_header_write(struct ds_buffer *target, const struct ds_event_header *header)
{
    ds_wire_write_bytes_field(target, TOPIC, header->topic);
    ds_wire_write_fixed64_field(target, EPOCH, header->epoch);
    write_number(target, SEQUENCE, header->sequence);
    ds_wire_write_fixed64_field(target, PUBLISHED_AT_US, (uint64_t)header->published_at_us);
    write_number(target, IS_HEARTBEAT, header->is_heartbeat);
    write_number(target, NEWEST_SEQUENCE, header->newest_sequence);
    write_number(target, IS_LEFT_OUT, header->is_left_out);
}

static size_t number_size(uint64_t value)
{
    return value == 0 ? 0 : 1 + ds_varint_size(value);
}

size_t ds_event_header_size(const struct ds_event_header *header)
{
    return 1 + ds_varint_size(header->topic.size) + header->topic.size + 2 * FIXED64_FIELD_BYTES +
           number_size(header->sequence) + (header->is_heartbeat ? BOOL_FIELD_BYTES : 0) +
           number_size(header->newest_sequence) + (header->is_left_out ? BOOL_FIELD_BYTES : 0);
}

static void take_number(struct ds_event_header *header, uint32_t field, uint64_t value)
{
    if (field == SEQUENCE) {
        header->sequence = value;
    } else if (field == IS_HEARTBEAT) {
        header->is_heartbeat = value != 0;
    } else if (field == NEWEST_SEQUENCE) {
        header->newest_sequence = value;
    } else if (field == IS_LEFT_OUT) {
        header->is_left_out = value != 0;
    }
}

static void take_fixed64(struct ds_event_header *header, uint32_t field, uint64_t value)
{
    if (field == EPOCH) {
        header->epoch = value;
    } else if (field == PUBLISHED_AT_US) {
        header->published_at_us = (int64_t)value;
    }
}

static bool read_field(struct ds_wire_reader *reader, struct ds_event_header *header)
{
    uint32_t field;
    enum ds_wire_type type;
    uint64_t value;
    if (!ds_wire_read_tag(reader, &field, &type)) {
        return false;
    }
    if (type == DS_WIRE_VARINT) {
        if (!ds_wire_read_varint(reader, &value)) {
            return false;
        }
        take_number(header, field, value);
        return true;
    }
    if (type == DS_WIRE_FIXED64) {
        if (!ds_wire_read_fixed64(reader, &value)) {
            return false;
        }
        take_fixed64(header, field, value);
        return true;
    }
    return field == TOPIC && type == DS_WIRE_BYTES ? ds_wire_read_bytes(reader, &header->topic)
                                                   : ds_wire_skip(reader, type);
}

static bool topic_is_valid(struct ds_bytes topic)
{
    return topic.size > 0 && topic.size <= DS_EVENT_TOPIC_BYTES_MAX &&
           ds_utf8_valid_without_nul(topic);
}

bool ds_event_header_read(struct ds_bytes bytes, struct ds_event_header *ret_header)
{
    struct ds_event_header header = {.epoch = 0};
    struct ds_wire_reader reader = ds_wire_reader_of(bytes);
    while (!ds_wire_at_end(&reader)) {
        if (!read_field(&reader, &header)) {
            return false;
        }
    }
    const bool is_numbered = (header.sequence == 0) == header.is_heartbeat;
    if (!topic_is_valid(header.topic) || header.epoch == 0 || !is_numbered) {
        return false;
    }
    *ret_header = header;
    return true;
}

void ds_event_message_begin(struct ds_buffer *target, struct ds_bytes topic)
{
    ds_buffer_append(target, topic.data, topic.size);
    ds_buffer_append_byte(target, '\0');
}

size_t ds_event_frame_size(const struct ds_event_header *header, size_t payload_bytes)
{
    return DS_FRAME_PREFACE_BYTES + ds_event_header_size(header) + payload_bytes;
}

void ds_event_frame_write(struct ds_buffer *target, const struct ds_event_header *header,
                          struct ds_bytes payload)
{
    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    ds_frame_write_preface(preface, DS_FRAME_EVENT, 0, ds_event_header_size(header), payload.size);
    ds_buffer_append(target, preface, sizeof preface);
    ds_event_header_write(target, header);
    ds_buffer_append(target, payload.data, payload.size);
}

ds_code ds_event_message_open(struct ds_bytes *message, struct ds_bytes *ret_topic)
{
    const size_t bytes_max =
        message->size < DS_EVENT_TOPIC_BYTES_MAX + 1 ? message->size : DS_EVENT_TOPIC_BYTES_MAX + 1;
    const uint8_t *end = bytes_max == 0 ? NULL : memchr(message->data, '\0', bytes_max);
    if (end == NULL || end == message->data) {
        return DS_INVALID_ARGUMENT;
    }
    const size_t topic_bytes = (size_t)(end - message->data);
    *ret_topic = ds_bytes_of(message->data, topic_bytes);
    *message = ds_bytes_of(end + 1, message->size - topic_bytes - 1);
    return DS_OK;
}

ds_code ds_event_frame_next(struct ds_bytes *message, struct ds_bytes topic,
                            struct ds_event_frame *ret_frame)
{
    struct ds_bytes rest = *message;
    struct ds_frame frame;
    struct ds_event_header header;
    DS_TRY(ds_frame_next(&rest, &frame));
    if (frame.type != DS_FRAME_EVENT || frame.flags != 0 ||
        !ds_event_header_read(frame.header, &header) || !ds_bytes_equal(header.topic, topic)) {
        return DS_INVALID_ARGUMENT;
    }
    *message = rest;
    *ret_frame = (struct ds_event_frame){.header = header, .payload = frame.payload};
    return DS_OK;
}
