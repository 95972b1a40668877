/*
 * An event on the wire: a message of an event socket is the topic's text, a NUL, and then EVENT
 * frames of that one topic, so that a subscriber can filter by the message's beginning. The header
 * of such a frame is a deltastream.rpc.v1.EventHeader, written and read by hand and without memory
 * of its own, because every row passes here. docs/rpc.md has the bytes.
 */
#ifndef DS_EVENT_FRAME_H
#define DS_EVENT_FRAME_H

#include "ds/buffer.h"
#include "ds/code.h"

#define DS_EVENT_TOPIC_BYTES_MAX 255
/* A subscriber that does not read keeps messages in the publisher's memory: what is larger is left
 * out, and asked for with ListEvents. */
#define DS_EVENT_MESSAGE_BYTES_MAX (64 * 1024)

/* Views of the bytes that were read. */
struct ds_event_header {
    struct ds_bytes topic;
    uint64_t epoch;
    uint64_t sequence;
    int64_t published_at_us;
    bool is_heartbeat;
    uint64_t newest_sequence;
    bool is_left_out;
};

struct ds_event_frame {
    struct ds_event_header header;
    struct ds_bytes payload;
};

/* Appends the packed header. */
void ds_event_header_write(struct ds_buffer *target, const struct ds_event_header *header);

/* How many bytes that appends. */
size_t ds_event_header_size(const struct ds_event_header *header);

/* False where the bytes are no EventHeader of an event with a topic and an epoch, and with a number
 * where it is no heartbeat. */
bool ds_event_header_read(struct ds_bytes bytes, struct ds_event_header *ret_header);

/* Appends the beginning of a message of that topic. */
void ds_event_message_begin(struct ds_buffer *target, struct ds_bytes topic);

/* Appends a frame; header->topic is the message's. */
void ds_event_frame_write(struct ds_buffer *target, const struct ds_event_header *header,
                          struct ds_bytes payload);

/* How many bytes that appends. */
size_t ds_event_frame_size(const struct ds_event_header *header, size_t payload_bytes);

/* Takes the topic off the front of a message. DS_INVALID_ARGUMENT where the bytes do not begin with
 * one. */
DS_MUST_USE ds_code ds_event_message_open(struct ds_bytes *message, struct ds_bytes *ret_topic);

/*
 * Takes the next frame off the front of an opened message. DS_INVALID_ARGUMENT where it is no EVENT
 * frame of the topic, DS_UNIMPLEMENTED where it is of another version. Nothing is taken then.
 */
DS_MUST_USE ds_code ds_event_frame_next(struct ds_bytes *message, struct ds_bytes topic,
                                        struct ds_event_frame *ret_frame);

#endif
