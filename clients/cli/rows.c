#include "clients/cli/rows.h"

#include "clients/cli/csv_write.h"
#include "clients/cli/rows_columns.h"
#include "clients/cli/table.h"

#include <stdlib.h>
#include <unistd.h>

#define ROWS_TEXT_BYTES_MAX (64 * 1024 * 1024)

const char *const rows_format_choices[] = {"auto", "table", "json", "ndjson", "csv", NULL};

const struct ds_json_style rows_json_style = {.proto_names = true, .int64_numbers = true};

struct rows {
    FILE *stream;
    enum rows_format format;
    const struct ds_message *message;
    size_t row_count;
    struct ds_buffer text; /* of one row */
    struct rows_columns columns;
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
    csv_write_head(rows->stream, rows->columns.heads, rows->columns.count);
}

static ds_code add_csv(struct rows *rows, struct ds_bytes wire)
{
    DS_TRY(rows_columns_read(&rows->columns, wire, false));
    if (rows->row_count == 0) {
        write_csv_head(rows);
    }
    csv_write_row(rows->stream, &rows->columns);
    return DS_OK;
}

static ds_code add_to_table(struct rows *rows, struct ds_bytes wire)
{
    DS_TRY(rows_columns_read(&rows->columns, wire, true));
    table_row(rows->table);
    for (size_t i = 0; i < rows->columns.count; i++) {
        struct ds_bytes text;
        if (rows_columns_value(&rows->columns, i, &text)) {
            table_cell(rows->table, i, text);
        }
    }
    return DS_OK;
}

ds_code rows_add(struct rows *rows, struct ds_bytes wire)
{
    switch (rows->format) {
    case ROWS_TABLE:
        DS_TRY(add_to_table(rows, wire));
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
