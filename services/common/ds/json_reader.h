/* The parts of the JSON reader, which is spread over json_read*.c. Private to ds_common. */
#ifndef DS_JSON_READER_H
#define DS_JSON_READER_H

#include "ds/json.h"
#include "ds/kind.h"

/*
 * One step of the way from the whole text to a value; the steps live on the stack and become a
 * JSON Pointer only when something is wrong.
 */
struct json_path {
    const struct json_path *parent; /* NULL for the whole text */
    struct ds_bytes name;           /* of a member, as it stands between the quotes */
    size_t index;                   /* of an element, where name.data is NULL */
};

/* Names of members that have escapes are not longer than this: a field's length is one byte. */
#define JSON_NAME_BYTES_MAX 255

struct json_reader {
    const uint8_t *begin;
    const uint8_t *next;
    const uint8_t *end;
    const struct ds_json_read_options *options;
    struct ds_buffer *wire;
    struct ds_json_error *error;
    size_t elements_left; /* so that what we write passes ds_wire_check() */
    ds_code code;         /* why a function returned false */
};

/* The content of a string between its quotes, checked but not decoded. */
struct json_string {
    struct ds_bytes raw;
    size_t decoded_size;
    bool has_escapes;
    bool has_nul; /* as \u0000 */
};

/* What became of a value. */
enum json_outcome {
    JSON_FAILED = 0,
    JSON_TAKEN,
    JSON_SKIPPED, /* the unknown name of an enum value, with ignore_unknown */
};

/* Fills the error and returns false. `at` is the place in the text, `path` what is there. */
bool json_fail(struct json_reader *reader, const struct json_path *path, const uint8_t *at,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

static inline bool json_is_blank(uint8_t character)
{
    return character == ' ' || character == '\n' || character == '\r' || character == '\t';
}

static inline void json_skip_blanks(struct json_reader *reader)
{
    while (reader->next != reader->end && json_is_blank(*reader->next)) {
        reader->next++;
    }
}

/* The first character of the next token; 0 at the end of the text. */
static inline uint8_t json_peek(struct json_reader *reader)
{
    if (reader->next != reader->end && *reader->next > ' ') {
        return *reader->next;
    }
    json_skip_blanks(reader);
    return reader->next == reader->end ? 0 : *reader->next;
}

/* Passes over the next token where it is that character. */
static inline bool json_take_character(struct json_reader *reader, char wanted)
{
    if (json_peek(reader) != (uint8_t)wanted) {
        return false;
    }
    reader->next++;
    return true;
}

/* Passes over the next token where it is that word ("null", "true", "false"). */
bool json_take_word(struct json_reader *reader, const char *word);

/* After an element or a member: true where another one follows; the end is taken in. */
bool json_take_separator(struct json_reader *reader, const struct json_path *path, char close,
                         bool *ret_more);

/* Takes in a string with its quotes; the caller has seen the first one. */
bool json_take_string(struct json_reader *reader, const struct json_path *path,
                      struct json_string *ret_string);

/* Writes decoded_size bytes and returns how many. */
size_t json_decode_string(const struct json_string *string, uint8_t *target);

/* The string's characters, decoded into `small` if need be; false where that is too little. */
bool json_string_text(const struct json_string *string, uint8_t *small, size_t small_bytes,
                      struct ds_bytes *ret_text);

/* A member's name and its colon. */
bool json_take_name(struct json_reader *reader, const struct json_path *path,
                    struct json_string *ret_name);

/* How deep we are, for json_skip_value() of what may well be values of known fields: each message
 * is up to two deep in JSON, an object in an array. */
#define JSON_SKIP_DEPTH (-DS_JSON_DEPTH_MAX)

/* Takes in any value, however it is made, and checks its grammar. `depth` is how deep we are. */
bool json_skip_value(struct json_reader *reader, const struct json_path *path, int depth);

/* An object whose members are the message's fields and the "@type" of an Any that holds it. */
bool json_read_object_in_any(struct json_reader *reader, const struct json_path *path,
                             const struct ds_message *message, int depth);

/* google.protobuf.Any. */
bool json_read_any(struct json_reader *reader, const struct json_path *path,
                   const struct ds_message *message, int depth);
bool json_is_type_name(const struct json_string *name);

/* Whether the object's members are the message's fields. */
static inline bool json_is_plain(const struct ds_message *message)
{
    return message->wellknown == DS_WELLKNOWN_NONE || message->wellknown == DS_WELLKNOWN_EMPTY;
}

/* For options.given_paths: goes through the object again, which has been read from the whole text
 * without a fault. */
bool json_collect_paths(struct json_reader *reader, const struct ds_message *message);

/* The value of a message without tag and length. */
bool json_read_message(struct json_reader *reader, const struct json_path *path,
                       const struct ds_message *message, int depth);

/* The value of a message field with tag and length. */
bool json_read_submessage(struct json_reader *reader, const struct json_path *path,
                          const struct ds_field *field, int depth);

/* The value of a map or of another repeated field, an object or an array. */
bool json_read_map(struct json_reader *reader, const struct json_path *path,
                   const struct ds_field *field, int depth);
bool json_read_array(struct json_reader *reader, const struct json_path *path,
                     const struct ds_field *field, int depth);

/* A message that has a form of its own. */
bool json_read_wellknown(struct json_reader *reader, const struct json_path *path,
                         const struct ds_message *message, int depth);

/* From the text of a well-known message in a string; `at` and `path` are for errors. */
bool json_wellknown_from_text(struct json_reader *reader, const struct json_path *path,
                              const uint8_t *at, const struct ds_message *message,
                              struct ds_bytes text, bool plain);

/* How the value of a singular scalar is written. */
enum json_layout {
    JSON_TAGGED,         /* tag and value */
    JSON_UNLESS_DEFAULT, /* the same, but nothing where the value is the kind's default */
    JSON_BARE,           /* the value only, of packed numbers */
};

/* A string field from a string in the text. */
bool json_write_wire_string(struct json_reader *reader, const struct json_path *path,
                            const struct ds_field *field, const struct json_string *string,
                            enum json_layout layout);

/* A value that is no message. */
enum json_outcome json_read_scalar(struct json_reader *reader, const struct json_path *path,
                                   const struct ds_field *field, enum json_layout layout);

/* The same from plain text without quotes: a map's key, a query parameter. */
bool json_scalar_from_text(struct json_reader *reader, const struct json_path *path,
                           const uint8_t *at, const struct ds_field *field, struct ds_bytes text,
                           enum json_layout layout);

/* A length that is not known yet: one byte is kept for it, more are made when it turns out to need
 * them. Returns the place of the length for json_end_length(). */
size_t json_begin_length(struct json_reader *reader, uint32_t number);
void json_end_length(struct json_reader *reader, size_t length_at);

/* The same end for what is not written at all where it is empty; the wire had that size before it
 * began. */
void json_end_content(struct json_reader *reader, size_t length_at, size_t size_before);

bool json_count_element(struct json_reader *reader, const struct json_path *path);

static inline bool json_is_null_value(const struct ds_enum *enumeration)
{
    return enumeration->value_count == 1 &&
           strcmp(enumeration->full_name, "google.protobuf.NullValue") == 0;
}

/* True where null is a value of the field and not its absence. */
static inline bool json_takes_null(const struct ds_field *field)
{
    return (field->kind == DS_KIND_MESSAGE && field->message->wellknown == DS_WELLKNOWN_VALUE) ||
           (field->kind == DS_KIND_ENUM && json_is_null_value(field->enumeration));
}

#endif
