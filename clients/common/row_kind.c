#include "clients/common/row_kind.h"

#include "ds/time.h"
#include "ds/wire.h"

#include <assert.h>

#define PACKAGE "deltastream.storage.v1."

const char *const row_kind_choices[] = {"auto", "ticks", "quotes", "chains", NULL};

static const struct row_kind_info infos[ROW_KIND_COUNT] = {
    [ROW_KIND_TICKS] = {.name = "ticks",
                        .singular = "tick",
                        .message_name = PACKAGE "Tick",
                        .ingest_name = PACKAGE "Storage/IngestTicks",
                        .list_name = PACKAGE "Storage/ListTicks",
                        .timestamp_number = 3,
                        .list_rows_max = 10000},
    [ROW_KIND_QUOTES] = {.name = "quotes",
                         .singular = "quote",
                         .message_name = PACKAGE "Quote",
                         .ingest_name = PACKAGE "Storage/IngestQuotes",
                         .list_name = PACKAGE "Storage/ListQuotes",
                         .timestamp_number = 16,
                         .list_rows_max = 10000},
    [ROW_KIND_CHAINS] = {.name = "chains",
                         .singular = "chain",
                         .message_name = PACKAGE "OptionChain",
                         .ingest_name = PACKAGE "Storage/IngestChains",
                         .list_name = PACKAGE "Storage/ListChains",
                         .timestamp_number = 15,
                         .list_rows_max = 1000},
};

/* Numbers of the fields of google.protobuf.Timestamp. */
enum {
    TIMESTAMP_SECONDS = 1,
    TIMESTAMP_NANOS = 2,
};

const struct row_kind_info *row_kind_info(enum row_kind kind)
{
    assert(kind != ROW_KIND_AUTO);
    return &infos[kind];
}

const struct ds_message *row_kind_message(enum row_kind kind)
{
    return ds_message_find(row_kind_info(kind)->message_name);
}

const struct ds_method *row_kind_ingest_method(enum row_kind kind)
{
    const char *name = row_kind_info(kind)->ingest_name;
    return ds_method_find(name, strlen(name));
}

const struct ds_method *row_kind_list_method(enum row_kind kind)
{
    const char *name = row_kind_info(kind)->list_name;
    return ds_method_find(name, strlen(name));
}

const struct ds_field *row_kind_series_field(enum row_kind kind)
{
    const struct ds_message *message = row_kind_message(kind);
    for (size_t i = 0; i < message->field_count; i++) {
        if ((message->fields[i].flags & DS_FIELD_SERIES) != 0) {
            return &message->fields[i];
        }
    }
    /* Every kind of row belongs to a series. */
    assert(false);
    return NULL;
}

static bool timestamp_read(struct ds_bytes timestamp, int64_t *ret_time_us)
{
    struct ds_wire_reader reader = ds_wire_reader_of(timestamp);
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    while (!ds_wire_at_end(&reader)) {
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        uint64_t value = 0;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return false;
        }
        if (type != DS_WIRE_VARINT) {
            if (!ds_wire_skip(&reader, type)) {
                return false;
            }
            continue;
        }
        if (!ds_wire_read_varint(&reader, &value)) {
            return false;
        }
        seconds = number == TIMESTAMP_SECONDS ? (int64_t)value : seconds;
        nanoseconds = number == TIMESTAMP_NANOS ? (int64_t)value : nanoseconds;
    }
    if (seconds < DS_TIME_SECONDS_MIN || seconds > DS_TIME_SECONDS_MAX) {
        return false;
    }
    *ret_time_us = seconds * DS_MICROSECONDS + nanoseconds / 1000;
    return true;
}

bool row_kind_time(enum row_kind kind, struct ds_bytes row, int64_t *ret_time_us)
{
    struct ds_wire_reader reader = ds_wire_reader_of(row);
    while (!ds_wire_at_end(&reader)) {
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        struct ds_bytes value = {0};
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return false;
        }
        if (number == row_kind_info(kind)->timestamp_number && type == DS_WIRE_BYTES) {
            return ds_wire_read_bytes(&reader, &value) && timestamp_read(value, ret_time_us);
        }
        if (!ds_wire_skip(&reader, type)) {
            return false;
        }
    }
    return false;
}
