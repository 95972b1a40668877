#include "ds/json_reader.h"
#include "ds/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* Members' names longer than this are cut in pointers. */
#define POINTER_NAME_BYTES_MAX 64

/* A pointer that grows until there is no room for another whole character. */
struct pointer {
    char *text;
    size_t size;
    size_t room; /* without the terminator */
    bool full;
};

static void add_piece(struct pointer *pointer, const void *text, size_t size)
{
    if (pointer->full || size > pointer->room - pointer->size) {
        pointer->full = true;
        return;
    }
    memcpy(pointer->text + pointer->size, text, size);
    pointer->size += size;
}

/* The bytes of the character at the front of well-formed text. */
static size_t character_size(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static void add_escaped(struct pointer *pointer, struct ds_bytes name)
{
    for (size_t i = 0; i < name.size;) {
        const size_t size = character_size(name.data[i]);
        if (size > name.size - i) {
            return;
        }
        if (name.data[i] == '~') {
            add_piece(pointer, "~0", 2);
        } else if (name.data[i] == '/') {
            add_piece(pointer, "~1", 2);
        } else if (name.data[i] < 0x20) {
            add_piece(pointer, "?", 1);
        } else {
            add_piece(pointer, name.data + i, size);
        }
        i += size;
    }
}

/* Names are kept as they stand in the text, with their escapes. */
static void add_name(struct pointer *pointer, struct ds_bytes raw)
{
    uint8_t decoded[POINTER_NAME_BYTES_MAX];
    const struct json_string string = {
        .raw = raw, .has_escapes = raw.size > 0 && memchr(raw.data, '\\', raw.size) != NULL};
    if (!string.has_escapes) {
        add_escaped(pointer, raw);
    } else if (raw.size <= sizeof decoded) {
        /* Decoding never makes text longer. */
        const size_t size = json_decode_string(&string, decoded);
        add_escaped(pointer, ds_bytes_of(decoded, size));
    } else {
        add_piece(pointer, "?", 1);
    }
}

static void add_path(struct pointer *pointer, const struct json_path *path)
{
    if (path == NULL || path->parent == NULL) {
        return;
    }
    add_path(pointer, path->parent);
    add_piece(pointer, "/", 1);
    if (path->name.data != NULL) {
        add_name(pointer, path->name);
        return;
    }
    char index[24];
    const int size = snprintf(index, sizeof index, "%zu", path->index);
    assert(size > 0);
    add_piece(pointer, index, (size_t)size);
}

bool json_fail(struct json_reader *reader, const struct json_path *path, const uint8_t *at,
               const char *format, ...)
{
    struct ds_json_error *error = reader->error;
    *error = (struct ds_json_error){.offset = (size_t)(at - reader->begin)};
    struct pointer pointer = {.text = error->pointer, .room = sizeof error->pointer - 1};
    add_path(&pointer, path);
    error->pointer[pointer.size] = '\0';

    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    reader->code = DS_INVALID_ARGUMENT;
    return false;
}
