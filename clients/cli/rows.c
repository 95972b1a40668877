#include "clients/cli/rows.h"

#include "ds/arena.h"
#include "ds/wire.h"

#include <stdlib.h>
#include <unistd.h>

#define ROWS_COLUMNS_MAX 64
#define ROWS_PAGE_ROWS 1000
#define ROWS_PAGE_BYTES_MAX (64 * 1024 * 1024)
#define ROWS_TEXT_BYTES_MAX (32 * 1024 * 1024)

const char *const rows_format_choices[] = {"auto", "table", "json", "ndjson", "csv", NULL};

const struct ds_json_style rows_json_style = {.proto_names = true, .int64_numbers = true};

struct rows {
    FILE *stream;
    enum rows_format format;
    const struct ds_message *message;
    size_t row_count;
    struct ds_buffer text; /* of one row or value */
    bool is_bold;          /* the table's head */

    /* The page of a table. */
    struct ds_arena *arena;
    const char **cells; /* of row r and column c at r * column_count + c; NULL: absent */
    size_t page_row_count;
};

static size_t column_count(const struct rows *rows)
{
    return rows->message->field_count < ROWS_COLUMNS_MAX ? rows->message->field_count
                                                         : ROWS_COLUMNS_MAX;
}

static void begin_page(struct rows *rows)
{
    rows->arena = ds_arena_create(ROWS_PAGE_BYTES_MAX);
    rows->cells = ds_arena_zalloc(rows->arena,
                                  (ROWS_PAGE_ROWS + 1) * ROWS_COLUMNS_MAX * sizeof(rows->cells[0]));
    rows->page_row_count = 0;
}

static bool terminal_takes_bold(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(fileno(stream)) == 1 && (no_color == NULL || no_color[0] == '\0') &&
           terminal != NULL && strcmp(terminal, "dumb") != 0;
}

struct rows *rows_create(FILE *stream, enum rows_format format, const struct ds_message *message)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    if (rows == NULL) {
        abort();
    }
    rows->stream = stream;
    rows->message = message;
    rows->format = format;
    if (format == ROWS_AUTO) {
        rows->format = isatty(fileno(stream)) == 1 ? ROWS_TABLE : ROWS_NDJSON;
    }
    rows->is_bold = terminal_takes_bold(stream);
    ds_buffer_init(&rows->text, ROWS_TEXT_BYTES_MAX);
    begin_page(rows);
    return rows;
}

static void write_text(const struct rows *rows)
{
    fwrite(rows->text.data, 1, rows->text.size, rows->stream);
}

static ds_code add_json(struct rows *rows, struct ds_bytes wire)
{
    ds_buffer_clear(&rows->text);
    DS_TRY(ds_wire_to_json(rows->message, wire, &rows_json_style, &rows->text));
    if (rows->format == ROWS_JSON) {
        fputs(rows->row_count == 0 ? "[\n " : ",\n ", rows->stream);
        write_text(rows);
    } else {
        write_text(rows);
        fputc('\n', rows->stream);
    }
    return DS_OK;
}

/*
 * The value of one field as text without JSON's quotes. `occurrence` is its tag and value: a
 * message of that field alone is written as {"name":value}, and the value is cut out.
 */
static ds_code value_text(struct rows *rows, const struct ds_field *field,
                          struct ds_bytes occurrence, struct ds_bytes *ret_text)
{
    ds_buffer_clear(&rows->text);
    DS_TRY(ds_wire_to_json(rows->message, occurrence, &rows_json_style, &rows->text));
    const size_t prefix_bytes = strlen("{\"\":") + field->name_bytes;
    struct ds_bytes text =
        ds_bytes_of(rows->text.data + prefix_bytes, rows->text.size - prefix_bytes - strlen("}"));
    if (text.size >= 2 && text.data[0] == '"') {
        text = ds_bytes_of(text.data + 1, text.size - 2);
    }
    *ret_text = text;
    return DS_OK;
}

static size_t column_of(const struct rows *rows, uint32_t number)
{
    for (size_t i = 0; i < column_count(rows); i++) {
        if (rows->message->fields[i].number == number) {
            return i;
        }
    }
    return ROWS_COLUMNS_MAX;
}

static ds_code fill_cell(struct rows *rows, struct ds_bytes occurrence, struct ds_bytes value,
                         size_t column, const char **cells)
{
    const struct ds_field *field = &rows->message->fields[column];
    struct ds_bytes text = value;
    /* A string stands on the wire as it is; JSON would escape it. */
    if (field->kind != DS_KIND_STRING) {
        DS_TRY(value_text(rows, field, occurrence, &text));
    }
    cells[column] = ds_arena_copy_text(rows->arena, (const char *)text.data, text.size);
    return cells[column] == NULL ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

/* Takes one field off the reader. */
static ds_code next_cell(struct rows *rows, struct ds_wire_reader *reader, const char **cells)
{
    const uint8_t *begin = reader->next;
    uint32_t number = 0;
    enum ds_wire_type type = DS_WIRE_VARINT;
    struct ds_bytes value = {0};
    if (!ds_wire_read_tag(reader, &number, &type)) {
        return DS_INVALID_ARGUMENT;
    }
    if (type == DS_WIRE_BYTES ? !ds_wire_read_bytes(reader, &value) : !ds_wire_skip(reader, type)) {
        return DS_INVALID_ARGUMENT;
    }
    const size_t column = column_of(rows, number);
    if (column == ROWS_COLUMNS_MAX) {
        return DS_OK;
    }
    return fill_cell(rows, ds_bytes_of(begin, (size_t)(reader->next - begin)), value, column,
                     cells);
}

static ds_code fill_cells(struct rows *rows, struct ds_bytes wire, const char **cells)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    while (wire.size > 0 && !ds_wire_at_end(&reader)) {
        DS_TRY(next_cell(rows, &reader, cells));
    }
    return DS_OK;
}

static void write_csv_value(FILE *stream, const char *value)
{
    if (value == NULL) {
        return;
    }
    if (strpbrk(value, ",\"\r\n") == NULL) {
        fputs(value, stream);
        return;
    }
    fputc('"', stream);
    for (; *value != '\0'; value++) {
        if (*value == '"') {
            fputc('"', stream);
        }
        fputc(*value, stream);
    }
    fputc('"', stream);
}

static void write_csv_head(const struct rows *rows)
{
    for (size_t i = 0; i < column_count(rows); i++) {
        fprintf(rows->stream, "%s%s", i == 0 ? "" : ",", rows->message->fields[i].name);
    }
    fputc('\n', rows->stream);
}

static ds_code add_csv(struct rows *rows, struct ds_bytes wire)
{
    ds_arena_destroy(rows->arena);
    begin_page(rows);
    DS_TRY(fill_cells(rows, wire, rows->cells));
    if (rows->row_count == 0) {
        write_csv_head(rows);
    }
    for (size_t i = 0; i < column_count(rows); i++) {
        if (i > 0) {
            fputc(',', rows->stream);
        }
        write_csv_value(rows->stream, rows->cells[i]);
    }
    fputc('\n', rows->stream);
    return DS_OK;
}

/* The width of a column in characters; 0 where no row of the page has a value there. */
static size_t column_width(const struct rows *rows, size_t column)
{
    size_t width = 0;
    for (size_t row = 0; row < rows->page_row_count; row++) {
        const char *cell = rows->cells[row * column_count(rows) + column];
        if (cell != NULL && strlen(cell) >= width) {
            width = strlen(cell);
        }
    }
    const size_t name_bytes = rows->message->fields[column].name_bytes;
    return width > 0 && width < name_bytes ? name_bytes : width;
}

static bool is_number(const struct ds_field *field)
{
    return field->kind != DS_KIND_STRING && field->kind != DS_KIND_MESSAGE &&
           field->kind != DS_KIND_BYTES && field->kind != DS_KIND_ENUM;
}

static void write_table_line(const struct rows *rows, const size_t *widths,
                             const char *const *cells)
{
    const char *gap = "";
    for (size_t i = 0; i < column_count(rows); i++) {
        if (widths[i] == 0) {
            continue;
        }
        const struct ds_field *field = &rows->message->fields[i];
        const char *cell = cells == NULL ? field->name : cells[i];
        const int width = (int)widths[i];
        fprintf(rows->stream, "%s%*s", gap, is_number(field) ? width : -width,
                cell == NULL ? "" : cell);
        gap = "  ";
    }
}

static void write_table_page(struct rows *rows)
{
    size_t widths[ROWS_COLUMNS_MAX];
    if (rows->page_row_count == 0) {
        return;
    }
    for (size_t i = 0; i < column_count(rows); i++) {
        widths[i] = column_width(rows, i);
    }
    fputs(rows->is_bold ? "\x1B[1m" : "", rows->stream);
    write_table_line(rows, widths, NULL);
    fputs(rows->is_bold ? "\x1B[0m\n" : "\n", rows->stream);
    for (size_t row = 0; row < rows->page_row_count; row++) {
        write_table_line(rows, widths, rows->cells + row * column_count(rows));
        fputc('\n', rows->stream);
    }
}

static ds_code add_table(struct rows *rows, struct ds_bytes wire)
{
    if (rows->page_row_count == ROWS_PAGE_ROWS) {
        write_table_page(rows);
        ds_arena_destroy(rows->arena);
        begin_page(rows);
    }
    const char **cells = rows->cells + rows->page_row_count * column_count(rows);
    DS_TRY(fill_cells(rows, wire, cells));
    rows->page_row_count++;
    return DS_OK;
}

ds_code rows_add(struct rows *rows, struct ds_bytes wire)
{
    switch (rows->format) {
    case ROWS_TABLE:
        DS_TRY(add_table(rows, wire));
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
    if (rows->format == ROWS_TABLE) {
        write_table_page(rows);
    } else if (rows->format == ROWS_CSV && rows->row_count == 0) {
        write_csv_head(rows);
    } else if (rows->format == ROWS_JSON) {
        fputs(rows->row_count == 0 ? "[]\n" : "\n]\n", rows->stream);
    }
    ds_arena_destroy(rows->arena);
    ds_buffer_deinit(&rows->text);
    free(rows);
}
