#include "clients/cli/row_writer.h"

#include "clients/cli/csv_write.h"
#include "clients/cli/rows.h"
#include "ds/wire.h"

#include <assert.h>
#include <stdlib.h>

#define WRITER_TEXT_BYTES_MAX (32 * 1024 * 1024)

struct row_writer {
    FILE *stream;
    enum row_format format;
    const struct ds_message *message;
    bool has_header; /* or the format has none */
    struct ds_buffer text;
    struct rows_columns columns; /* of CSV */
};

struct row_writer *row_writer_create(FILE *stream, enum row_kind kind, enum row_format format,
                                     bool goes_on)
{
    struct row_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        abort();
    }
    writer->stream = stream;
    writer->format = format;
    writer->message = row_kind_message(kind);
    writer->has_header = goes_on || format != ROW_FORMAT_CSV;
    ds_buffer_init(&writer->text, WRITER_TEXT_BYTES_MAX);
    assert(format != ROW_FORMAT_CSV || kind != ROW_KIND_CHAINS);
    rows_columns_init(&writer->columns, writer->message);
    return writer;
}

static void write_header(struct row_writer *writer)
{
    if (!writer->has_header) {
        csv_write_head(writer->stream, writer->columns.heads, writer->columns.count);
    }
    writer->has_header = true;
}

void row_writer_destroy(struct row_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    write_header(writer);
    rows_columns_deinit(&writer->columns);
    ds_buffer_deinit(&writer->text);
    free(writer);
}

static ds_code add_ndjson(struct row_writer *writer, struct ds_bytes row)
{
    ds_buffer_clear(&writer->text);
    DS_TRY(ds_wire_to_json(writer->message, row, &rows_json_style, &writer->text));
    ds_buffer_append_byte(&writer->text, '\n');
    fwrite(writer->text.data, 1, writer->text.size, writer->stream);
    return DS_OK;
}

static void add_protobuf(struct row_writer *writer, struct ds_bytes row)
{
    uint8_t length[DS_VARINT_BYTES_MAX];
    fwrite(length, 1, ds_varint_put(length, row.size), writer->stream);
    fwrite(row.data == NULL ? (const uint8_t *)"" : row.data, 1, row.size, writer->stream);
}

static ds_code add_csv(struct row_writer *writer, struct ds_bytes row)
{
    DS_TRY(rows_columns_read(&writer->columns, row, false));
    write_header(writer);
    csv_write_row(writer->stream, &writer->columns);
    return DS_OK;
}

ds_code row_writer_add(struct row_writer *writer, struct ds_bytes row)
{
    if (writer->format == ROW_FORMAT_PROTOBUF) {
        add_protobuf(writer, row);
    } else if (writer->format == ROW_FORMAT_NDJSON) {
        DS_TRY(add_ndjson(writer, row));
    } else {
        DS_TRY(add_csv(writer, row));
    }
    return ferror(writer->stream) == 0 ? DS_OK : DS_UNAVAILABLE;
}
