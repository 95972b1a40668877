#include "json_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

static void text_write(FILE *file, const char *text)
{
    fputc('"', file);
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\') {
            fprintf(file, "\\%c", byte);
        } else if (byte == '\n') {
            fputs("\\n", file);
        } else if (byte < 0x20) {
            fprintf(file, "\\u%04x", byte);
        } else {
            fputc(byte, file);
        }
    }
    fputc('"', file);
}

static void value_begin(struct json *json, const char *name)
{
    if (json->has_members[json->depth]) {
        fputc(',', json->file);
    }
    json->has_members[json->depth] = true;
    if (name != NULL) {
        text_write(json->file, name);
        fputc(':', json->file);
    }
}

static void level_begin(struct json *json, const char *name, char bracket)
{
    value_begin(json, name);
    fputc(bracket, json->file);
    json->depth++;
    assert(json->depth < JSON_DEPTH_MAX);
    json->has_members[json->depth] = false;
}

static void level_end(struct json *json, char bracket)
{
    assert(json->depth > 0);
    json->depth--;
    fputc(bracket, json->file);
}

void json_object_begin(struct json *json, const char *name)
{
    level_begin(json, name, '{');
}

void json_object_end(struct json *json)
{
    level_end(json, '}');
}

void json_array_begin(struct json *json, const char *name)
{
    level_begin(json, name, '[');
}

void json_array_end(struct json *json)
{
    level_end(json, ']');
}

void json_string(struct json *json, const char *name, const char *text)
{
    value_begin(json, name);
    text_write(json->file, text);
}

void json_printf(struct json *json, const char *name, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        abort();
    }
    va_end(arguments);
    json_string(json, name, text);
    free(text);
}

void json_integer(struct json *json, const char *name, int64_t value)
{
    value_begin(json, name);
    fprintf(json->file, "%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    json_raw(json, name, value ? "true" : "false");
}

void json_raw(struct json *json, const char *name, const char *text)
{
    value_begin(json, name);
    fputs(text, json->file);
}

void json_reference(struct json *json, const char *name, const char *kind, const char *component)
{
    json_object_begin(json, name);
    json_printf(json, "$ref", "#/components/%s/%s", kind, component);
    json_object_end(json);
}
