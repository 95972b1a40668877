/* The fields of a row one by one, as text. */
#ifndef CLI_ROW_CELLS_H
#define CLI_ROW_CELLS_H

#include "ds/buffer.h"
#include "ds/code.h"
#include "ds/schema.h"

#define ROW_CELLS_MAX 64

struct row_cell {
    struct ds_bytes occurrence; /* on the wire with its tag */
    struct ds_bytes bytes;      /* of a length-delimited field what it holds */
    bool is_present;
};

/* Finds the last occurrence of each field; cells[i] is of message->fields[i]. DS_INVALID_ARGUMENT
 * where the row is damaged. */
DS_MUST_USE ds_code row_cells_find(const struct ds_message *message, struct ds_bytes row,
                                   struct row_cell cells[ROW_CELLS_MAX]);

/* A present cell as text, as JSON writes it but without quotes and escapes; it lives as long as the
 * row and `buffer`, which is overwritten. DS_INVALID_ARGUMENT where it has no such form. */
DS_MUST_USE ds_code row_cell_text(const struct ds_message *message, size_t index,
                                  const struct row_cell *cell, struct ds_buffer *buffer,
                                  struct ds_bytes *ret_text);

#endif
