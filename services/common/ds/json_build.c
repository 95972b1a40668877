#include "ds/json_build.h"

#include "ds/json.h"
#include "ds/time.h"

#include <inttypes.h>
#include <math.h>

/* A comma stands behind what is complete: everything but an opening bracket, and a line that has
 * just begun. */
static void separate(struct ds_buffer *json)
{
    const uint8_t last = json->size == 0 ? '[' : json->data[json->size - 1];
    if (last != '{' && last != '[' && last != '\n') {
        ds_buffer_append_byte(json, ',');
    }
}

static void begin(struct ds_buffer *json, const char *name)
{
    separate(json);
    if (name != NULL) {
        ds_json_append_string(json, ds_bytes_of_text(name));
        ds_buffer_append_byte(json, ':');
    }
}

void ds_json_put_open(struct ds_buffer *json, const char *name, char bracket)
{
    begin(json, name);
    ds_buffer_append_byte(json, (uint8_t)bracket);
}

void ds_json_put_close(struct ds_buffer *json, char bracket)
{
    ds_buffer_append_byte(json, (uint8_t)bracket);
}

void ds_json_put_line(struct ds_buffer *json)
{
    separate(json);
    ds_buffer_append_byte(json, '\n');
}

void ds_json_put_text(struct ds_buffer *json, const char *name, const char *text)
{
    begin(json, name);
    ds_json_append_string(json, ds_bytes_of_text(text));
}

void ds_json_put_number(struct ds_buffer *json, const char *name, int64_t number)
{
    begin(json, name);
    ds_buffer_printf(json, "%" PRId64, number);
}

void ds_json_put_real(struct ds_buffer *json, const char *name, double number)
{
    begin(json, name);
    if (isfinite(number)) {
        ds_buffer_printf(json, "%.12g", number);
    } else {
        ds_buffer_append_text(json, "null");
    }
}

void ds_json_put_boolean(struct ds_buffer *json, const char *name, bool truth)
{
    begin(json, name);
    ds_buffer_append_text(json, truth ? "true" : "false");
}

void ds_json_put_seconds(struct ds_buffer *json, const char *name, int64_t microseconds)
{
    begin(json, name);
    ds_buffer_printf(json, "%.6f", (double)microseconds / 1e6);
}

void ds_json_put_time(struct ds_buffer *json, const char *name, int64_t wall_us)
{
    char text[DS_TIME_TEXT_MAX];
    const size_t size = ds_time_format(wall_us / DS_MICROSECONDS,
                                       (int32_t)(wall_us % DS_MICROSECONDS * 1000), text);
    begin(json, name);
    ds_json_append_string(json, ds_bytes_of(text, size));
}
