#include "ds/json_reader.h"
#include "ds/wire_check.h"

#include <assert.h>
#include <stdio.h>

size_t json_begin_length(struct json_reader *reader, uint32_t number)
{
    uint8_t *target = ds_buffer_reserve(reader->wire, DS_VARINT_BYTES_MAX);
    if (target == NULL) {
        return 0;
    }
    const uint64_t tag = (uint64_t)number << 3 | DS_WIRE_BYTES;
    ds_buffer_commit(reader->wire, ds_varint_put(target, tag) + 1);
    return reader->wire->size - 1;
}

/* Content of 128 bytes and more moves up by one to four bytes, once for each level that it is in:
 * at most DS_JSON_DEPTH_MAX times. */
void json_end_length(struct json_reader *reader, size_t length_at)
{
    struct ds_buffer *wire = reader->wire;
    if (wire->overflow) {
        return;
    }
    const size_t size = wire->size - length_at - 1;
    const size_t more = ds_varint_size(size) - 1;
    if (more > 0) {
        if (ds_buffer_reserve(wire, more) == NULL) {
            return;
        }
        uint8_t *content = wire->data + length_at + 1;
        memmove(content + more, content, size);
        ds_buffer_commit(wire, more);
    }
    ds_varint_put(wire->data + length_at, size);
}

void json_end_content(struct json_reader *reader, size_t length_at, size_t size_before)
{
    if (reader->wire->size == length_at + 1) {
        reader->wire->size = size_before;
    } else {
        json_end_length(reader, length_at);
    }
}

bool json_count_element(struct json_reader *reader, const struct json_path *path)
{
    if (reader->elements_left == 0) {
        return json_fail(reader, path, reader->next, DS_WIRE_ELEMENTS_FAULT);
    }
    reader->elements_left--;
    return true;
}

bool json_read_submessage(struct json_reader *reader, const struct json_path *path,
                          const struct ds_field *field, int depth)
{
    if (depth >= DS_JSON_DEPTH_MAX) {
        return json_fail(reader, path, reader->next, "messages are nested too deeply");
    }
    if (!json_count_element(reader, path)) {
        return false;
    }
    const size_t length_at = json_begin_length(reader, field->number);
    if (!json_read_message(reader, path, field->message, depth + 1)) {
        return false;
    }
    json_end_length(reader, length_at);
    return true;
}

/* The members of an object that have come so far. */
struct members {
    const struct ds_field *likely; /* writers tend to keep to one order */
    bool in_any;
    bool type_seen;
    uint64_t seen[DS_MESSAGE_FIELDS_MAX / 64];
    uint64_t oneofs_seen[DS_MESSAGE_FIELDS_MAX / 64];
};

/* True where the bit was set already. */
static bool test_and_set(uint64_t *bits, size_t index)
{
    const uint64_t bit = UINT64_C(1) << (index % 64);
    const bool was_set = (bits[index / 64] & bit) != 0;
    bits[index / 64] |= bit;
    return was_set;
}

static bool is_named(const struct ds_field *field, struct ds_bytes name)
{
    return (name.size == field->name_bytes && memcmp(name.data, field->name, name.size) == 0) ||
           (name.size == field->json_name_bytes &&
            memcmp(name.data, field->json_name, name.size) == 0);
}

static const struct ds_field *find_field(const struct ds_message *message, struct members *members,
                                         const struct json_string *name)
{
    uint8_t decoded[JSON_NAME_BYTES_MAX];
    struct ds_bytes text;
    if (!json_string_text(name, decoded, sizeof decoded, &text) || text.size == 0) {
        return NULL;
    }
    const struct ds_field *end = ds_fields_end(message);
    const struct ds_field *field = members->likely;
    if (field == end || !is_named(field, text)) {
        field = ds_field_by_name(message, (const char *)text.data, text.size);
    }
    if (field != NULL) {
        members->likely = field + 1;
    }
    return field;
}

static bool refuse_unknown(struct json_reader *reader, const struct json_path *path,
                           const struct ds_message *message)
{
    char names[sizeof reader->error->message];
    size_t length = 0;
    for (uint16_t i = 0; i < message->field_count && length < sizeof names; i++) {
        const int added = snprintf(names + length, sizeof names - length, "%s%s",
                                   i == 0 ? "" : ", ", message->fields[i].name);
        length += (size_t)added;
    }
    /* A list that is cut would mislead. */
    static const char prefix[] = "unknown member; this message has: ";
    if (length > 0 && length + sizeof prefix <= sizeof names) {
        json_fail(reader, path, path->name.data, "%s%s", prefix, names);
    } else {
        json_fail(reader, path, path->name.data, "unknown member");
    }
    reader->error->is_unknown_field = true;
    return false;
}

static inline bool read_field(struct json_reader *reader, const struct json_path *path,
                              const struct ds_field *field, int depth)
{
    if (ds_field_has(field, DS_FIELD_MAP)) {
        return json_read_map(reader, path, field, depth);
    }
    if (ds_field_has(field, DS_FIELD_REPEATED)) {
        return json_read_array(reader, path, field, depth);
    }
    if (field->kind == DS_KIND_MESSAGE) {
        return json_read_submessage(reader, path, field, depth);
    }
    const enum json_layout layout =
        ds_field_has(field, DS_FIELD_PRESENCE) ? JSON_TAGGED : JSON_UNLESS_DEFAULT;
    return json_read_scalar(reader, path, field, layout) != JSON_FAILED;
}

/* null stands for a field that is absent, but for the types that have null for a value. */
static inline bool is_absent(struct json_reader *reader, const struct ds_field *field)
{
    return json_peek(reader) == 'n' &&
           (ds_field_has(field, DS_FIELD_REPEATED) || !json_takes_null(field)) &&
           json_take_word(reader, "null");
}

/* A member that is no field of the message. */
static bool read_stranger(struct json_reader *reader, const struct json_path *path,
                          const struct ds_message *message, const struct json_string *name,
                          struct members *members, int depth)
{
    if (!members->in_any || !json_is_type_name(name)) {
        return reader->options->ignore_unknown ? json_skip_value(reader, path, depth)
                                               : refuse_unknown(reader, path, message);
    }
    if (members->type_seen) {
        return json_fail(reader, path, name->raw.data, "this member occurs twice");
    }
    members->type_seen = true;
    return json_skip_value(reader, path, depth);
}

static bool read_member(struct json_reader *reader, const struct json_path *path,
                        const struct ds_message *message, struct members *members, int depth)
{
    struct json_string name;
    if (!json_take_name(reader, path, &name)) {
        return false;
    }
    const struct json_path inner = {.parent = path, .name = name.raw};
    const struct ds_field *field = find_field(message, members, &name);
    if (field == NULL) {
        return read_stranger(reader, &inner, message, &name, members, depth);
    }
    if (test_and_set(members->seen, (size_t)(field - message->fields))) {
        return json_fail(reader, &inner, name.raw.data, "this member occurs twice");
    }
    if (is_absent(reader, field)) {
        return true;
    }
    if (field->oneof >= 0 && test_and_set(members->oneofs_seen, (size_t)field->oneof)) {
        return json_fail(reader, &inner, name.raw.data,
                         "another member of the same choice is set already: only one may be");
    }
    return read_field(reader, &inner, field, depth);
}

static inline bool read_object(struct json_reader *reader, const struct json_path *path,
                               const struct ds_message *message, bool in_any, int depth)
{
    assert(message->field_count <= DS_MESSAGE_FIELDS_MAX);
    if (!json_take_character(reader, '{')) {
        return json_fail(reader, path, reader->next, "expected an object");
    }
    struct members members;
    members.likely = message->fields;
    members.in_any = in_any;
    members.type_seen = false;
    const size_t words = (message->field_count + 63U) / 64;
    memset(members.seen, 0, words * sizeof members.seen[0]);
    memset(members.oneofs_seen, 0, words * sizeof members.oneofs_seen[0]);

    bool more = !json_take_character(reader, '}');
    while (more) {
        if (!read_member(reader, path, message, &members, depth) ||
            !json_take_separator(reader, path, '}', &more)) {
            return false;
        }
        if (reader->wire->overflow) {
            return false;
        }
    }
    return true;
}

bool json_read_object_in_any(struct json_reader *reader, const struct json_path *path,
                             const struct ds_message *message, int depth)
{
    return read_object(reader, path, message, true, depth);
}

bool json_read_message(struct json_reader *reader, const struct json_path *path,
                       const struct ds_message *message, int depth)
{
    if (json_is_plain(message)) {
        return read_object(reader, path, message, false, depth);
    }
    return json_read_wellknown(reader, path, message, depth);
}

static bool read_field_or_null(struct json_reader *reader, const struct json_path *path,
                               const struct ds_field *field)
{
    return is_absent(reader, field) || read_field(reader, path, field, 1);
}

/* The whole text as the field's value or, where that is NULL, as the message. */
static bool read_text(struct json_reader *reader, const struct ds_message *message,
                      const struct ds_field *field)
{
    const struct json_path root = {0};
    if (json_peek(reader) == 0 && reader->next == reader->end) {
        return json_fail(reader, &root, reader->next, "the text is empty: expected %s",
                         field == NULL ? "an object" : "a value");
    }
    if (!(field == NULL ? json_read_message(reader, &root, message, 1)
                        : read_field_or_null(reader, &root, field))) {
        return false;
    }
    json_skip_blanks(reader);
    if (reader->next != reader->end) {
        return json_fail(reader, &root, reader->next, "expected nothing more after the value");
    }
    return reader->options->given_paths == NULL || message == NULL ||
           json_collect_paths(reader, message);
}

static struct json_reader reader_of(struct ds_bytes text,
                                    const struct ds_json_read_options *options,
                                    struct ds_buffer *wire, struct ds_json_error *error)
{
    /* A text of no bytes may have no address, which the pointers need. */
    const uint8_t *begin = text.size == 0 ? (const uint8_t *)"" : text.data;
    return (struct json_reader){
        .begin = begin,
        .next = begin,
        .end = begin + text.size,
        .options = options,
        .wire = wire,
        .error = error,
        .elements_left = DS_WIRE_ELEMENTS_MAX,
    };
}

/* How much was there before we began. */
struct sizes {
    size_t wire;
    size_t paths;
};

static struct sizes sizes_of(const struct json_reader *reader)
{
    const struct ds_buffer *paths = reader->options->given_paths;
    return (struct sizes){.wire = reader->wire->size, .paths = paths == NULL ? 0 : paths->size};
}

/* The outcome of reading; takes back what a failure has written. */
static ds_code finish(struct json_reader *reader, bool read, struct sizes before)
{
    struct ds_buffer *paths = reader->options->given_paths;
    if (reader->wire->overflow || (paths != NULL && paths->overflow)) {
        const struct json_path root = {0};
        json_fail(reader, &root, reader->next, "the message is too large");
        reader->code = DS_RESOURCE_EXHAUSTED;
        read = false;
    }
    if (read) {
        return DS_OK;
    }
    reader->wire->size = before.wire;
    if (paths != NULL) {
        paths->size = before.paths;
    }
    return reader->code;
}

static ds_code text_to_wire(const struct ds_message *message, const struct ds_field *field,
                            struct ds_bytes text, const struct ds_json_read_options *options,
                            struct ds_buffer *wire, struct ds_json_error *ret_error)
{
    struct json_reader reader = reader_of(text, options, wire, ret_error);
    const struct sizes before = sizes_of(&reader);
    const bool read = read_text(&reader, message, field);
    return finish(&reader, read, before);
}

ds_code ds_json_to_wire(const struct ds_message *message, struct ds_bytes text,
                        const struct ds_json_read_options *options, struct ds_buffer *wire,
                        struct ds_json_error *ret_error)
{
    assert(message != NULL && options != NULL && wire != NULL && ret_error != NULL);
    return text_to_wire(message, NULL, text, options, wire, ret_error);
}

ds_code ds_json_field_to_wire(const struct ds_field *field, struct ds_bytes text,
                              const struct ds_json_read_options *options, struct ds_buffer *wire,
                              struct ds_json_error *ret_error)
{
    assert(field != NULL && options != NULL && wire != NULL && ret_error != NULL);
    const bool is_message =
        field->kind == DS_KIND_MESSAGE && !ds_field_has(field, DS_FIELD_REPEATED);
    return text_to_wire(is_message ? field->message : NULL, field, text, options, wire, ret_error);
}

ds_code ds_json_scalar_to_wire(const struct ds_field *field, struct ds_bytes text,
                               const struct ds_json_read_options *options, struct ds_buffer *wire,
                               struct ds_json_error *ret_error)
{
    assert(field != NULL && options != NULL && wire != NULL && ret_error != NULL);
    struct json_reader reader = reader_of(text, options, wire, ret_error);
    const struct sizes before = sizes_of(&reader);
    const struct json_path root = {0};
    const struct ds_bytes whole = ds_bytes_of(reader.begin, text.size);
    const bool read =
        json_scalar_from_text(&reader, &root, reader.begin, field, whole, JSON_TAGGED);
    return finish(&reader, read, before);
}
