/*
 * The headers of frames as the client writes and reads them: deltastream.rpc.v1.RequestHeader and
 * ResponseHeader, by hand and without memory of their own, because every call passes here twice.
 * Private to ds_common.
 */
#ifndef DS_FRAME_HEADER_H
#define DS_FRAME_HEADER_H

#include "ds/buffer.h"
#include "ds/rpc_client.h"

/* What the channel adds to a call. */
struct ds_request_stamp {
    struct ds_bytes call_id;
    struct ds_bytes client_id; /* empty: the call is not to be cancelled by name */
    uint32_t timeout_ms;
    uint32_t attempt;   /* 0: the first */
    int64_t sent_at_us; /* wall clock */
    uint32_t accept_encodings;
};

void ds_request_header_write(struct ds_buffer *header, const struct ds_client_call *call,
                             const struct ds_request_stamp *stamp);

/* What ds_request_header_write() writes at most, whatever the stamp. */
size_t ds_request_header_bytes_max(const struct ds_client_call *call);

/* The header of a CANCEL frame. */
void ds_cancel_header_write(struct ds_buffer *header, struct ds_bytes call_id,
                            struct ds_bytes client_id);

/* Views of the header's bytes. */
struct ds_response_header {
    struct ds_bytes call_id;
    ds_code code;
    struct ds_bytes message;
    struct ds_bytes status_details;
    size_t metadata_count; /* at most DS_METADATA_ENTRIES_MAX; more are not counted */
    bool has_retry_pushback;
    int32_t retry_pushback_ms;
    uint32_t queue_us;
    uint32_t execution_us;
    uint64_t server_epoch;
};

/* False where the bytes are no ResponseHeader. Fields that are not there are 0 or empty. */
bool ds_response_header_read(struct ds_bytes header, struct ds_response_header *ret_header);

/* Takes the metadata out of a header that has been read: keys go to the arena, values are views.
 * False where it is against the rules or the arena has no room. */
bool ds_response_header_metadata(struct ds_bytes header, struct ds_arena *arena,
                                 struct ds_metadata_entry *entries, size_t metadata_count);

/* Writes a fixed64 field, tag and value. */
void ds_wire_write_fixed64_field(struct ds_buffer *buffer, uint32_t number, uint64_t value);

#endif
