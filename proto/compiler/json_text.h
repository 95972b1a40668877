/* JSON text, written value by value. */
#ifndef COMPILER_JSON_TEXT_H
#define COMPILER_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 64

struct json {
    FILE *file;
    unsigned int depth;
    bool has_members[JSON_DEPTH_MAX]; /* by depth: the next one needs a comma */
};

/* Each writes one value; `name` is its name in the object around it, NULL in an array and for the
 * outermost value. */
void json_object_begin(struct json *json, const char *name);
void json_object_end(struct json *json);
void json_array_begin(struct json *json, const char *name);
void json_array_end(struct json *json);
void json_string(struct json *json, const char *name, const char *text);
void json_printf(struct json *json, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void json_integer(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);

/* `text` is JSON already. */
void json_raw(struct json *json, const char *name, const char *text);

/* {"$ref": "#/components/<kind>/<component>"} */
void json_reference(struct json *json, const char *name, const char *kind, const char *component);

#endif
