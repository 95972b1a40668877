#include "clients/cli/rows.h"

#include "clients/cli/csv_write.h"
#include "clients/cli/rows_columns.h"
#include "clients/cli/table.h"

#include <stdlib.h>
#include <unistd.h>

#define ROWS_TEXT_BYTES_MAX (64 * 1024 * 1024)

const char *const rows_format_choices[] = {"auto", "table", "json", "ndjson", "csv", NULL};

const struct ds_json_style rows_json_style = {.proto_names = true, .int64_numbers = true};

/* A value of the CSV record in the making. */
struct csv_value {
    size_t offset; /* into rows->text */
    size_t size;
};

struct rows {
    FILE *stream;
    enum rows_format format;
    const struct ds_message *message;
    size_t row_count;
    struct ds_buffer text; /* of one row */
    struct rows_columns columns;
    struct csv_value csv_values[ROWS_COLUMNS_MAX];
    struct table *table; /* of ROWS_TABLE, else NULL */
};

enum rows_format rows_format_for(FILE *stream, enum rows_format format)
{
    if (format != ROWS_AUTO) {
        return format;
    }
    return isatty(fileno(stream)) == 1 ? ROWS_TABLE : ROWS_NDJSON;
}

static struct rows *create(FILE *stream, enum rows_format format, const struct ds_message *message,
                           bool is_vertical)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    if (rows == NULL) {
        abort();
    }
    rows->stream = stream;
    rows->message = message;
    rows->format = rows_format_for(stream, format);
    ds_buffer_init(&rows->text, ROWS_TEXT_BYTES_MAX);
    rows_columns_init(&rows->columns, message);
    if (rows->format == ROWS_TABLE) {
        const struct table_options options = {.columns = rows->columns.heads,
                                              .column_count = rows->columns.count,
                                              .width = table_terminal_width(stream),
                                              .is_bold = table_terminal_is_bold(stream),
                                              .is_vertical = is_vertical};
        rows->table = table_create(stream, &options);
    }
    return rows;
}

struct rows *rows_create(FILE *stream, enum rows_format format, const struct ds_message *message)
{
    return create(stream, format, message, false);
}

struct rows *rows_create_vertical(FILE *stream, enum rows_format format,
                                  const struct ds_message *message)
{
    return create(stream, format, message, true);
}

static ds_code add_json(struct rows *rows, struct ds_bytes wire)
{
    struct ds_json_style style = rows_json_style;
    style.defaults = true;
    ds_buffer_clear(&rows->text);
    DS_TRY(ds_wire_to_json(rows->message, wire, &style, &rows->text));
    if (rows->format == ROWS_JSON) {
        fputs(rows->row_count == 0 ? "[\n " : ",\n ", rows->stream);
    }
    fwrite(rows->text.data, 1, rows->text.size, rows->stream);
    if (rows->format == ROWS_NDJSON) {
        fputc('\n', rows->stream);
    }
    return DS_OK;
}

static void write_csv_head(const struct rows *rows)
{
    for (size_t i = 0; i < rows->columns.count; i++) {
        fprintf(rows->stream, "%s%s", i == 0 ? "" : ",", rows->columns.heads[i].name);
    }
    fputc('\n', rows->stream);
}

static void take_csv_value(void *context, size_t column, struct ds_bytes text)
{
    struct rows *rows = context;
    rows->csv_values[column] = (struct csv_value){.offset = rows->text.size, .size = text.size};
    ds_buffer_append(&rows->text, text.data, text.size);
}

static ds_code add_csv(struct rows *rows, struct ds_bytes wire)
{
    memset(rows->csv_values, 0, sizeof(rows->csv_values));
    ds_buffer_clear(&rows->text);
    DS_TRY(rows_columns_each(&rows->columns, wire, false, take_csv_value, rows));
    if (rows->text.overflow) {
        return DS_RESOURCE_EXHAUSTED;
    }
    if (rows->row_count == 0) {
        write_csv_head(rows);
    }
    for (size_t i = 0; i < rows->columns.count; i++) {
        const struct csv_value *value = &rows->csv_values[i];
        fputs(i == 0 ? "" : ",", rows->stream);
        if (value->size > 0) {
            csv_write_value(rows->stream,
                            ds_bytes_of(rows->text.data + value->offset, value->size));
        }
    }
    fputc('\n', rows->stream);
    return DS_OK;
}

static void take_cell(void *context, size_t column, struct ds_bytes text)
{
    table_cell(context, column, text);
}

ds_code rows_add(struct rows *rows, struct ds_bytes wire)
{
    switch (rows->format) {
    case ROWS_TABLE:
        table_row(rows->table);
        DS_TRY(rows_columns_each(&rows->columns, wire, true, take_cell, rows->table));
        break;
    case ROWS_CSV:
        DS_TRY(add_csv(rows, wire));
        break;
    default:
        DS_TRY(add_json(rows, wire));
        break;
    }
    rows->row_count++;
    return DS_OK;
}

void rows_destroy(struct rows *rows)
{
    if (rows == NULL) {
        return;
    }
    if (rows->format == ROWS_CSV && rows->row_count == 0) {
        write_csv_head(rows);
    } else if (rows->format == ROWS_JSON) {
        fputs(rows->row_count == 0 ? "[]\n" : "\n]\n", rows->stream);
    }
    table_destroy(rows->table);
    rows_columns_deinit(&rows->columns);
    ds_buffer_deinit(&rows->text);
    free(rows);
}
