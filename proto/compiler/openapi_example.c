#include "openapi.h"

#include <stdlib.h>
#include <string.h>

#define EXAMPLE_DEPTH_MAX 8

static const char *option_of(const struct openapi *openapi, const struct field *field)
{
    return option_example(openapi->model->memory, field->descriptor->options);
}

static bool has_fields(const struct message *message)
{
    return message != NULL && message->wellknown == DS_WELLKNOWN_NONE;
}

static bool has_example(const struct openapi *openapi, const struct field *field, int depth)
{
    if (option_of(openapi, field) != NULL) {
        return true;
    }
    for (size_t i = 0;
         depth < EXAMPLE_DEPTH_MAX && has_fields(field->message) && i < field->message->field_count;
         i++) {
        if (has_example(openapi, &field->message->fields[i], depth + 1)) {
            return true;
        }
    }
    return false;
}

bool openapi_field_has_example(const struct openapi *openapi, const struct field *field)
{
    return has_example(openapi, field, 0);
}

static void text_write(struct openapi *openapi, const char *name, const struct field *field,
                       const char *text, enum shape shape)
{
    struct json *json = openapi->json;
    const bool is_t = shape == SHAPE_REPLY_T || shape == SHAPE_REPLY_T_TOP;
    const size_t size = strlen(text);
    switch ((int)field->descriptor->type) {
    case DS_KIND_STRING:
    case DS_KIND_BYTES:
        json_string(json, name, text);
        return;
    case DS_KIND_ENUM:
        json_string(json, name, text);
        return;
    case DS_KIND_MESSAGE:
        if (!ds_wellknown_is_text(field->message->wellknown)) {
            json_raw(json, name, text);
        } else if (is_t && field->message->wellknown == DS_WELLKNOWN_TIMESTAMP && size > 0) {
            json_printf(json, name, "%.*s", (int)size - 1, text);
        } else {
            json_string(json, name, text);
        }
        return;
    case DS_KIND_INT64:
    case DS_KIND_SINT64:
    case DS_KIND_SFIXED64:
    case DS_KIND_UINT64:
    case DS_KIND_FIXED64:
        if (shape == SHAPE_CONNECT) {
            json_string(json, name, text);
            return;
        }
        json_raw(json, name, text);
        return;
    default:
        json_raw(json, name, text);
    }
}

/* A value of a field that says nothing. */
static const char *default_text(const struct field *field)
{
    switch ((int)field->descriptor->type) {
    case DS_KIND_STRING:
    case DS_KIND_BYTES:
        return "";
    case DS_KIND_BOOL:
        return "false";
    case DS_KIND_ENUM:
        return field->enumeration->descriptor->value[0]->name;
    case DS_KIND_MESSAGE:
        return field->message->wellknown == DS_WELLKNOWN_TIMESTAMP  ? "1970-01-01T00:00:00Z"
               : field->message->wellknown == DS_WELLKNOWN_DURATION ? "0s"
               : ds_wellknown_is_text(field->message->wellknown)    ? ""
                                                                    : "{}";
    default:
        return "0";
    }
}

static void message_write(struct openapi *openapi, const char *name, const struct message *message,
                          const struct message *around, enum shape shape, int depth);

static void element_write(struct openapi *openapi, const char *name, const struct field *field,
                          enum shape shape, int depth)
{
    const char *text = option_of(openapi, field);
    const struct message *message = field->message;
    /* A message's own text has the names of the .proto. */
    if (text != NULL && (!has_fields(message) || shape != SHAPE_CONNECT)) {
        text_write(openapi, name, field, text, shape);
    } else if (has_fields(message)) {
        message_write(openapi, name, message, field->parent, shape, depth + 1);
    } else {
        text_write(openapi, name, field, default_text(field), shape);
    }
}

static void field_write(struct openapi *openapi, const char *name, const struct field *field,
                        enum shape shape, int depth)
{
    struct json *json = openapi->json;
    const bool is_own_list = field->message != NULL &&
                             field->message->wellknown == DS_WELLKNOWN_LIST_VALUE &&
                             strcmp(field->message->full_name, "google.protobuf.ListValue") != 0;
    if ((field->flags & DS_FIELD_MAP) != 0) {
        json_object_begin(json, name);
        json_object_end(json);
    } else if (is_own_list) {
        field_write(openapi, name, &field->message->fields[0], shape, depth + 1);
    } else if ((field->flags & DS_FIELD_REPEATED) != 0) {
        json_array_begin(json, name);
        if (has_example(openapi, field, depth)) {
            element_write(openapi, NULL, field, shape, depth);
        }
        json_array_end(json);
    } else {
        element_write(openapi, name, field, shape, depth);
    }
}

/* Whether the example has that field. `around` is the message that the field's message stands in.
 */
static bool is_told(const struct openapi *openapi, const struct field *field,
                    const struct message *around, enum shape shape, int depth)
{
    if (!openapi_field_is_shown(field, shape)) {
        return false;
    }
    const bool is_said_outside = (field->flags & DS_FIELD_SERIES) != 0 && around != NULL &&
                                 message_field(around, field->descriptor->name) != NULL;
    if (is_said_outside && shape == SHAPE_REPLY) {
        return false;
    }
    return openapi_field_is_required(field, shape) || has_example(openapi, field, depth);
}

static void message_write(struct openapi *openapi, const char *name, const struct message *message,
                          const struct message *around, enum shape shape, int depth)
{
    const enum shape below = shape == SHAPE_REPLY_T_TOP ? SHAPE_REPLY_T : shape;
    json_object_begin(openapi->json, name);
    for (size_t i = 0; depth < EXAMPLE_DEPTH_MAX && i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        const char *field_name = openapi_field_name(field, shape);
        bool is_taken = false; /* by a field that the style gives the same name */
        for (size_t j = 0; j < i; j++) {
            is_taken = is_taken ||
                       (is_told(openapi, &message->fields[j], around, shape, depth) &&
                        strcmp(openapi_field_name(&message->fields[j], shape), field_name) == 0);
        }
        if (!is_taken && is_told(openapi, field, around, shape, depth)) {
            field_write(openapi, field_name, field, below, depth);
        }
    }
    json_object_end(openapi->json);
}

void openapi_message_example(struct openapi *openapi, const char *name,
                             const struct message *message, enum shape shape)
{
    message_write(openapi, name, message, NULL, shape, 0);
}

void openapi_field_example(struct openapi *openapi, const char *name, const struct field *field,
                           enum shape shape)
{
    field_write(openapi, name, field, shape, 0);
}
