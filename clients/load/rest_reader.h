/*
 * Makes answers of the bytes of an HTTP/1.1 connection: status, framing, and the body where it is
 * wanted. Knows nothing of sockets. Takes as little of a header as a client of load needs; what
 * frames the body is checked strictly, since else one answer would be counted as another.
 */
#ifndef LOAD_REST_READER_H
#define LOAD_REST_READER_H

#include "ds/buffer.h"

#define LOAD_REST_HEAD_BYTES_MAX 32768
#define LOAD_REST_BODY_BYTES_MAX (64LL * 1024 * 1024)

enum load_rest_event {
    LOAD_REST_MORE,  /* all bytes are taken and the answer goes on */
    LOAD_REST_END,   /* the answer is complete */
    LOAD_REST_WRONG, /* it is none; where the next one begins is not known */
};

enum load_rest_part {
    LOAD_REST_HEAD,
    LOAD_REST_BODY,       /* `left` bytes */
    LOAD_REST_CHUNK_SIZE, /* a line of the chunked coding */
    LOAD_REST_CHUNK,      /* `left` bytes and a line's end */
    LOAD_REST_CHUNK_END,
    LOAD_REST_TRAILER,
    LOAD_REST_UNTIL_CLOSE,
};

struct load_rest_reader {
    enum load_rest_part part;
    bool has_no_body; /* whatever the head says: the answer to a HEAD */
    bool keeps_body;
    bool keeps_connection; /* for another request */
    uint16_t status;
    int64_t left;
    int64_t body_bytes;    /* so far */
    struct ds_buffer line; /* of what did not come in one piece */
    struct ds_buffer body;
};

void load_rest_reader_init(struct load_rest_reader *reader);
void load_rest_reader_deinit(struct load_rest_reader *reader);

/* Before each answer. */
void load_rest_reader_begin(struct load_rest_reader *reader, bool has_no_body, bool keeps_body);

/* Takes bytes; at LOAD_REST_END ret_used says how many were the answer's. */
enum load_rest_event load_rest_reader_take(struct load_rest_reader *reader, struct ds_bytes bytes,
                                           size_t *ret_used);

/* The connection has been closed: LOAD_REST_END where that is how the answer ends. */
enum load_rest_event load_rest_reader_close(struct load_rest_reader *reader);

#endif
