/* A call's metadata as fields of Connect's requests and replies. */
#ifndef GATEWAY_CONNECT_METADATA_H
#define GATEWAY_CONNECT_METADATA_H

#include "gateway/problem.h"

/* The entries, their keys with terminators, their values, and what is written before it is known
 * that it is too much: a group of base64. */
#define CONNECT_METADATA_ROOM_BYTES                                                                \
    (DS_METADATA_ENTRIES_MAX * sizeof(struct ds_metadata_entry) + DS_METADATA_BYTES_MAX +          \
     DS_METADATA_ENTRIES_MAX + 4)

/*
 * Fills the call's metadata from the request's fields, in their order; a field that occurs twice is
 * two entries. Left out are the fields of HTTP, of Connect and of the gateway, what a proxy adds,
 * and what may not be a key. What follows the name "-bin" is base64. The entries live in `room`,
 * which is empty before and may grow to CONNECT_METADATA_ROOM_BYTES. False fills ret_problem: more
 * than metadata may have, or a value that it may not have.
 */
bool connect_metadata_take(const struct http_request *request, struct ds_buffer *room,
                           struct ds_client_call *call, struct problem *ret_problem);

/*
 * Appends what the answer carries to a reply that was begun, but for fields that are HTTP's or the
 * gateway's. A key that begins with "trailer-" is a trailer, which Connect writes just so.
 */
void connect_metadata_write(const struct ds_client_call *call, struct http_request *request);

/* Appends base64 without padding, as Connect writes all bytes that stand in text. */
void connect_base64_append(struct ds_bytes bytes, struct ds_buffer *text);

#endif
