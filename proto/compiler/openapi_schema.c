#include "names.h"
#include "openapi.h"

#include <stdlib.h>
#include <string.h>

/* Behind the name of a component; the requests' and the canonical replies' forms of one message
 * differ in what they require and forbid. */
static const char *const suffixes[SHAPE_COUNT] = {
    [SHAPE_REPLY] = "",           [SHAPE_REPLY_T] = "-T",       [SHAPE_REPLY_T_TOP] = "-T-reply",
    [SHAPE_REQUEST] = "-request", [SHAPE_CONNECT] = "-Connect",
};

#define TIME_T_PATTERN "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{6})?$"
#define DURATION_PATTERN "^-?\\d{1,12}(\\.\\d{1,9})?s$"

/* Below the top a reply of T is like any other of its messages. */
static enum shape shape_below(enum shape shape)
{
    return shape == SHAPE_REPLY_T_TOP ? SHAPE_REPLY_T : shape;
}

const char *openapi_message_key(const struct openapi *openapi, const struct message *message,
                                enum shape shape)
{
    struct memory *memory = openapi->model->memory;
    return memory_printf(memory, "%s%s",
                         openapi_short_name(memory, message->file, message->full_name),
                         suffixes[shape]);
}

static const char *enumeration_key(const struct openapi *openapi,
                                   const struct enumeration *enumeration)
{
    return openapi_short_name(openapi->model->memory, enumeration->file, enumeration->full_name);
}

static void types_write(struct json *json, const char *format)
{
    json_array_begin(json, "type");
    json_string(json, NULL, "integer");
    json_string(json, NULL, "string");
    json_array_end(json);
    json_string(json, "format", format);
    json_string(json, "pattern", format[0] == 'u' ? "^\\d+$" : "^-?\\d+$");
    if (format[0] == 'u') {
        json_integer(json, "minimum", 0);
    }
}

static void integer_write(struct json *json, const char *format, bool is_unsigned)
{
    json_string(json, "type", "integer");
    json_string(json, "format", format);
    if (is_unsigned) {
        json_integer(json, "minimum", 0);
        json_integer(json, "maximum", UINT32_MAX);
    }
}

static void long_write(struct json *json, bool is_unsigned, enum shape shape)
{
    const char *format = is_unsigned ? "uint64" : "int64";
    if (shape != SHAPE_CONNECT) {
        types_write(json, format);
        return;
    }
    json_string(json, "type", "string");
    json_string(json, "format", format);
}

/* The members of a scalar's schema. */
static void scalar_write(struct json *json, int kind, enum shape shape)
{
    switch (kind) {
    case DS_KIND_DOUBLE:
    case DS_KIND_FLOAT:
        json_string(json, "type", "number");
        json_string(json, "format", kind == DS_KIND_DOUBLE ? "double" : "float");
        return;
    case DS_KIND_INT64:
    case DS_KIND_SINT64:
    case DS_KIND_SFIXED64:
        long_write(json, false, shape);
        return;
    case DS_KIND_UINT64:
    case DS_KIND_FIXED64:
        long_write(json, true, shape);
        return;
    case DS_KIND_UINT32:
    case DS_KIND_FIXED32:
        integer_write(json, "int64", true);
        return;
    case DS_KIND_BOOL:
        json_string(json, "type", "boolean");
        return;
    case DS_KIND_STRING:
        json_string(json, "type", "string");
        return;
    case DS_KIND_BYTES:
        json_string(json, "type", "string");
        json_string(json, "contentEncoding", "base64");
        return;
    default:
        integer_write(json, "int32", false);
    }
}

/* Requests may write times in more forms than RFC 3339's: openapi_conventions tells of them. */
static void time_write(struct json *json, enum shape shape)
{
    json_string(json, "type", "string");
    if (shape == SHAPE_REPLY_T || shape == SHAPE_REPLY_T_TOP) {
        json_string(json, "pattern", TIME_T_PATTERN);
    } else if (shape != SHAPE_REQUEST) {
        json_string(json, "format", "date-time");
    }
}

/* The members of the schema of a message that has a form of its own in JSON; false where it has
 * none. */
static bool wellknown_write(struct openapi *openapi, const struct message *message,
                            enum shape shape)
{
    struct json *json = openapi->json;
    switch (message->wellknown) {
    case DS_WELLKNOWN_TIMESTAMP:
        time_write(json, shape);
        return true;
    case DS_WELLKNOWN_DURATION:
        json_string(json, "type", "string");
        json_string(json, "pattern", DURATION_PATTERN);
        return true;
    case DS_WELLKNOWN_FIELD_MASK:
        json_string(json, "type", "string");
        return true;
    case DS_WELLKNOWN_WRAPPER:
        scalar_write(json, (int)message->fields[0].descriptor->type, shape);
        return true;
    case DS_WELLKNOWN_LIST_VALUE:
        json_string(json, "type", "array");
        return true;
    case DS_WELLKNOWN_VALUE:
        return true;
    case DS_WELLKNOWN_ANY:
        json_string(json, "type", "object");
        json_raw(json, "required", "[\"@type\"]");
        json_raw(json, "properties", "{\"@type\":{\"type\":\"string\"}}");
        return true;
    case DS_WELLKNOWN_STRUCT:
    case DS_WELLKNOWN_EMPTY:
        json_string(json, "type", "object");
        return true;
    default:
        return false;
    }
}

static void message_note(struct openapi *openapi, const struct message *message, enum shape shape)
{
    openapi->message_shapes[message - openapi->model->messages] |= (uint8_t)(1U << shape);
}

static bool is_own_list(const struct message *message)
{
    return message->wellknown == DS_WELLKNOWN_LIST_VALUE &&
           strcmp(message->full_name, "google.protobuf.ListValue") != 0;
}

/* Requests may give an enum by its number too, and in a text by its short names. */
static void enumeration_choice_write(struct openapi *openapi, const struct enumeration *enumeration,
                                     bool is_text)
{
    struct json *json = openapi->json;
    const Google__Protobuf__EnumDescriptorProto *descriptor = enumeration->descriptor;
    json_array_begin(json, "anyOf");
    json_reference(json, NULL, "schemas", enumeration_key(openapi, enumeration));
    if (is_text) {
        json_object_begin(json, NULL);
        json_array_begin(json, "enum");
        for (size_t i = 0; i < descriptor->n_value; i++) {
            json_string(json, NULL,
                        name_enum_short(openapi->model->memory, descriptor->name,
                                        descriptor->value[i]->name));
        }
        json_array_end(json);
        json_object_end(json);
    }
    json_raw(json, NULL, "{\"type\":\"integer\",\"format\":\"int32\"}");
    json_array_end(json);
}

/* What a service refuses as missing. */
static void minimum_write(struct json *json, const struct field *field, const char *name)
{
    if (openapi_field_is_required(field, SHAPE_REQUEST)) {
        json_integer(json, name, 1);
    }
}

/* The schema's members of one value of that field, behind its description. */
static void value_write(struct openapi *openapi, const struct field *field, enum shape shape)
{
    struct json *json = openapi->json;
    if (field->enumeration != NULL) {
        openapi->enumeration_shapes[field->enumeration - openapi->model->enumerations] = 1;
        if (shape == SHAPE_REQUEST) {
            enumeration_choice_write(openapi, field->enumeration, false);
            return;
        }
        json_printf(json, "$ref", "#/components/schemas/%s",
                    enumeration_key(openapi, field->enumeration));
    } else if (field->message == NULL) {
        scalar_write(json, (int)field->descriptor->type, shape);
        if (shape == SHAPE_REQUEST && (int)field->descriptor->type == DS_KIND_STRING) {
            minimum_write(json, field, "minLength");
        }
    } else if (is_own_list(field->message)) {
        json_string(json, "type", "array");
        json_object_begin(json, "items");
        value_write(openapi, &field->message->fields[0], shape);
        json_object_end(json);
    } else if (!wellknown_write(openapi, field->message, shape)) {
        message_note(openapi, field->message, shape);
        json_printf(json, "$ref", "#/components/schemas/%s",
                    openapi_message_key(openapi, field->message, shape));
    }
}

static void field_members_write(struct openapi *openapi, const struct field *field,
                                enum shape shape)
{
    struct json *json = openapi->json;
    if ((field->flags & DS_FIELD_MAP) != 0) {
        json_string(json, "type", "object");
        json_object_begin(json, "additionalProperties");
        value_write(openapi, message_field(field->message, "value"), shape);
        json_object_end(json);
    } else if ((field->flags & DS_FIELD_REPEATED) != 0) {
        json_string(json, "type", "array");
        if (shape == SHAPE_REQUEST) {
            minimum_write(json, field, "minItems");
        }
        json_object_begin(json, "items");
        value_write(openapi, field, shape);
        json_object_end(json);
    } else {
        value_write(openapi, field, shape);
    }
}

static void description_write(struct openapi *openapi, const void *descriptor)
{
    const char *comment = comment_of(openapi->comments, descriptor);
    if (comment[0] != '\0') {
        json_string(openapi->json, "description", comment);
    }
}

void openapi_field_schema(struct openapi *openapi, const char *name, const struct field *field,
                          enum shape shape)
{
    json_object_begin(openapi->json, name);
    field_members_write(openapi, field, shape_below(shape));
    json_object_end(openapi->json);
}

void openapi_message_schema(struct openapi *openapi, const char *name,
                            const struct message *message, enum shape shape)
{
    json_object_begin(openapi->json, name);
    if (!wellknown_write(openapi, message, shape)) {
        message_note(openapi, message, shape);
        json_printf(openapi->json, "$ref", "#/components/schemas/%s",
                    openapi_message_key(openapi, message, shape));
    }
    json_object_end(openapi->json);
}

void openapi_text_schema(struct openapi *openapi, const char *name, const struct field *field)
{
    struct json *json = openapi->json;
    const bool is_list = (field->flags & DS_FIELD_REPEATED) != 0;
    json_object_begin(json, name);
    if (is_list) {
        json_string(json, "type", "array");
        minimum_write(json, field, "minItems");
        json_object_begin(json, "items");
    }
    const int kind = (int)field->descriptor->type;
    if (field->enumeration != NULL) {
        openapi->enumeration_shapes[field->enumeration - openapi->model->enumerations] = 1;
        enumeration_choice_write(openapi, field->enumeration, true);
    } else if (field->message != NULL) {
        (void)wellknown_write(openapi, field->message, SHAPE_REQUEST);
    } else if (kind == DS_KIND_INT64 || kind == DS_KIND_SINT64 || kind == DS_KIND_SFIXED64) {
        integer_write(json, "int64", false);
    } else if (kind == DS_KIND_UINT64 || kind == DS_KIND_FIXED64) {
        integer_write(json, "uint64", true);
    } else {
        scalar_write(json, kind, SHAPE_REQUEST);
        if (kind == DS_KIND_STRING) {
            minimum_write(json, field, "minLength");
        }
    }
    if (is_list) {
        json_object_end(json);
    }
    json_object_end(json);
}

/* Fields that a style gives one name are one property of either form. */
static const struct field *namesake(const struct message *message, size_t place, enum shape shape,
                                    int step)
{
    const char *name = openapi_field_name(&message->fields[place], shape);
    for (size_t i = place + (size_t)step; i < message->field_count; i += (size_t)step) {
        if (openapi_field_is_shown(&message->fields[i], shape) &&
            strcmp(openapi_field_name(&message->fields[i], shape), name) == 0) {
            return &message->fields[i];
        }
    }
    return NULL;
}

static void oneof_note_write(struct openapi *openapi, const struct message *message,
                             const struct field *field, enum shape shape)
{
    const char *note = "";
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *other = &message->fields[i];
        if (other != field && other->oneof == field->oneof) {
            note = memory_printf(openapi->model->memory, "%s%s%s", note,
                                 note[0] == '\0' ? "" : ", ", openapi_field_name(other, shape));
        }
    }
    const char *comment = comment_of(openapi->comments, field->descriptor);
    if (note[0] != '\0') {
        json_printf(openapi->json, "description", "%s%sNot together with %s.", comment,
                    comment[0] == '\0' ? "" : "\n", note);
    } else if (comment[0] != '\0') {
        json_string(openapi->json, "description", comment);
    }
}

static void property_write(struct openapi *openapi, const struct message *message, size_t place,
                           enum shape shape)
{
    struct json *json = openapi->json;
    const struct field *field = &message->fields[place];
    if (!openapi_field_is_shown(field, shape) || namesake(message, place, shape, -1) != NULL) {
        return;
    }
    const struct field *other = namesake(message, place, shape, 1);
    json_object_begin(json, openapi_field_name(field, shape));
    if (field->oneof >= 0) {
        oneof_note_write(openapi, message, field, shape);
    } else {
        description_write(openapi, field->descriptor);
    }
    if (other == NULL) {
        field_members_write(openapi, field, shape_below(shape));
    } else {
        json_array_begin(json, "anyOf");
        openapi_field_schema(openapi, NULL, field, shape);
        openapi_field_schema(openapi, NULL, other, shape);
        json_array_end(json);
    }
    json_object_end(json);
}

static void required_write(struct openapi *openapi, const struct message *message, enum shape shape)
{
    bool has_begun = false;
    for (size_t i = 0; i < message->field_count; i++) {
        if (openapi_field_is_required(&message->fields[i], shape)) {
            if (!has_begun) {
                json_array_begin(openapi->json, "required");
            }
            has_begun = true;
            json_string(openapi->json, NULL, openapi_field_name(&message->fields[i], shape));
        }
    }
    if (has_begun) {
        json_array_end(openapi->json);
    }
}

static void component_write(struct openapi *openapi, const struct message *message,
                            enum shape shape)
{
    struct json *json = openapi->json;
    json_object_begin(json, openapi_message_key(openapi, message, shape));
    description_write(openapi, message->descriptor);
    json_string(json, "type", "object");
    json_object_begin(json, "properties");
    for (size_t i = 0; i < message->field_count; i++) {
        property_write(openapi, message, i, shape);
    }
    json_object_end(json);
    required_write(openapi, message, shape);
    if (shape == SHAPE_REQUEST) {
        json_bool(json, "additionalProperties", false);
    }
    json_object_end(json);
}

static void enumeration_write(struct openapi *openapi, const struct enumeration *enumeration)
{
    struct json *json = openapi->json;
    const Google__Protobuf__EnumDescriptorProto *descriptor = enumeration->descriptor;
    json_object_begin(json, enumeration_key(openapi, enumeration));
    const char *text = comment_of(openapi->comments, descriptor);
    for (size_t i = 0; i < descriptor->n_value; i++) {
        const char *comment = comment_of(openapi->comments, descriptor->value[i]);
        if (comment[0] != '\0') {
            text = memory_printf(openapi->model->memory, "%s%s- %s: %s", text,
                                 text[0] == '\0' ? "" : "\n", descriptor->value[i]->name, comment);
        }
    }
    if (text[0] != '\0') {
        json_string(json, "description", text);
    }
    json_string(json, "type", "string");
    json_array_begin(json, "enum");
    for (size_t i = 0; i < descriptor->n_value; i++) {
        json_string(json, NULL, descriptor->value[i]->name);
    }
    json_array_end(json);
    json_object_end(json);
}

/* A component may note more of them, also in front of itself: the first run finds them all, with
 * its text thrown away. */
static void components_find(struct openapi *openapi)
{
    struct json *json = openapi->json;
    struct json scratch = {.file = fopen("/dev/null", "w")};
    if (scratch.file == NULL) {
        abort();
    }
    openapi->json = &scratch;
    const size_t count = openapi->model->message_count;
    uint8_t *done = memory_alloc(openapi->model->memory, count);
    bool has_found = true;
    while (has_found) {
        has_found = false;
        for (size_t i = 0; i < count; i++) {
            for (unsigned int shape = 0; shape < SHAPE_COUNT; shape++) {
                const unsigned int bit = 1U << shape;
                if ((openapi->message_shapes[i] & ~done[i] & bit) != 0) {
                    done[i] |= (uint8_t)bit;
                    has_found = true;
                    component_write(openapi, &openapi->model->messages[i], (enum shape)shape);
                }
            }
        }
    }
    fclose(scratch.file);
    openapi->json = json;
}

void openapi_schemas(struct openapi *openapi)
{
    components_find(openapi);
    for (size_t i = 0; i < openapi->model->enumeration_count; i++) {
        if (openapi->enumeration_shapes[i] != 0) {
            enumeration_write(openapi, &openapi->model->enumerations[i]);
        }
    }
    for (size_t i = 0; i < openapi->model->message_count; i++) {
        for (unsigned int shape = 0; shape < SHAPE_COUNT; shape++) {
            if ((openapi->message_shapes[i] & (1U << shape)) != 0) {
                component_write(openapi, &openapi->model->messages[i], (enum shape)shape);
            }
        }
    }
}
