/* Rows as protobuf messages, each behind its length as a varint, without any header. */
#include "clients/cli/row_reader_internal.h"
#include "ds/wire.h"
#include "ds/wire_check.h"

static enum row_result fail(struct row_reader *reader, struct row_fault *ret_fault,
                            const char *reason)
{
    row_reader_fault(ret_fault, reader->begin, "", "%s", reason);
    return ROW_FAILED;
}

static enum row_result fail_early(struct row_reader *reader, struct row_fault *ret_fault)
{
    return fail(reader, ret_fault,
                ferror(reader->stream) != 0 ? "the file can't be read any further"
                                            : "the file ends within a row");
}

/* Where a length is wrong nothing behind it can be found: that ends the reading. */
static enum row_result read_length(struct row_reader *reader, size_t *ret_length,
                                   struct row_fault *ret_fault)
{
    uint64_t length = 0;
    for (unsigned int shift = 0;; shift += 7) {
        const int byte = getc_unlocked(reader->stream);
        if (byte == EOF && shift == 0 && ferror(reader->stream) == 0) {
            return ROW_END;
        }
        if (byte == EOF) {
            return fail_early(reader, ret_fault);
        }
        reader->next.offset++;
        length |= (uint64_t)(byte & 0x7F) << shift;
        if (length > ROW_READER_ROW_BYTES_MAX || (shift > 21 && byte >= 0x80)) {
            return fail(reader, ret_fault,
                        "no length of a row stands here, or one above 1 MiB; the file must hold "
                        "messages each behind its length as a varint");
        }
        if (byte < 0x80) {
            *ret_length = (size_t)length;
            return ROW_READ;
        }
    }
}

/* Puts the next message into reader->text. */
static enum row_result read_message(struct row_reader *reader, struct row_fault *ret_fault)
{
    size_t length = 0;
    reader->begin = reader->next;
    ds_buffer_clear(&reader->text);
    const enum row_result result = read_length(reader, &length, ret_fault);
    if (result != ROW_READ) {
        return result;
    }
    uint8_t *room = ds_buffer_reserve(&reader->text, length == 0 ? 1 : length);
    if (fread(room, 1, length, reader->stream) != length) {
        return fail_early(reader, ret_fault);
    }
    ds_buffer_commit(&reader->text, length);
    reader->next.offset += length;
    return ROW_READ;
}

/* A row of one kind is none of another: where one has its timestamp the others have numbers. */
static enum row_kind kind_of_message(struct ds_bytes wire)
{
    enum row_kind found = ROW_KIND_AUTO;
    for (int kind = ROW_KIND_TICKS; kind < ROW_KIND_COUNT; kind++) {
        struct ds_wire_error error;
        int64_t time_us = 0;
        if (ds_wire_check(row_kind_message((enum row_kind)kind), wire, &error) == DS_OK &&
            row_kind_time((enum row_kind)kind, wire, &time_us)) {
            if (found != ROW_KIND_AUTO) {
                return ROW_KIND_AUTO;
            }
            found = (enum row_kind)kind;
        }
    }
    return found;
}

static ds_code begin(struct row_reader *reader, char *ret_reason)
{
    if (reader->kind != ROW_KIND_AUTO) {
        return DS_OK;
    }
    reader->pending_result = read_message(reader, &reader->pending_fault);
    reader->is_pending = true;
    if (reader->pending_result == ROW_END) {
        return DS_OK;
    }
    const enum row_kind kind = reader->pending_result == ROW_READ
                                   ? kind_of_message(ds_buffer_bytes(&reader->text))
                                   : ROW_KIND_AUTO;
    if (kind == ROW_KIND_AUTO) {
        snprintf(ret_reason, ROW_READER_REASON_BYTES_MAX,
                 "the first row does not tell which kind it is: say --kind ticks, quotes or chains "
                 "(and --format where the file is not delimited protobuf)");
        return DS_INVALID_ARGUMENT;
    }
    row_reader_set_kind(reader, kind);
    return DS_OK;
}

static enum row_result check(struct row_reader *reader, struct row *ret_row,
                             struct row_fault *ret_fault)
{
    struct ds_wire_error error;
    if (ds_wire_check(reader->message, ds_buffer_bytes(&reader->text), &error) != DS_OK) {
        return row_reader_fault(ret_fault, reader->begin, error.field, "%s", error.message);
    }
    ds_buffer_clear(&reader->wire);
    ds_buffer_append(&reader->wire, reader->text.data, reader->text.size);
    row_reader_fill_defaults(reader);
    *ret_row = (struct row){.wire = ds_buffer_bytes(&reader->wire), .place = reader->begin};
    return ROW_READ;
}

static enum row_result next(struct row_reader *reader, struct row *ret_row,
                            struct row_fault *ret_fault)
{
    const enum row_result result = row_reader_stream_read(reader, read_message, ret_fault);
    return result == ROW_READ ? check(reader, ret_row, ret_fault) : result;
}

const struct row_format_ops row_reader_protobuf_ops = {.begin = begin,
                                                       .next = next,
                                                       .position = row_reader_stream_position,
                                                       .seek = row_reader_stream_seek};
