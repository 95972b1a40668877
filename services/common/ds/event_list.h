/* A deltastream.rpc.v1.ListEventsResponse, written and read by hand: its events are a thousand rows
 * at a time. */
#ifndef DS_EVENT_LIST_H
#define DS_EVENT_LIST_H

#include "ds/event_frame.h"
#include "ds/wire.h"

/* Of a response; one event is let pass whatever its size. */
#define DS_EVENT_LIST_EVENTS_MAX 1000
#define DS_EVENT_LIST_BYTES_MAX (1024 * 1024)

/* What a response says beside its events. */
struct ds_event_list {
    uint64_t epoch;
    uint64_t newest_sequence;
    uint64_t through_sequence;
};

void ds_event_list_write_event(struct ds_buffer *response, const struct ds_event_header *header,
                               struct ds_bytes payload);

/* How many bytes that appends. */
size_t ds_event_list_event_size(const struct ds_event_header *header, size_t payload_bytes);

void ds_event_list_write_end(struct ds_buffer *response, const struct ds_event_list *list);

/* False where the bytes are no ListEventsResponse, or one without an epoch, or one of whose events
 * ds_event_header_read() refuses. */
bool ds_event_list_read(struct ds_bytes response, struct ds_event_list *ret_list);

/* The next event of a response that has been read; false behind the last one. `reader` begins at
 * the response's first byte. */
bool ds_event_list_next(struct ds_wire_reader *reader, struct ds_event_frame *ret_event);

#endif
