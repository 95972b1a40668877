/* Appends JSON piece by piece; commas between members and elements come by themselves. */
#ifndef DS_JSON_BUILD_H
#define DS_JSON_BUILD_H

#include "ds/buffer.h"

/* `name` is the member's in an object, NULL for the element of a list and the whole text. */
void ds_json_put_open(struct ds_buffer *json, const char *name, char bracket);
void ds_json_put_close(struct ds_buffer *json, char bracket);
/* What comes next begins on a line of its own. */
void ds_json_put_line(struct ds_buffer *json);
void ds_json_put_text(struct ds_buffer *json, const char *name, const char *text);
void ds_json_put_number(struct ds_buffer *json, const char *name, int64_t number);
/* With twelve digits; null where it is not finite, for which JSON has no word. */
void ds_json_put_real(struct ds_buffer *json, const char *name, double number);
void ds_json_put_boolean(struct ds_buffer *json, const char *name, bool truth);

/* Microseconds as seconds. */
void ds_json_put_seconds(struct ds_buffer *json, const char *name, int64_t microseconds);

/* Microseconds since 1970 as RFC 3339. */
void ds_json_put_time(struct ds_buffer *json, const char *name, int64_t wall_us);

#endif
