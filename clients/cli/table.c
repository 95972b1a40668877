#include "clients/cli/table.h"

#include "clients/cli/plain_text.h"
#include "ds/buffer.h"
#include "ds/number.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Widths are worked out over so many rows. */
#define TABLE_PAGE_ROWS 1000
/* A page ends early when it holds so much. */
#define TABLE_PAGE_BYTES (16 * 1024 * 1024)
/* Nobody reads more of one cell. */
#define TABLE_CELL_BYTES_MAX (64 * 1024)
#define TABLE_COLUMNS_MAX 64
/* Columns on the right are left out rather than cells cut: half a time says little. */
#define TABLE_WHOLE_COLUMNS_MIN 4
/* A cut cell still says something: rather than cutting more, more columns are left out. */
#define TABLE_CUT_WIDTH_MIN 12
#define TABLE_GAP_WIDTH 2
#define TABLE_WIDTH_MAX 10000

static const char ellipsis[] = "\xE2\x80\xA6";

struct cell {
    size_t offset; /* into the text of the page */
    size_t size;
    bool is_set;
};

struct table {
    FILE *stream;
    struct table_options options;
    struct ds_buffer text; /* of the page's cells */
    struct cell *cells;    /* of row r and column c at r * column_count + c */
    size_t *widths;        /* of the columns of the page; 0: it is not shown */
    bool has_hidden;       /* columns that did not fit */
    size_t row_count;      /* of the page */
    bool has_written;
};

size_t table_terminal_width(FILE *stream)
{
    struct winsize size;
    if (isatty(fileno(stream)) != 1) {
        return 0;
    }
    const char *columns = getenv("COLUMNS");
    int64_t width = 0;
    if (columns != NULL && ds_int64_parse(ds_bytes_of_text(columns), &width) && width > 0 &&
        width <= TABLE_WIDTH_MAX) {
        return (size_t)width;
    }
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool table_terminal_is_bold(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(fileno(stream)) == 1 && (no_color == NULL || no_color[0] == '\0') &&
           terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

struct table *table_create(FILE *stream, const struct table_options *options)
{
    assert(options->column_count <= TABLE_COLUMNS_MAX);
    struct table *table = allocate(1, sizeof(*table));
    table->stream = stream;
    table->options = *options;
    table->cells = allocate(TABLE_PAGE_ROWS * options->column_count, sizeof(table->cells[0]));
    table->widths = allocate(options->column_count, sizeof(table->widths[0]));
    /* The row that passes TABLE_PAGE_BYTES still has room. */
    ds_buffer_init(&table->text, TABLE_PAGE_BYTES + TABLE_COLUMNS_MAX * TABLE_CELL_BYTES_MAX * 2);
    return table;
}

/* Characters of UTF-8; one that takes two columns counts as one. */
static size_t text_width(const char *text, size_t bytes)
{
    size_t width = 0;
    for (size_t i = 0; i < bytes; i++) {
        width += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return width;
}

/* How many bytes the first `width` characters have. */
static size_t prefix_bytes(const char *text, size_t bytes, size_t width)
{
    size_t i = 0;
    while (i < bytes) {
        if (((unsigned char)text[i] & 0xC0) != 0x80 && width-- == 0) {
            break;
        }
        i++;
    }
    return i;
}

static const struct cell *cell_at(const struct table *table, size_t row, size_t column)
{
    return &table->cells[row * table->options.column_count + column];
}

static const char *cell_text(const struct table *table, const struct cell *cell)
{
    return cell->size == 0 ? "" : (const char *)table->text.data + cell->offset;
}

/* The width of a column in characters; 0 where no row of the page has a value there. */
static size_t measure_column(const struct table *table, size_t column)
{
    size_t width = 0;
    bool is_set = false;
    for (size_t row = 0; row < table->row_count; row++) {
        const struct cell *cell = cell_at(table, row, column);
        const size_t cell_width = text_width(cell_text(table, cell), cell->size);
        is_set = is_set || cell->is_set;
        width = cell_width > width ? cell_width : width;
    }
    const size_t name_width = strlen(table->options.columns[column].name);
    return is_set && width < name_width ? name_width : width;
}

/* The widest column that may still be cut; the number of columns where there is none. */
static size_t widest_column(const struct table *table)
{
    size_t widest = table->options.column_count;
    size_t width = TABLE_CUT_WIDTH_MIN;
    for (size_t i = 0; i < table->options.column_count; i++) {
        if (!table->options.columns[i].is_number && table->widths[i] > width) {
            widest = i;
            width = table->widths[i];
        }
    }
    return widest;
}

static size_t last_column(const struct table *table)
{
    size_t last = 0;
    for (size_t i = 0; i < table->options.column_count; i++) {
        last = table->widths[i] == 0 ? last : i;
    }
    return last;
}

static size_t shown_count(const struct table *table)
{
    size_t count = 0;
    for (size_t i = 0; i < table->options.column_count; i++) {
        count += table->widths[i] > 0;
    }
    return count;
}

static size_t line_width(const struct table *table)
{
    size_t total = table->has_hidden ? 1 + TABLE_GAP_WIDTH : 0;
    for (size_t i = 0; i < table->options.column_count; i++) {
        total += table->widths[i] == 0 ? 0 : table->widths[i] + TABLE_GAP_WIDTH;
    }
    return total < TABLE_GAP_WIDTH ? 0 : total - TABLE_GAP_WIDTH;
}

static void fit_columns(struct table *table)
{
    table->has_hidden = false;
    while (table->options.width > 0 && line_width(table) > table->options.width) {
        const size_t widest = widest_column(table);
        const size_t last = last_column(table);
        if (widest < table->options.column_count && shown_count(table) <= TABLE_WHOLE_COLUMNS_MIN) {
            table->widths[widest]--;
        } else if (last > 0) {
            table->widths[last] = 0;
            table->has_hidden = true;
        } else {
            return;
        }
    }
}

static void write_blanks(FILE *stream, size_t count)
{
    fprintf(stream, "%*s", (int)count, "");
}

static void write_value(FILE *stream, const char *text, size_t bytes, size_t width, bool is_number,
                        bool is_last)
{
    const size_t own_width = text_width(text, bytes);
    if (own_width > width) {
        const size_t cut = prefix_bytes(text, bytes, width - 1);
        fprintf(stream, "%.*s%s", (int)cut, text, ellipsis);
        return;
    }
    if (is_number) {
        write_blanks(stream, width - own_width);
    }
    fwrite(text, 1, bytes, stream);
    if (!is_number && !is_last) {
        write_blanks(stream, width - own_width);
    }
}

/* The head where row is TABLE_PAGE_ROWS. */
static void write_line(const struct table *table, size_t row)
{
    const char *gap = "";
    const size_t last = last_column(table);
    const bool ends_with_ellipsis = table->has_hidden && row == TABLE_PAGE_ROWS;
    for (size_t i = 0; i <= last && i < table->options.column_count; i++) {
        const struct table_column *column = &table->options.columns[i];
        if (table->widths[i] == 0) {
            continue;
        }
        const char *text = column->name;
        size_t bytes = strlen(column->name);
        if (row < TABLE_PAGE_ROWS) {
            const struct cell *cell = cell_at(table, row, i);
            text = cell_text(table, cell);
            bytes = cell->size;
        }
        fputs(gap, table->stream);
        write_value(table->stream, text, bytes, table->widths[i], column->is_number,
                    i == last && !ends_with_ellipsis);
        gap = "  ";
    }
    if (ends_with_ellipsis) {
        fprintf(table->stream, "  %s", ellipsis);
    }
}

static void write_rows(struct table *table)
{
    for (size_t i = 0; i < table->options.column_count; i++) {
        table->widths[i] = measure_column(table, i);
    }
    fit_columns(table);
    fputs(table->options.is_bold ? "\x1B[1m" : "", table->stream);
    write_line(table, TABLE_PAGE_ROWS);
    fputs(table->options.is_bold ? "\x1B[0m\n" : "\n", table->stream);
    for (size_t row = 0; row < table->row_count; row++) {
        write_line(table, row);
        fputc('\n', table->stream);
    }
}

static void write_record(struct table *table, size_t row)
{
    size_t name_width = 0;
    for (size_t i = 0; i < table->options.column_count; i++) {
        const size_t width = strlen(table->options.columns[i].name);
        name_width = cell_at(table, row, i)->is_set && width > name_width ? width : name_width;
    }
    for (size_t i = 0; i < table->options.column_count; i++) {
        const struct cell *cell = cell_at(table, row, i);
        if (!cell->is_set) {
            continue;
        }
        fprintf(table->stream, "%s%-*s%s  %.*s\n", table->options.is_bold ? "\x1B[1m" : "",
                (int)name_width, table->options.columns[i].name,
                table->options.is_bold ? "\x1B[0m" : "", (int)cell->size, cell_text(table, cell));
    }
}

static void write_page(struct table *table)
{
    if (table->row_count == 0) {
        return;
    }
    if (table->options.is_vertical) {
        for (size_t row = 0; row < table->row_count; row++) {
            fputs(table->has_written ? "\n" : "", table->stream);
            write_record(table, row);
            table->has_written = true;
        }
    } else {
        write_rows(table);
    }
    memset(table->cells, 0,
           TABLE_PAGE_ROWS * table->options.column_count * sizeof(table->cells[0]));
    table->row_count = 0;
    ds_buffer_clear(&table->text);
}

void table_row(struct table *table)
{
    if (table->row_count == TABLE_PAGE_ROWS || table->text.size >= TABLE_PAGE_BYTES) {
        write_page(table);
    }
    table->row_count++;
}

void table_cell(struct table *table, size_t column, struct ds_bytes text)
{
    struct cell *cell =
        &table->cells[(table->row_count - 1) * table->options.column_count + column];
    const size_t size = text.size < TABLE_CELL_BYTES_MAX ? text.size : TABLE_CELL_BYTES_MAX;
    *cell = (struct cell){.offset = table->text.size, .is_set = true};
    for (size_t i = 0; i < size; i++) {
        ds_buffer_append_byte(&table->text, plain_text_byte(text.data[i]));
    }
    cell->size = table->text.size - cell->offset;
}

void table_destroy(struct table *table)
{
    if (table == NULL) {
        return;
    }
    write_page(table);
    ds_buffer_deinit(&table->text);
    free(table->cells);
    free(table->widths);
    free(table);
}
