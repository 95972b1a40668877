/*
 * The check that every payload passes before protobuf-c 1.4.1 sees it: that version has no
 * recursion limit, no UTF-8 check, cuts strings at U+0000 and corrupts memory when an unpack fails
 * half-way.
 */
#ifndef DS_WIRE_CHECK_H
#define DS_WIRE_CHECK_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/schema.h"

#define DS_WIRE_DEPTH_MAX 32
/* Submessages, repeated elements and unknown fields in one payload. */
#define DS_WIRE_ELEMENTS_MAX 200000
#define DS_WIRE_ELEMENTS_FAULT                                                                     \
    "the message has more than 200,000 elements: send it as several smaller ones"

struct ds_wire_error {
    char field[96];    /* dotted path of the field at fault; "" for the message itself */
    char message[128]; /* what is wrong, for the caller */
};

/*
 * Checks that `wire` is a well-formed message of that type: tags, wire types, lengths, varints,
 * depth, counts, UTF-8 without U+0000 in strings. Unknown fields are allowed and checked for their
 * lengths. DS_INVALID_ARGUMENT fills ret_error. Allocates nothing.
 */
DS_MUST_USE ds_code ds_wire_check(const struct ds_message *message, struct ds_bytes wire,
                                  struct ds_wire_error *ret_error);

#endif
