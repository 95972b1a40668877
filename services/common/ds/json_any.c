/*
 * google.protobuf.Any both ways. In JSON it is the object of the message that it holds with the
 * member "@type" added; a message with a form of its own stands in the member "value" instead.
 */
#include "ds/json_reader.h"
#include "ds/json_writer.h"
#include "ds/wire_check.h"

/* Numbers of google.protobuf.Any's members. */
enum {
    ANY_TYPE_URL = 1,
    ANY_VALUE = 2,
};

/* URLs with escapes that are longer name no type. */
#define URL_BYTES_MAX 256
/* URLs longer than this are not shown in errors. */
#define SHOWN_URL_BYTES_MAX 80

/* What the name of the URL's type is behind: the last slash. NULL also where there is no slash. */
static const struct ds_message *find_type(const struct ds_json_types *types, struct ds_bytes url)
{
    const uint8_t *slash = url.size == 0 ? NULL : memrchr(url.data, '/', url.size);
    if (slash == NULL) {
        return NULL;
    }
    const size_t before = (size_t)(slash - url.data) + 1;
    return before == url.size
               ? NULL
               : types->find(types->context, ds_bytes_of(slash + 1, url.size - before));
}

static bool is_named(const struct json_string *name, const char *wanted)
{
    uint8_t decoded[sizeof "@type"];
    struct ds_bytes text;
    return json_string_text(name, decoded, sizeof decoded, &text) &&
           ds_bytes_equal_text(text, wanted);
}

bool json_is_type_name(const struct json_string *name)
{
    return is_named(name, "@type");
}

/* Finds what "@type" says, wherever it stands among the members in front of us, which are then in
 * front of us again. */
static bool look_for_url(struct json_reader *reader, const struct json_path *path,
                         struct json_string *ret_url)
{
    const uint8_t *begin = reader->next;
    bool more = true;
    while (more) {
        struct json_string name;
        if (!json_take_name(reader, path, &name)) {
            return false;
        }
        const struct json_path inner = {.parent = path, .name = name.raw};
        if (json_is_type_name(&name)) {
            if (json_peek(reader) != '"') {
                return json_fail(reader, &inner, reader->next, "expected the type in quotes");
            }
            const bool taken = json_take_string(reader, &inner, ret_url);
            reader->next = begin;
            return taken;
        }
        if (!json_skip_value(reader, &inner, JSON_SKIP_DEPTH) ||
            !json_take_separator(reader, path, '}', &more)) {
            return false;
        }
    }
    return json_fail(reader, path, begin,
                     "expected the member @type, such as \"type.googleapis.com/package.Message\"");
}

static bool refuse_type(struct json_reader *reader, const struct json_path *path,
                        const struct json_string *url)
{
    const struct json_path inner = {.parent = path, .name = ds_bytes_of_text("@type")};
    if (url->has_escapes || url->raw.size > SHOWN_URL_BYTES_MAX) {
        return json_fail(reader, &inner, url->raw.data, "this type is not known here");
    }
    return json_fail(reader, &inner, url->raw.data, "the type \"%.*s\" is not known here",
                     (int)url->raw.size, (const char *)url->raw.data);
}

static const struct ds_message *type_of(struct json_reader *reader, const struct json_path *path,
                                        const struct json_string *url)
{
    uint8_t decoded[URL_BYTES_MAX];
    struct ds_bytes text;
    const struct ds_message *message = json_string_text(url, decoded, sizeof decoded, &text)
                                           ? find_type(reader->options->types, text)
                                           : NULL;
    if (message == NULL) {
        refuse_type(reader, path, url);
    }
    return message;
}

/* What has come of the members of an Any whose message has a form of its own. */
struct wrapped {
    const struct ds_message *message;
    bool type_seen;
    bool value_seen;
};

static bool read_wrapped_member(struct json_reader *reader, const struct json_path *path,
                                struct wrapped *wrapped, int depth)
{
    struct json_string name;
    if (!json_take_name(reader, path, &name)) {
        return false;
    }
    const struct json_path inner = {.parent = path, .name = name.raw};
    const bool is_type = json_is_type_name(&name);
    if (!is_type && !is_named(&name, "value")) {
        return reader->options->ignore_unknown
                   ? json_skip_value(reader, &inner, depth)
                   : json_fail(reader, &inner, name.raw.data,
                               "unknown member: of this type expected @type and value");
    }
    bool *seen = is_type ? &wrapped->type_seen : &wrapped->value_seen;
    if (*seen) {
        return json_fail(reader, &inner, name.raw.data, "this member occurs twice");
    }
    *seen = true;
    return is_type ? json_skip_value(reader, &inner, depth)
                   : json_read_message(reader, &inner, wrapped->message, depth);
}

static bool read_wrapped(struct json_reader *reader, const struct json_path *path,
                         const struct ds_message *message, int depth)
{
    const uint8_t *begin = reader->next;
    struct wrapped wrapped = {.message = message};
    bool more = json_take_character(reader, '{');
    while (more) {
        if (!read_wrapped_member(reader, path, &wrapped, depth) ||
            !json_take_separator(reader, path, '}', &more)) {
            return false;
        }
    }
    /* Some writers leave out the value of an Empty, others do not. */
    return wrapped.value_seen || message->wellknown == DS_WELLKNOWN_EMPTY ||
           json_fail(reader, path, begin, "expected the member value");
}

bool json_read_any(struct json_reader *reader, const struct json_path *path,
                   const struct ds_message *message, int depth)
{
    if (reader->options->types == NULL) {
        return json_fail(reader, path, reader->next, "%s has no JSON form here",
                         message->full_name);
    }
    if (!json_take_character(reader, '{')) {
        return json_fail(reader, path, reader->next, "expected an object");
    }
    const uint8_t *begin = reader->next - 1;
    if (json_take_character(reader, '}')) {
        return true;
    }
    if (depth >= DS_JSON_DEPTH_MAX) {
        return json_fail(reader, path, begin, "messages are nested too deeply");
    }
    struct json_string url;
    if (!look_for_url(reader, path, &url)) {
        return false;
    }
    const struct ds_message *held = type_of(reader, path, &url);
    if (held == NULL || !json_count_element(reader, path) ||
        !json_write_wire_string(reader, path, ds_field_by_number(message, ANY_TYPE_URL), &url,
                                JSON_TAGGED)) {
        return false;
    }
    const size_t size_before = reader->wire->size;
    const size_t length_at = json_begin_length(reader, ANY_VALUE);
    reader->next = begin;
    if (!(held->wellknown == DS_WELLKNOWN_NONE
              ? json_read_object_in_any(reader, path, held, depth + 1)
              : read_wrapped(reader, path, held, depth + 1))) {
        return false;
    }
    json_end_content(reader, length_at, size_before);
    return true;
}

static bool take_content(struct json_writer *writer, struct ds_bytes wire, struct ds_bytes *ret_url,
                         struct ds_bytes *ret_value)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    *ret_url = (struct ds_bytes){0};
    *ret_value = (struct ds_bytes){0};
    while (!ds_wire_at_end(&reader)) {
        uint32_t number;
        enum ds_wire_type type;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return json_write_malformed(writer);
        }
        if (number != ANY_TYPE_URL && number != ANY_VALUE) {
            if (!ds_wire_skip(&reader, type)) {
                return json_write_malformed(writer);
            }
            continue;
        }
        struct ds_bytes *content = number == ANY_TYPE_URL ? ret_url : ret_value;
        if (type != DS_WIRE_BYTES || !ds_wire_read_bytes(&reader, content)) {
            return json_write_malformed(writer);
        }
    }
    return true;
}

static bool write_held(struct json_writer *writer, struct json_write_level *level,
                       const struct ds_message *held, struct ds_bytes value)
{
    if (held->wellknown == DS_WELLKNOWN_NONE) {
        struct json_write_level inner = {.parent = level,
                                         .message = held,
                                         .wire = value,
                                         .depth = level->depth + 1,
                                         .has_members = true};
        return json_write_scattered(writer, &inner);
    }
    if (held->wellknown == DS_WELLKNOWN_EMPTY) {
        return true;
    }
    ds_buffer_append_text(writer->text, ",\"value\":");
    return json_write_message(writer, level, held, value);
}

bool json_write_any(struct json_writer *writer, struct json_write_level *level)
{
    struct ds_bytes url;
    struct ds_bytes value;
    struct ds_wire_error error;
    if (writer->style->types == NULL) {
        return json_write_fail(writer, DS_UNIMPLEMENTED);
    }
    if (!take_content(writer, level->wire, &url, &value)) {
        return false;
    }
    if (url.size == 0) {
        ds_buffer_append(writer->text, "{}", 2);
        return value.size == 0 || json_write_malformed(writer);
    }
    const struct ds_message *held = find_type(writer->style->types, url);
    if (held == NULL) {
        return json_write_fail(writer, DS_UNIMPLEMENTED);
    }
    /* The check of the message around it has taken the content for mere bytes. */
    if (level->depth >= DS_JSON_DEPTH_MAX || ds_wire_check(held, value, &error) != DS_OK) {
        return json_write_malformed(writer);
    }
    ds_buffer_append_text(writer->text, "{\"@type\":");
    if (!json_write_string(writer, url) || !write_held(writer, level, held, value)) {
        return false;
    }
    ds_buffer_append_byte(writer->text, '}');
    return true;
}
