/* Rows as records of CSV, with a map of the columns or a header line that names fields. */
#include "clients/cli/row_reader_internal.h"

#include <inttypes.h>

#define CHAINS_IN_CSV "a chain holds lists of quotes, which CSV can't carry; use NDJSON or protobuf"

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static ds_code refuse(char *ret_reason, const char *reason)
{
    snprintf(ret_reason, ROW_READER_REASON_BYTES_MAX, "%s", reason);
    return DS_INVALID_ARGUMENT;
}

static bool map_fills(const char *map, const char *field)
{
    const size_t field_bytes = strlen(field);
    for (;;) {
        if (strncmp(map, field, field_bytes) == 0 && map[field_bytes] == '=') {
            return true;
        }
        const char *comma = strchr(map, ',');
        if (comma == NULL) {
            return false;
        }
        map = comma + 1;
    }
}

static void find_kind_of_map(struct row_reader *reader)
{
    if (reader->kind == ROW_KIND_AUTO) {
        const bool is_quotes =
            map_fills(reader->options.map, "symbol") || is_given(reader->options.symbol);
        row_reader_set_kind(reader, is_quotes ? ROW_KIND_QUOTES : ROW_KIND_TICKS);
    }
}

/* Every row needs its time and what it is a row of. */
static ds_code check_map(const struct row_reader *reader, char *ret_reason)
{
    const struct column_map *map = &reader->import_row.map;
    const struct row_kind_info *info = row_kind_info(reader->kind);
    const struct ds_field *series = row_kind_series_field(reader->kind);
    const bool is_quotes = reader->kind == ROW_KIND_QUOTES;
    const char *given = is_quotes ? reader->options.symbol : reader->options.product;
    if (column_map_find(map, "timestamp") == NULL) {
        snprintf(ret_reason, ROW_READER_REASON_BYTES_MAX,
                 "no column fills the timestamp of a %s; --map timestamp=COLUMN,... says which",
                 info->singular);
        return DS_INVALID_ARGUMENT;
    }
    if (column_map_find(map, series->name) == NULL && !is_given(given)) {
        snprintf(ret_reason, ROW_READER_REASON_BYTES_MAX,
                 "no column fills the %s of a %s: say --%s NAME or %s=COLUMN in --map",
                 series->name, info->singular, series->name, series->name);
        return DS_INVALID_ARGUMENT;
    }
    return DS_OK;
}

static ds_code begin_map(struct row_reader *reader, char *ret_reason)
{
    char reason[COLUMN_REASON_BYTES_MAX];
    struct column_map *map = &reader->import_row.map;
    find_kind_of_map(reader);
    if (reader->kind == ROW_KIND_CHAINS) {
        return refuse(ret_reason, CHAINS_IN_CSV);
    }
    if (column_map_parse(reader->options.map, reader->message, reader->arena, map, reason) !=
        DS_OK) {
        snprintf(ret_reason, ROW_READER_REASON_BYTES_MAX, "--map: %s", reason);
        return DS_INVALID_ARGUMENT;
    }
    if (reader->options.header == ROW_HEADER_NO && column_map_has_names(map)) {
        return refuse(ret_reason,
                      "--map: without a header columns have an index from 0 and no name");
    }
    return check_map(reader, ret_reason);
}

static bool header_names(const struct csv_record *header, const char *name)
{
    for (size_t i = 0; i < header->field_count; i++) {
        if (ds_bytes_equal_text(header->fields[i], name)) {
            return true;
        }
    }
    return false;
}

static enum row_kind kind_of_header(const struct row_reader *reader,
                                    const struct csv_record *header)
{
    if (header_names(header, "calls") || header_names(header, "spot_price")) {
        return ROW_KIND_CHAINS;
    }
    const bool is_quotes = header_names(header, "symbol") || is_given(reader->options.symbol);
    return is_quotes ? ROW_KIND_QUOTES : ROW_KIND_TICKS;
}

/* The header's own names are the map. */
static ds_code take_names(struct row_reader *reader, const struct csv_record *header,
                          char *ret_reason)
{
    char reason[COLUMN_REASON_BYTES_MAX];
    if (reader->kind == ROW_KIND_AUTO) {
        row_reader_set_kind(reader, kind_of_header(reader, header));
    }
    if (reader->kind == ROW_KIND_CHAINS) {
        return refuse(ret_reason, CHAINS_IN_CSV);
    }
    if (column_map_from_header(header, reader->message, reader->arena, &reader->import_row.map,
                               reason) != DS_OK) {
        return refuse(ret_reason, reason);
    }
    return check_map(reader, ret_reason);
}

static ds_code bind_names(struct row_reader *reader, const struct csv_record *header,
                          char *ret_reason)
{
    char reason[COLUMN_REASON_BYTES_MAX];
    if (column_map_bind(&reader->import_row.map, header, reader->arena, reason) != DS_OK) {
        return refuse(ret_reason, reason);
    }
    return DS_OK;
}

static bool is_header(const struct row_reader *reader, const struct csv_record *record)
{
    if (reader->options.header != ROW_HEADER_AUTO) {
        return reader->options.header == ROW_HEADER_YES;
    }
    return !is_given(reader->options.map) || column_map_has_names(&reader->import_row.map) ||
           !import_row_has_time(&reader->import_row, record);
}

/* Reads the first line and keeps it where it is a row. */
static ds_code begin_records(struct row_reader *reader, char *ret_reason)
{
    struct csv_record record = {0};
    const char *damage = "";
    const enum csv_result result = csv_reader_next(reader->csv, &record, &damage);
    if (result == CSV_END) {
        return DS_OK;
    }
    if (result == CSV_UNREADABLE) {
        return refuse(ret_reason, "the file can't be read");
    }
    if (result == CSV_DAMAGED) {
        snprintf(ret_reason, ROW_READER_REASON_BYTES_MAX,
                 "line %" PRIu64 ", which names the columns or shows how many there are: %s",
                 record.line, damage);
        return DS_INVALID_ARGUMENT;
    }
    reader->column_count = record.field_count;
    if (!is_header(reader, &record)) {
        reader->first = record;
        reader->is_pending = true;
        return DS_OK;
    }
    return is_given(reader->options.map) ? bind_names(reader, &record, ret_reason)
                                         : take_names(reader, &record, ret_reason);
}

static ds_code begin(struct row_reader *reader, char *ret_reason)
{
    const char delimiter = reader->options.delimiter == '\0' ? ',' : reader->options.delimiter;
    reader->csv = csv_reader_create(reader->stream, delimiter);
    reader->import_row = (struct import_row){.product = reader->options.product,
                                             .time_format = reader->options.time_format};
    if (is_given(reader->options.map)) {
        DS_TRY(begin_map(reader, ret_reason));
    } else if (reader->options.header == ROW_HEADER_NO) {
        return refuse(ret_reason,
                      "without a header line --map has to say which column fills which field, such "
                      "as timestamp=0,price=4");
    }
    DS_TRY(begin_records(reader, ret_reason));
    reader->import_row.message = reader->message;
    reader->import_row.symbol = reader->kind == ROW_KIND_QUOTES ? reader->options.symbol : NULL;
    return DS_OK;
}

static enum row_result take_record(struct row_reader *reader, const struct csv_record *record,
                                   struct row *ret_row, struct row_fault *ret_fault)
{
    char reason[IMPORT_REASON_BYTES_MAX];
    const char *column = "";
    const struct row_place place = {.line = record->line, .offset = record->offset};
    if (record->field_count != reader->column_count) {
        return row_reader_fault(ret_fault, place, "", "%zu columns where the first line has %zu",
                                record->field_count, reader->column_count);
    }
    ds_buffer_clear(&reader->wire);
    if (import_row_write(&reader->import_row, record, &reader->wire, &column, reason) != DS_OK) {
        return row_reader_fault(ret_fault, place, column, "%s", reason);
    }
    *ret_row = (struct row){.wire = ds_buffer_bytes(&reader->wire), .place = place};
    return ROW_READ;
}

static enum row_result next(struct row_reader *reader, struct row *ret_row,
                            struct row_fault *ret_fault)
{
    struct csv_record record = reader->first;
    const char *damage = "";
    const enum csv_result result =
        reader->is_pending ? CSV_RECORD : csv_reader_next(reader->csv, &record, &damage);
    reader->is_pending = false;
    const struct row_place place = {.line = record.line, .offset = record.offset};
    switch (result) {
    case CSV_RECORD:
        return take_record(reader, &record, ret_row, ret_fault);
    case CSV_DAMAGED:
        return row_reader_fault(ret_fault, place, "", "%s", damage);
    case CSV_UNREADABLE:
        row_reader_fault(ret_fault, row_reader_position(reader), "",
                         "the file can't be read any further");
        return ROW_FAILED;
    default:
        return ROW_END;
    }
}

static void end(struct row_reader *reader)
{
    csv_reader_destroy(reader->csv);
}

static struct row_place position(const struct row_reader *reader)
{
    struct row_place place = {.line = reader->first.line, .offset = reader->first.offset};
    if (reader->is_pending) {
        return place;
    }
    csv_reader_place(reader->csv, &place.line, &place.offset);
    return place;
}

static bool seek(struct row_reader *reader, struct row_place place)
{
    reader->is_pending = false;
    return csv_reader_seek(reader->csv, place.line, place.offset);
}

const struct row_format_ops row_reader_csv_ops = {
    .begin = begin, .next = next, .end = end, .position = position, .seek = seek};
