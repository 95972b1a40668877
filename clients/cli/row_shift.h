/* A recorded row at another time. */
#ifndef CLI_ROW_SHIFT_H
#define CLI_ROW_SHIFT_H

#include "clients/common/row_kind.h"
#include "ds/buffer.h"
#include "ds/code.h"

/*
 * Appends the row with its timestamp moved by `shift_us`, and those of a chain's quotes; without
 * processed_at, which the service sets anew. Fields that it does not know stay. `row` is a
 * well-formed message of the kind. DS_OUT_OF_RANGE where a time leaves the years 1 to 9999,
 * DS_RESOURCE_EXHAUSTED for a row that takes too much memory.
 */
DS_MUST_USE ds_code row_shift(enum row_kind kind, struct ds_bytes row, int64_t shift_us,
                              struct ds_buffer *target);

#endif
