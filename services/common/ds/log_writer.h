/* The lines on their way from those who log to stderr. Private to ds_common. */
#ifndef DS_LOG_WRITER_H
#define DS_LOG_WRITER_H

#include "ds/log.h"

#include <stddef.h>

/* A line longer than this is dropped: a field that large is a mistake in the program. */
#define DS_LOG_LINE_BYTES_MAX (16 * 1024)

struct ds_buffer;

/* Appends the whole line to an empty buffer; it overflows where the line would be too long. */
void ds_log_line(struct ds_buffer *line, enum ds_log_level level, const char *event,
                 const struct ds_log_field *fields);

/* Writes a line or has it written. At most DS_LOG_LINE_BYTES_MAX. Any thread. */
void ds_log_writer_take(const void *line, size_t size);

#endif
