/* What a format of row_reader is. Private to row_reader*.c. */
#ifndef CLI_ROW_READER_INTERNAL_H
#define CLI_ROW_READER_INTERNAL_H

#include "clients/cli/csv.h"
#include "clients/cli/row_reader.h"
#include "ds/arena.h"
#include "ds/buffer.h"

struct row_reader {
    const struct row_format_ops *ops;
    struct row_reader_options options;
    FILE *stream;
    struct ds_arena *arena;
    enum row_kind kind;
    enum row_format format;
    const struct ds_message *message; /* of the kind; NULL while that is not known */
    struct ds_buffer wire;            /* of the row read last */

    /* CSV. */
    struct csv_reader *csv;
    struct import_row import_row;
    size_t column_count;     /* of the first record; every other has as many. 0: none was read */
    struct csv_record first; /* read to see whether it is a header, and a row; is_pending */

    /* NDJSON and protobuf: what was read to find out the kind and not given out yet. */
    struct ds_buffer text;
    struct row_place begin; /* of what is in `text` */
    struct row_place next;  /* behind it */
    enum row_result pending_result;
    bool is_pending; /* also of `first` */
    struct row_fault pending_fault;
};

struct row_format_ops {
    /* Reads as much of the beginning as tells the kind and checks the options. */
    ds_code (*begin)(struct row_reader *reader, char *ret_reason);
    enum row_result (*next)(struct row_reader *reader, struct row *ret_row,
                            struct row_fault *ret_fault);
    void (*end)(struct row_reader *reader); /* NULL: there is nothing to end */
    struct row_place (*position)(const struct row_reader *reader);
    bool (*seek)(struct row_reader *reader, struct row_place place);
};

extern const struct row_format_ops row_reader_csv_ops;
extern const struct row_format_ops row_reader_ndjson_ops;
extern const struct row_format_ops row_reader_protobuf_ops;

/* The kind is known from here on. */
void row_reader_set_kind(struct row_reader *reader, enum row_kind kind);

/* Puts product and symbol of the options in front of a row that names none; the row's own bytes are
 * in reader->wire. */
void row_reader_fill_defaults(struct row_reader *reader);

/* Fills the fault and returns ROW_DAMAGED. */
enum row_result row_reader_fault(struct row_fault *ret_fault, struct row_place place,
                                 const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Of the formats that read the stream themselves: `read` puts the next piece of it into
 * reader->text, but for what was read to find out the kind, which comes first; position; seek. */
enum row_result row_reader_stream_read(struct row_reader *reader,
                                       enum row_result (*read)(struct row_reader *reader,
                                                               struct row_fault *ret_fault),
                                       struct row_fault *ret_fault);
struct row_place row_reader_stream_position(const struct row_reader *reader);
bool row_reader_stream_seek(struct row_reader *reader, struct row_place place);

#endif
