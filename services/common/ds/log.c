#include "ds/log.h"

#include "ds/buffer.h"
#include "ds/clock.h"
#include "ds/json.h"
#include "ds/log_writer.h"
#include "ds/time.h"

#include <stdatomic.h>
#include <string.h>

static const char *const level_names[] = {
    [DS_LOG_DEBUG] = "debug",
    [DS_LOG_INFO] = "info",
    [DS_LOG_WARNING] = "warning",
    [DS_LOG_ERROR] = "error",
};

static atomic_int lowest_level = DS_LOG_INFO;

void ds_log_set_level(enum ds_log_level level)
{
    atomic_store_explicit(&lowest_level, (int)level, memory_order_relaxed);
}

bool ds_log_has_level(enum ds_log_level level)
{
    return (int)level >= atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

ds_code ds_log_level_parse(const char *name, enum ds_log_level *ret_level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum ds_log_level)i;
            return DS_OK;
        }
    }
    return DS_INVALID_ARGUMENT;
}

static void append_time(struct ds_buffer *line)
{
    const int64_t now_us = ds_clock_wall_us(ds_clock_system());
    char text[DS_TIME_TEXT_MAX];
    const size_t size =
        ds_time_format(now_us / DS_MICROSECONDS, (int32_t)(now_us % DS_MICROSECONDS) * 1000, text);
    ds_buffer_append(line, text, size);
}

void ds_log_line(struct ds_buffer *line, enum ds_log_level level, const char *event,
                 const struct ds_log_field *fields)
{
    ds_buffer_append_text(line, "{\"time\":\"");
    append_time(line);
    ds_buffer_printf(line, "\",\"level\":\"%s\",\"event\":", level_names[level]);
    ds_json_append_string(line, ds_bytes_of_text(event));
    for (; fields->name != NULL; fields++) {
        ds_buffer_append_byte(line, ',');
        ds_json_append_string(line, ds_bytes_of_text(fields->name));
        ds_buffer_append_byte(line, ':');
        if (fields->text != NULL) {
            ds_json_append_string(line, ds_bytes_of_text(fields->text));
        } else {
            ds_buffer_printf(line, "%lld", (long long)fields->number);
        }
    }
    ds_buffer_append_text(line, "}\n");
}

void ds_log_write(enum ds_log_level level, const char *event, const struct ds_log_field *fields)
{
    if (!ds_log_has_level(level)) {
        return;
    }
    struct ds_buffer line;
    ds_buffer_init(&line, DS_LOG_LINE_BYTES_MAX);
    ds_log_line(&line, level, event, fields);
    if (!line.overflow) {
        ds_log_writer_take(line.data, line.size);
    }
    ds_buffer_deinit(&line);
}
