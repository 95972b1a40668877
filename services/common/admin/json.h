/* Appends JSON piece by piece; commas between members and elements come by themselves. */
#ifndef ADMIN_JSON_H
#define ADMIN_JSON_H

#include "ds/buffer.h"

/* `name` is the member's in an object, NULL for the element of a list and the whole text. */
void admin_json_open(struct ds_buffer *json, const char *name, char bracket);
void admin_json_close(struct ds_buffer *json, char bracket);
void admin_json_text(struct ds_buffer *json, const char *name, const char *text);
void admin_json_number(struct ds_buffer *json, const char *name, int64_t number);
void admin_json_boolean(struct ds_buffer *json, const char *name, bool truth);

/* Microseconds as seconds. */
void admin_json_seconds(struct ds_buffer *json, const char *name, int64_t microseconds);

/* Microseconds since 1970 as RFC 3339. */
void admin_json_time(struct ds_buffer *json, const char *name, int64_t wall_us);

#endif
