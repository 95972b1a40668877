#include "clients/cli/records.h"

#include "clients/cli/csv_write.h"

#include <stdlib.h>

#define RECORD_BYTES_MAX (1024 * 1024)

struct records {
    FILE *stream;
    enum rows_format format;
    const struct table_column *columns;
    size_t column_count;
    size_t row_count;
    struct table *table; /* of ROWS_TABLE, else NULL */
    struct ds_buffer json;
};

struct records *records_create(FILE *stream, enum rows_format format,
                               const struct table_column *columns, size_t column_count)
{
    struct records *records = calloc(1, sizeof(*records));
    if (records == NULL) {
        abort();
    }
    records->stream = stream;
    records->format = rows_format_for(stream, format);
    records->columns = columns;
    records->column_count = column_count;
    ds_buffer_init(&records->json, RECORD_BYTES_MAX);
    if (records->format == ROWS_TABLE) {
        const struct table_options options = {.columns = columns,
                                              .column_count = column_count,
                                              .width = table_terminal_width(stream),
                                              .is_bold = table_terminal_is_bold(stream)};
        records->table = table_create(stream, &options);
    } else if (records->format == ROWS_CSV) {
        csv_write_head(stream, columns, column_count);
    }
    return records;
}

static void write_json(struct records *records, const char *const *values)
{
    const char *gap = "{";
    ds_buffer_clear(&records->json);
    for (size_t i = 0; i < records->column_count; i++) {
        if (values[i] == NULL) {
            continue;
        }
        ds_buffer_append_text(&records->json, gap);
        ds_json_append_string(&records->json, ds_bytes_of_text(records->columns[i].name));
        ds_buffer_append_text(&records->json, ":");
        if (records->columns[i].is_number) {
            ds_buffer_append_text(&records->json, values[i]);
        } else {
            ds_json_append_string(&records->json, ds_bytes_of_text(values[i]));
        }
        gap = ",";
    }
    ds_buffer_append_text(&records->json, gap[0] == '{' ? "{}" : "}");
    fwrite(records->json.data, 1, records->json.size, records->stream);
}

static void write_csv(const struct records *records, const char *const *values)
{
    for (size_t i = 0; i < records->column_count; i++) {
        fputs(i == 0 ? "" : ",", records->stream);
        if (values[i] != NULL) {
            csv_write_value(records->stream, ds_bytes_of_text(values[i]));
        }
    }
}

static void add_to_table(struct records *records, const char *const *values)
{
    table_row(records->table);
    for (size_t i = 0; i < records->column_count; i++) {
        if (values[i] != NULL) {
            table_cell(records->table, i, ds_bytes_of_text(values[i]));
        }
    }
}

void records_add(struct records *records, const char *const *values)
{
    switch (records->format) {
    case ROWS_TABLE:
        add_to_table(records, values);
        break;
    case ROWS_CSV:
        write_csv(records, values);
        fputc('\n', records->stream);
        break;
    case ROWS_JSON:
        fputs(records->row_count == 0 ? "[\n " : ",\n ", records->stream);
        write_json(records, values);
        break;
    default:
        write_json(records, values);
        fputc('\n', records->stream);
        break;
    }
    records->row_count++;
}

void records_destroy(struct records *records)
{
    if (records == NULL) {
        return;
    }
    if (records->format == ROWS_JSON) {
        fputs(records->row_count == 0 ? "[]\n" : "\n]\n", records->stream);
    }
    table_destroy(records->table);
    ds_buffer_deinit(&records->json);
    free(records);
}
