#include "clients/cli/csv_write.h"

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* Readers take blanks around a bare value for nothing, and a bare empty one for none. */
static bool needs_quotes(struct ds_bytes value)
{
    if (value.size == 0 || is_blank(value.data[0]) || is_blank(value.data[value.size - 1])) {
        return true;
    }
    for (size_t i = 0; i < value.size; i++) {
        const uint8_t byte = value.data[i];
        if (byte == ',' || byte == '"' || byte == '\r' || byte == '\n') {
            return true;
        }
    }
    return false;
}

void csv_write_value(FILE *stream, struct ds_bytes value)
{
    if (!needs_quotes(value)) {
        fwrite(value.data, 1, value.size, stream);
        return;
    }
    fputc('"', stream);
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '"') {
            fputc('"', stream);
        }
        fputc(value.data[i], stream);
    }
    fputc('"', stream);
}

void csv_write_head(FILE *stream, const struct table_column *columns, size_t column_count)
{
    for (size_t i = 0; i < column_count; i++) {
        fprintf(stream, "%s%s", i == 0 ? "" : ",", columns[i].name);
    }
    fputc('\n', stream);
}

void csv_write_row(FILE *stream, const struct rows_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        struct ds_bytes text;
        fputs(i == 0 ? "" : ",", stream);
        if (rows_columns_value(columns, i, &text)) {
            csv_write_value(stream, text);
        }
    }
    fputc('\n', stream);
}
