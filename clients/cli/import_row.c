#include "clients/cli/import_row.h"

#include "ds/json.h"
#include "ds/number.h"
#include "ds/time.h"

#include <stdio.h>

const char *const import_time_choices[] = {"iso", "unix", "unix-ms", "unix-us", NULL};

static struct ds_bytes trim(struct ds_bytes text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = ds_bytes_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

/* Decimal seconds, exactly to the microsecond; a double would not hold them. */
static bool parse_seconds(struct ds_bytes text, int64_t *ret_us)
{
    const uint8_t *point = text.size == 0 ? NULL : memchr(text.data, '.', text.size);
    const size_t whole_bytes = point == NULL ? text.size : (size_t)(point - text.data);
    int64_t seconds = 0;
    int64_t fraction = 0;
    if (!ds_int64_parse(ds_bytes_of(text.data, whole_bytes), &seconds) ||
        seconds < DS_TIME_SECONDS_MIN || seconds > DS_TIME_SECONDS_MAX) {
        return false;
    }
    int64_t scale = DS_MICROSECONDS;
    for (size_t i = whole_bytes + 1; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        scale /= 10;
        fraction += (text.data[i] - '0') * scale;
    }
    const bool is_negative = text.data[0] == '-';
    *ret_us = seconds * DS_MICROSECONDS + (is_negative ? -fraction : fraction);
    return true;
}

static bool parse_unix(enum import_time format, struct ds_bytes text, int64_t *ret_us)
{
    int64_t number = 0;
    if (format == IMPORT_TIME_UNIX) {
        return parse_seconds(text, ret_us);
    }
    if (!ds_int64_parse(text, &number)) {
        return false;
    }
    return !__builtin_mul_overflow(number, format == IMPORT_TIME_UNIX_MS ? 1000 : 1, ret_us);
}

/* A time as RFC 3339, which the codec reads; false where it is none. */
static bool format_unix(enum import_time format, struct ds_bytes text,
                        char target[DS_TIME_TEXT_MAX], size_t *ret_bytes)
{
    int64_t time_us = 0;
    if (!parse_unix(format, text, &time_us)) {
        return false;
    }
    int64_t seconds = time_us / DS_MICROSECONDS;
    int64_t rest_us = time_us % DS_MICROSECONDS;
    if (rest_us < 0) {
        seconds--;
        rest_us += DS_MICROSECONDS;
    }
    if (seconds < DS_TIME_SECONDS_MIN || seconds > DS_TIME_SECONDS_MAX) {
        return false;
    }
    *ret_bytes = ds_time_format(seconds, (int32_t)(rest_us * 1000), target);
    return true;
}

static ds_code write_field(const struct import_row *row, const struct ds_field *field,
                           struct ds_bytes text, struct ds_buffer *wire, char *ret_reason)
{
    const struct ds_json_read_options read_options = {.lenient_times = true};
    struct ds_json_error error = {0};
    char time[DS_TIME_TEXT_MAX];
    size_t time_bytes = 0;
    const bool is_time =
        field->message != NULL && field->message->wellknown == DS_WELLKNOWN_TIMESTAMP;
    if (is_time && row->time_format != IMPORT_TIME_ISO) {
        if (!format_unix(row->time_format, text, time, &time_bytes)) {
            snprintf(ret_reason, IMPORT_REASON_BYTES_MAX, "\"%.*s\" is no time in %s",
                     (int)(text.size < 64 ? text.size : 64), (const char *)text.data,
                     import_time_choices[row->time_format]);
            return DS_INVALID_ARGUMENT;
        }
        text = ds_bytes_of(time, time_bytes);
    }
    if (ds_json_scalar_to_wire(field, text, &read_options, wire, &error) != DS_OK) {
        snprintf(ret_reason, IMPORT_REASON_BYTES_MAX, "\"%.*s\": %s",
                 (int)(text.size < 64 ? text.size : 64), (const char *)text.data, error.message);
        return DS_INVALID_ARGUMENT;
    }
    return DS_OK;
}

/* A value for the rows whose column, which comes behind it and counts, has none. */
static ds_code write_default(const struct import_row *row, const char *name, const char *value,
                             struct ds_buffer *wire, const char **ret_field, char *ret_reason)
{
    if (value == NULL || value[0] == '\0') {
        return DS_OK;
    }
    *ret_field = name;
    return write_field(row, ds_field_by_name(row->message, name, strlen(name)),
                       ds_bytes_of_text(value), wire, ret_reason);
}

/*
 * The text of a cell. Blanks around it count only in quotes; an empty one is no value, but a quoted
 * one of a text is the empty text. ret_is_present tells which.
 */
static struct ds_bytes cell_text(const struct csv_record *record, const struct column *column,
                                 bool *ret_is_present)
{
    const struct ds_bytes text = record->fields[column->index];
    const bool is_text = column->field->kind == DS_KIND_STRING;
    if (is_text && record->is_quoted != NULL && record->is_quoted[column->index]) {
        *ret_is_present = true;
        return text;
    }
    const struct ds_bytes trimmed = trim(text);
    *ret_is_present = trimmed.size > 0;
    return trimmed;
}

ds_code import_row_write(const struct import_row *row, const struct csv_record *record,
                         struct ds_buffer *wire, const char **ret_field,
                         char ret_reason[IMPORT_REASON_BYTES_MAX])
{
    DS_TRY(write_default(row, "product", row->product, wire, ret_field, ret_reason));
    DS_TRY(write_default(row, "symbol", row->symbol, wire, ret_field, ret_reason));
    for (size_t i = 0; i < row->map.count; i++) {
        const struct column *column = &row->map.columns[i];
        *ret_field = column->field->name;
        if (column->index >= record->field_count) {
            snprintf(ret_reason, IMPORT_REASON_BYTES_MAX, "there is no column %zu", column->index);
            return DS_INVALID_ARGUMENT;
        }
        bool is_present = false;
        const struct ds_bytes text = cell_text(record, column, &is_present);
        if (is_present) {
            DS_TRY(write_field(row, column->field, text, wire, ret_reason));
        }
    }
    return DS_OK;
}

bool import_row_has_time(const struct import_row *row, const struct csv_record *record)
{
    const struct column *column = column_map_find(&row->map, "timestamp");
    int64_t seconds = 0;
    int32_t nanoseconds = 0;
    int64_t time_us = 0;
    if (column == NULL || column->index >= record->field_count) {
        return false;
    }
    const struct ds_bytes text = trim(record->fields[column->index]);
    return row->time_format == IMPORT_TIME_ISO ? ds_time_parse(text, true, &seconds, &nanoseconds)
                                               : parse_unix(row->time_format, text, &time_us);
}
