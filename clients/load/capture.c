#include "clients/load/capture.h"

#include "clients/load/memory.h"
#include "ds/json.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#define JSON_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define MEMBER_BYTES_MAX 256

void load_variables_init(struct load_variables *variables, size_t count)
{
    *variables = (struct load_variables){.count = count};
    if (count == 0) {
        return;
    }
    variables->values = load_allocate(count, sizeof *variables->values);
    variables->texts = load_allocate(count, sizeof *variables->texts);
    for (size_t i = 0; i < count; i++) {
        ds_buffer_init(&variables->texts[i], LOAD_CAPTURE_BYTES_MAX);
    }
}

void load_variables_deinit(struct load_variables *variables)
{
    for (size_t i = 0; i < variables->count; i++) {
        ds_buffer_deinit(&variables->texts[i]);
    }
    free(variables->values);
    free(variables->texts);
}

void load_variables_forget(struct load_variables *variables)
{
    for (size_t i = 0; i < variables->count; i++) {
        variables->values[i] = (struct ds_bytes){.data = NULL};
    }
}

/* The next part of a JSON Pointer behind its slash, with ~1 and ~0 for / and ~; false where it is
 * too long. */
static bool part_take(const char **pointer, char ret_part[MEMBER_BYTES_MAX])
{
    size_t size = 0;
    const char *at = *pointer + 1;
    while (*at != '\0' && *at != '/') {
        char character = *at++;
        if (character == '~' && (*at == '0' || *at == '1')) {
            character = *at++ == '0' ? '~' : '/';
        }
        if (size + 1 == MEMBER_BYTES_MAX) {
            return false;
        }
        ret_part[size++] = character;
    }
    ret_part[size] = '\0';
    *pointer = at;
    return true;
}

static const json_t *element_of(const json_t *array, const char *part)
{
    char *end = NULL;
    if (part[0] < '0' || part[0] > '9') {
        return NULL;
    }
    const unsigned long index = strtoul(part, &end, 10);
    return *end == '\0' ? json_array_get(array, index) : NULL;
}

static const json_t *value_at(const json_t *value, const char *pointer)
{
    char part[MEMBER_BYTES_MAX];
    while (value != NULL && *pointer == '/') {
        if (!part_take(&pointer, part)) {
            return NULL;
        }
        value = json_is_array(value) ? element_of(value, part) : json_object_get(value, part);
    }
    return *pointer == '\0' ? value : NULL;
}

static ds_code value_keep(struct load_variables *variables, size_t variable, const json_t *value)
{
    assert(variable < variables->count);
    struct ds_buffer *text = &variables->texts[variable];
    ds_buffer_clear(text);
    if (json_is_string(value)) {
        ds_buffer_append(text, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        ds_buffer_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        ds_buffer_printf(text, "%.17g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        ds_buffer_append_text(text, json_is_true(value) ? "true" : "false");
    } else {
        return DS_NOT_FOUND;
    }
    if (text->overflow) {
        return DS_RESOURCE_EXHAUSTED;
    }
    static const uint8_t nothing[1];
    variables->values[variable] = text->size > 0 ? ds_buffer_bytes(text) : ds_bytes_of(nothing, 0);
    return DS_OK;
}

ds_code load_capture_json(struct load_variables *variables, const struct load_capture *captures,
                          size_t capture_count, struct ds_bytes json)
{
    json_t *root =
        json_loadb((const char *)json.data, json.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (root == NULL) {
        return DS_INVALID_ARGUMENT;
    }
    ds_code code = DS_OK;
    for (size_t i = 0; i < capture_count && code == DS_OK; i++) {
        code = value_keep(variables, captures[i].variable, value_at(root, captures[i].pointer));
    }
    json_decref(root);
    return code;
}

ds_code load_capture_wire(struct load_variables *variables, const struct load_capture *captures,
                          size_t capture_count, const struct ds_message *message,
                          struct ds_bytes wire)
{
    static const struct ds_json_style style = {
        .proto_names = true, .defaults = true, .int64_numbers = true};
    struct ds_buffer json;
    ds_buffer_init(&json, JSON_BYTES_MAX);
    ds_code code = ds_wire_to_json(message, wire, &style, &json);
    if (code == DS_OK) {
        code = load_capture_json(variables, captures, capture_count, ds_buffer_bytes(&json));
    }
    ds_buffer_deinit(&json);
    return code;
}
