#include "ds/log.h"

#include "ds/buffer.h"
#include "ds/clock.h"
#include "ds/json.h"
#include "ds/time.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* A line longer than this is dropped: a field that large is a mistake in the program. */
#define LINE_BYTES_MAX (16 * 1024)

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

void ds_log_write(enum ds_log_level level, const char *event, const struct ds_log_field *fields)
{
    if ((int)level < atomic_load_explicit(&lowest_level, memory_order_relaxed)) {
        return;
    }
    struct ds_buffer line;
    ds_buffer_init(&line, LINE_BYTES_MAX);
    ds_buffer_append_text(&line, "{\"time\":\"");
    append_time(&line);
    ds_buffer_printf(&line, "\",\"level\":\"%s\",\"event\":", level_names[level]);
    ds_json_append_string(&line, ds_bytes_of_text(event));
    for (; fields->name != NULL; fields++) {
        ds_buffer_append_byte(&line, ',');
        ds_json_append_string(&line, ds_bytes_of_text(fields->name));
        ds_buffer_append_byte(&line, ':');
        if (fields->text != NULL) {
            ds_json_append_string(&line, ds_bytes_of_text(fields->text));
        } else {
            ds_buffer_printf(&line, "%lld", (long long)fields->number);
        }
    }
    ds_buffer_append_text(&line, "}\n");
    if (!line.overflow) {
        /* One write a line, so that lines of several threads do not mix. A log that can't be
         * written must not stop the service. */
        const ssize_t written = write(STDERR_FILENO, line.data, line.size);
        (void)written;
    }
    ds_buffer_deinit(&line);
}
