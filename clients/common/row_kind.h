/* The kinds of rows that the storage service keeps, and which messages and methods serve each. */
#ifndef CLIENTS_ROW_KIND_H
#define CLIENTS_ROW_KIND_H

#include "ds/bytes.h"
#include "ds/schema.h"

enum row_kind {
    ROW_KIND_AUTO = 0, /* to be found out */
    ROW_KIND_TICKS,
    ROW_KIND_QUOTES,
    ROW_KIND_CHAINS,
};

#define ROW_KIND_COUNT 4

/* "auto", "ticks", "quotes", "chains" in the order of the numbers, NULL at the end. */
extern const char *const row_kind_choices[];

/* What belongs to a kind; static storage. */
struct row_kind_info {
    const char *name;     /* "ticks": of the kind, and of the field of requests and replies that
                             holds rows */
    const char *singular; /* "tick" */
    const char *message_name;
    const char *ingest_name;
    const char *list_name;
    uint32_t timestamp_number; /* of the row's field */
    int64_t list_rows_max;     /* of one reply */
};

/* `kind` is not ROW_KIND_AUTO. */
const struct row_kind_info *row_kind_info(enum row_kind kind);

const struct ds_message *row_kind_message(enum row_kind kind);
const struct ds_method *row_kind_ingest_method(enum row_kind kind);
const struct ds_method *row_kind_list_method(enum row_kind kind);

/* The field that a list reply names once for all its rows: the product, or a quote's symbol. */
const struct ds_field *row_kind_series_field(enum row_kind kind);

/* The row's timestamp in microseconds since 1970; false where it has none or is damaged. */
bool row_kind_time(enum row_kind kind, struct ds_bytes row, int64_t *ret_time_us);

#endif
