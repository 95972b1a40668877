#include "ds/event_list.h"

#include "ds/frame_header.h"

/* The fields of ListEventsResponse and of Event. */
#define EPOCH 1
#define NEWEST_SEQUENCE 2
#define THROUGH_SEQUENCE 3
#define EVENTS 4
#define EVENT_HEADER 1
#define EVENT_PAYLOAD 2

static size_t bytes_field_size(size_t size)
{
    return 1 + ds_varint_size(size) + size;
}

static size_t event_size(size_t header_bytes, size_t payload_bytes)
{
    return bytes_field_size(header_bytes) + bytes_field_size(payload_bytes);
}

size_t ds_event_list_event_size(const struct ds_event_header *header, size_t payload_bytes)
{
    return bytes_field_size(event_size(ds_event_header_size(header), payload_bytes));
}

void ds_event_list_write_event(struct ds_buffer *response, const struct ds_event_header *header,
                               struct ds_bytes payload)
{
    const size_t header_bytes = ds_event_header_size(header);
    ds_wire_write_tag(response, EVENTS, DS_WIRE_BYTES);
    ds_wire_write_varint(response, event_size(header_bytes, payload.size));
    ds_wire_write_tag(response, EVENT_HEADER, DS_WIRE_BYTES);
    ds_wire_write_varint(response, header_bytes);
    ds_event_header_write(response, header);
    ds_wire_write_bytes_field(response, EVENT_PAYLOAD, payload);
}

void ds_event_list_write_end(struct ds_buffer *response, const struct ds_event_list *list)
{
    ds_wire_write_fixed64_field(response, EPOCH, list->epoch);
    ds_wire_write_varint_field(response, NEWEST_SEQUENCE, list->newest_sequence);
    ds_wire_write_varint_field(response, THROUGH_SEQUENCE, list->through_sequence);
}

static bool read_event(struct ds_bytes bytes, struct ds_event_frame *ret_event)
{
    struct ds_bytes parts[EVENT_PAYLOAD + 1] = {{.data = NULL, .size = 0}};
    struct ds_wire_reader reader = ds_wire_reader_of(bytes);
    while (!ds_wire_at_end(&reader)) {
        uint32_t field;
        enum ds_wire_type type;
        if (!ds_wire_read_tag(&reader, &field, &type)) {
            return false;
        }
        const bool is_part = type == DS_WIRE_BYTES && field <= EVENT_PAYLOAD;
        if (is_part ? !ds_wire_read_bytes(&reader, &parts[field]) : !ds_wire_skip(&reader, type)) {
            return false;
        }
    }
    struct ds_event_header header;
    if (!ds_event_header_read(parts[EVENT_HEADER], &header) || header.is_heartbeat) {
        return false;
    }
    *ret_event = (struct ds_event_frame){.header = header, .payload = parts[EVENT_PAYLOAD]};
    return true;
}

static bool read_number(struct ds_wire_reader *reader, uint32_t field, enum ds_wire_type type,
                        struct ds_event_list *list)
{
    if (field == EPOCH && type == DS_WIRE_FIXED64) {
        return ds_wire_read_fixed64(reader, &list->epoch);
    }
    if (field == NEWEST_SEQUENCE && type == DS_WIRE_VARINT) {
        return ds_wire_read_varint(reader, &list->newest_sequence);
    }
    if (field == THROUGH_SEQUENCE && type == DS_WIRE_VARINT) {
        return ds_wire_read_varint(reader, &list->through_sequence);
    }
    return ds_wire_skip(reader, type);
}

bool ds_event_list_read(struct ds_bytes response, struct ds_event_list *ret_list)
{
    struct ds_event_list list = {.epoch = 0};
    struct ds_wire_reader reader = ds_wire_reader_of(response);
    while (!ds_wire_at_end(&reader)) {
        uint32_t field;
        enum ds_wire_type type;
        struct ds_bytes bytes;
        struct ds_event_frame event;
        if (!ds_wire_read_tag(&reader, &field, &type)) {
            return false;
        }
        if (field == EVENTS && type == DS_WIRE_BYTES) {
            if (!ds_wire_read_bytes(&reader, &bytes) || !read_event(bytes, &event)) {
                return false;
            }
        } else if (!read_number(&reader, field, type, &list)) {
            return false;
        }
    }
    if (list.epoch == 0) {
        return false;
    }
    *ret_list = list;
    return true;
}

bool ds_event_list_next(struct ds_wire_reader *reader, struct ds_event_frame *ret_event)
{
    while (!ds_wire_at_end(reader)) {
        uint32_t field;
        enum ds_wire_type type;
        struct ds_bytes bytes;
        if (!ds_wire_read_tag(reader, &field, &type)) {
            return false;
        }
        if (field != EVENTS || type != DS_WIRE_BYTES) {
            if (!ds_wire_skip(reader, type)) {
                return false;
            }
        } else {
            return ds_wire_read_bytes(reader, &bytes) && read_event(bytes, ret_event);
        }
    }
    return false;
}
