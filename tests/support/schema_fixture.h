/*
 * Field tables written by hand for messages that have every kind of field, so that the codecs are
 * tested on their own, whatever our .proto files hold. The descriptors are NULL.
 */
#ifndef TESTS_SUPPORT_SCHEMA_FIXTURE_H
#define TESTS_SUPPORT_SCHEMA_FIXTURE_H

#include "ds/json.h"
#include "ds/schema.h"

/* Every kind, repeated, packed, maps, a oneof, optional, recursion and the well-known types. */
extern const struct ds_message fixture_everything;

/* number = 1, text = 2, next = 3 (an Inner). */
extern const struct ds_message fixture_inner;

/* A list with its rows, as ListTicksResponse and Tick. */
extern const struct ds_message fixture_rows;
extern const struct ds_message fixture_row;

extern const struct ds_message fixture_timestamp;
extern const struct ds_message fixture_duration;
extern const struct ds_message fixture_field_mask;
extern const struct ds_message fixture_struct;
extern const struct ds_message fixture_value;
extern const struct ds_message fixture_list_value;
extern const struct ds_message fixture_any;
extern const struct ds_message fixture_empty;

/* All of these, for a google.protobuf.Any. */
extern const struct ds_json_types fixture_types;

/* The field of `message` with that .proto name; fails the program where there is none. */
const struct ds_field *fixture_field(const struct ds_message *message, const char *name);

#endif
