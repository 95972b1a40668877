#include "clients/cli/row_cells.h"

#include "clients/cli/rows.h"
#include "ds/wire.h"

static size_t column_of(const struct ds_message *message, uint32_t number)
{
    for (size_t i = 0; i < message->field_count && i < ROW_CELLS_MAX; i++) {
        if (message->fields[i].number == number) {
            return i;
        }
    }
    return ROW_CELLS_MAX;
}

ds_code row_cells_find(const struct ds_message *message, struct ds_bytes row,
                       struct row_cell cells[ROW_CELLS_MAX])
{
    struct ds_wire_reader reader = ds_wire_reader_of(row);
    memset(cells, 0, ROW_CELLS_MAX * sizeof(cells[0]));
    while (!ds_wire_at_end(&reader)) {
        const uint8_t *begin = reader.next;
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        struct ds_bytes bytes = {0};
        if (!ds_wire_read_tag(&reader, &number, &type) ||
            !(type == DS_WIRE_BYTES ? ds_wire_read_bytes(&reader, &bytes)
                                    : ds_wire_skip(&reader, type))) {
            return DS_INVALID_ARGUMENT;
        }
        const size_t column = column_of(message, number);
        if (column < ROW_CELLS_MAX) {
            cells[column] =
                (struct row_cell){.occurrence = ds_bytes_of(begin, (size_t)(reader.next - begin)),
                                  .bytes = bytes,
                                  .is_present = true};
        }
    }
    return DS_OK;
}

/* A message of that field alone is written as {"name":value}, and the value is cut out. */
ds_code row_cell_text(const struct ds_message *message, size_t index, const struct row_cell *cell,
                      struct ds_buffer *buffer, struct ds_bytes *ret_text)
{
    const struct ds_field *field = &message->fields[index];
    const size_t prefix_bytes = strlen("{\"\":") + field->name_bytes;
    /* A text stands on the wire as it is; JSON would escape it. */
    if (field->kind == DS_KIND_STRING) {
        *ret_text = cell->bytes;
        return DS_OK;
    }
    ds_buffer_clear(buffer);
    DS_TRY(ds_wire_to_json(message, cell->occurrence, &rows_json_style, buffer));
    if (buffer->size <= prefix_bytes + strlen("}")) {
        return DS_INVALID_ARGUMENT;
    }
    struct ds_bytes text =
        ds_bytes_of(buffer->data + prefix_bytes, buffer->size - prefix_bytes - strlen("}"));
    if (text.size >= 2 && text.data[0] == '"') {
        text = ds_bytes_of(text.data + 1, text.size - 2);
    }
    *ret_text = text;
    return DS_OK;
}
