/*
 * JSON text to protobuf's wire format and back, in one pass over the field tables, without a tree
 * and without memory of its own beyond the target buffer (but for the keys of maps, for what an Any
 * holds, and for wire whose fields are not in the order of their numbers or come twice). Only an
 * Any is looked through for its "@type" before it is read. The mapping is protobuf's
 * (protobuf.dev/programming-guides/json) with the differences that the options below name.
 */
#ifndef DS_JSON_H
#define DS_JSON_H

#include "ds/buffer.h"
#include "ds/code.h"
#include "ds/schema.h"

/* Messages within one another, as DS_WIRE_DEPTH_MAX counts them: what is read passes the wire
 * check. In a google.protobuf.Value an array is two messages deep and an object three. */
#define DS_JSON_DEPTH_MAX 32

/* Where JSON text is at fault. */
struct ds_json_error {
    size_t offset;     /* in bytes from the beginning of the text */
    char pointer[128]; /* JSON Pointer (RFC 6901) of the value at fault; "" for the whole text */
    char message[160]; /* what is wrong and what would do, for the caller */
    bool is_unknown_field; /* the fault is a member that the message does not have */
};

/* The messages that a google.protobuf.Any may hold. */
struct ds_json_types {
    /* NULL where there is none of that name, which is not terminated. */
    const struct ds_message *(*find)(const void *context, struct ds_bytes full_name);
    const void *context;
};

struct ds_json_read_options {
    /* Times also as a date, with a blank for the T, without seconds, without a zone (then UTC). */
    bool lenient_times;
    /* Members that the message does not have are passed over instead of refused. */
    bool ignore_unknown;
    /* Where not NULL, the paths of the members that were given are appended to it: names of the
     * .proto with dots between them, as the wire of a FieldMask. Paths go down through single
     * messages; lists, maps and messages with a form of their own are named as a whole, and so is
     * an object without members. A null counts too: it clears the field. */
    struct ds_buffer *given_paths;
    /* NULL: an Any is refused. */
    const struct ds_json_types *types;
};

/*
 * Appends the wire form of the JSON object `text`. Readers take both name styles, integers and
 * 64-bit integers as numbers or strings, enums by name or number. A member that occurs twice, two
 * members of a oneof, and U+0000 in a string are refused. DS_INVALID_ARGUMENT fills
 * ret_error; RESOURCE_EXHAUSTED where `wire` (or given_paths) meets its limit. On failure the
 * content of `wire` past its old size is undefined and its size is the old one; the same holds for
 * given_paths.
 */
DS_MUST_USE ds_code ds_json_to_wire(const struct ds_message *message, struct ds_bytes text,
                                    const struct ds_json_read_options *options,
                                    struct ds_buffer *wire, struct ds_json_error *ret_error);

/*
 * Appends the field, with its tag, from the JSON value `text`, as it would stand behind the field's
 * name: lists are arrays, null and the default of a field without presence append nothing. Codes as
 * above; pointers and given_paths begin at the value, so that a field that is no message gives no
 * paths.
 */
DS_MUST_USE ds_code ds_json_field_to_wire(const struct ds_field *field, struct ds_bytes text,
                                          const struct ds_json_read_options *options,
                                          struct ds_buffer *wire, struct ds_json_error *ret_error);

/*
 * Appends one occurrence (tag and value) of the scalar field (or Timestamp, Duration, FieldMask,
 * wrapper) from plain text, as it stands in a query parameter or a path: strings without quotes,
 * enums also by their short name, it and booleans in any case, bytes as base64. Codes as above;
 * offset counts within `text`.
 */
DS_MUST_USE ds_code ds_json_scalar_to_wire(const struct ds_field *field, struct ds_bytes text,
                                           const struct ds_json_read_options *options,
                                           struct ds_buffer *wire, struct ds_json_error *ret_error);

enum ds_json_time_style {
    DS_JSON_TIME_RFC3339 = 0, /* 2025-01-25T10:00:00.5Z with 0, 3, 6 or 9 digits */
    DS_JSON_TIME_ISOFORMAT =
        1, /* what Python's isoformat() gives for naive UTC: no zone; 0 or 6 digits */
};

struct ds_json_rename {
    const char *name; /* of the field, as in the .proto */
    const char *as;   /* without characters that JSON escapes */
};

struct ds_json_style {
    bool proto_names; /* snake_case as in the .proto; else lowerCamelCase */
    bool defaults;    /* write fields without presence also when they have their default; but not an
                         absent (deltastream.series) of a row: the enclosing message names it */
    bool int64_numbers;  /* 64-bit integers as numbers up to 2^53, as strings beyond; else always
                            strings */
    bool float_fraction; /* doubles always with a fraction or exponent: 21500.0 */
    bool enum_numbers;   /* enums as numbers; else by name where they have one */
    bool whole_rows;     /* a row without its (deltastream.series) field takes it from the enclosing
                            message */
    uint8_t time;        /* enum ds_json_time_style */
    const char *const
        *leave_out; /* names of top-level fields that are not written, NULL-terminated; or NULL */
    /* Other names of top-level fields; the last one's name is NULL. NULL: none have. */
    const struct ds_json_rename *rename;
    const struct ds_json_types *types; /* NULL: an Any is UNIMPLEMENTED */
};

/*
 * Appends the JSON form of `wire`. Fields come in the order of their numbers whatever their order
 * in `wire`; of a singular field that occurs more than once the last one counts (submessages
 * merge), and one without presence that has its default is as good as absent. DS_INVALID_ARGUMENT
 * where `wire` is no well-formed message of that type or has a value without a JSON form (a time
 * out of range), UNIMPLEMENTED for a google.protobuf.Any of a type that style->types doesn't have,
 * RESOURCE_EXHAUSTED where `text` meets its limit. `text` may then hold a part.
 */
DS_MUST_USE ds_code ds_wire_to_json(const struct ds_message *message, struct ds_bytes wire,
                                    const struct ds_json_style *style, struct ds_buffer *text);

/*
 * Appends the JSON value of one field of `message`, without its name. An absent one is written as
 * its default: {} or [], 0, "". Codes as above.
 */
DS_MUST_USE ds_code ds_wire_field_to_json(const struct ds_message *message,
                                          const struct ds_field *field, struct ds_bytes wire,
                                          const struct ds_json_style *style,
                                          struct ds_buffer *text);

/* Appends `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void ds_json_append_string(struct ds_buffer *json, struct ds_bytes text);

#endif
