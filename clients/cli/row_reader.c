#include "clients/cli/input.h"
#include "clients/cli/row_reader_internal.h"
#include "ds/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#define READER_ARENA_BYTES_MAX (1024 * 1024)
/* A row and the product and symbol that are put in front. */
#define READER_WIRE_BYTES_MAX (ROW_READER_ROW_BYTES_MAX + 4096)

const char *const row_format_choices[] = {"auto", "csv", "ndjson", "protobuf", NULL};
const char *const row_header_choices[] = {"auto", "yes", "no", NULL};

static const struct row_format_ops *const format_ops[] = {
    [ROW_FORMAT_CSV] = &row_reader_csv_ops,
    [ROW_FORMAT_NDJSON] = &row_reader_ndjson_ops,
    [ROW_FORMAT_PROTOBUF] = &row_reader_protobuf_ops,
};

static const struct {
    const char *extension;
    enum row_format format;
} extensions[] = {
    {".csv", ROW_FORMAT_CSV},           {".tsv", ROW_FORMAT_CSV},
    {".ndjson", ROW_FORMAT_NDJSON},     {".jsonl", ROW_FORMAT_NDJSON},
    {".json", ROW_FORMAT_NDJSON},       {".pb", ROW_FORMAT_PROTOBUF},
    {".protobuf", ROW_FORMAT_PROTOBUF},
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

enum row_format row_format_of_path(const char *path)
{
    const char *point = strrchr(base_name(path), '.');
    for (size_t i = 0; point != NULL && i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        if (strcasecmp(point, extensions[i].extension) == 0) {
            return extensions[i].format;
        }
    }
    return ROW_FORMAT_AUTO;
}

/* "day.ticks.pb" holds ticks. */
static enum row_kind kind_of_path(const char *path)
{
    const char *name = base_name(path);
    for (int kind = ROW_KIND_TICKS; kind < ROW_KIND_COUNT; kind++) {
        const char *word = row_kind_choices[kind];
        const char *found = strcasestr(name, word);
        if (found != NULL && found > name && found[-1] == '.' &&
            (found[strlen(word)] == '.' || found[strlen(word)] == '\0')) {
            return (enum row_kind)kind;
        }
    }
    return ROW_KIND_AUTO;
}

/* Text has no control characters but blanks; a row in protobuf has: its tags and lengths. */
static enum row_format format_of_bytes(struct ds_bytes bytes)
{
    size_t begin = bytes.size >= 3 && memcmp(bytes.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] < 0x20 && strchr("\t\r\n", bytes.data[i]) == NULL) {
            return ROW_FORMAT_PROTOBUF;
        }
        if (bytes.data[i] == '\0') {
            return ROW_FORMAT_PROTOBUF;
        }
    }
    while (begin < bytes.size && strchr(" \t\r\n", bytes.data[begin]) != NULL) {
        begin++;
    }
    return begin < bytes.size && bytes.data[begin] == '{' ? ROW_FORMAT_NDJSON : ROW_FORMAT_CSV;
}

static FILE *open_stream(const char *path, char *ret_reason)
{
    if (strcmp(path, "-") == 0) {
        return stdin;
    }
    FILE *stream = fopen(path, "re");
    struct stat status;
    if (stream == NULL) {
        snprintf(ret_reason, ROW_READER_REASON_BYTES_MAX, "can't open \"%s\": %s", path,
                 strerror(errno));
        return NULL;
    }
    if (fstat(fileno(stream), &status) == 0 && S_ISDIR(status.st_mode)) {
        snprintf(ret_reason, ROW_READER_REASON_BYTES_MAX, "\"%s\" is a folder; name a file", path);
        fclose(stream);
        return NULL;
    }
    return stream;
}

static void find_format(struct row_reader *reader)
{
    reader->format = reader->options.format;
    if (reader->format == ROW_FORMAT_AUTO) {
        reader->format = row_format_of_path(reader->options.path);
    }
    if (reader->format == ROW_FORMAT_AUTO) {
        uint8_t head[INPUT_PEEK_BYTES_MAX];
        const size_t head_bytes = input_peek(&reader->stream, head, sizeof(head));
        reader->format = format_of_bytes(ds_bytes_of(head, head_bytes));
    }
    reader->ops = format_ops[reader->format];
}

ds_code row_reader_open(const struct row_reader_options *options, struct row_reader **ret_reader,
                        char ret_reason[ROW_READER_REASON_BYTES_MAX])
{
    FILE *stream =
        options->stream != NULL ? options->stream : open_stream(options->path, ret_reason);
    if (stream == NULL) {
        return DS_NOT_FOUND;
    }
    struct row_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        abort();
    }
    reader->options = *options;
    reader->stream = stream;
    reader->arena = ds_arena_create(READER_ARENA_BYTES_MAX);
    ds_buffer_init(&reader->wire, READER_WIRE_BYTES_MAX);
    ds_buffer_init(&reader->text, ROW_READER_ROW_BYTES_MAX);
    find_format(reader);
    const enum row_kind kind =
        options->kind == ROW_KIND_AUTO ? kind_of_path(options->path) : options->kind;
    if (kind != ROW_KIND_AUTO) {
        row_reader_set_kind(reader, kind);
    }
    const ds_code code = reader->ops->begin(reader, ret_reason);
    if (code != DS_OK) {
        row_reader_close(reader);
        return code;
    }
    *ret_reader = reader;
    return DS_OK;
}

void row_reader_close(struct row_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->ops->end != NULL) {
        reader->ops->end(reader);
    }
    ds_buffer_deinit(&reader->wire);
    ds_buffer_deinit(&reader->text);
    ds_arena_destroy(reader->arena);
    input_close(reader->stream);
    free(reader);
}

enum row_result row_reader_next(struct row_reader *reader, struct row *ret_row,
                                struct row_fault *ret_fault)
{
    return reader->ops->next(reader, ret_row, ret_fault);
}

enum row_kind row_reader_kind(const struct row_reader *reader)
{
    return reader->kind;
}

enum row_format row_reader_format(const struct row_reader *reader)
{
    return reader->format;
}

struct row_place row_reader_position(const struct row_reader *reader)
{
    return reader->ops->position(reader);
}

ds_code row_reader_seek(struct row_reader *reader, struct row_place place)
{
    return reader->ops->seek(reader, place) ? DS_OK : DS_UNAVAILABLE;
}

void row_reader_set_kind(struct row_reader *reader, enum row_kind kind)
{
    reader->kind = kind;
    reader->message = row_kind_message(kind);
}

static bool has_field(struct ds_bytes wire, uint32_t wanted)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    while (!ds_wire_at_end(&reader)) {
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        if (!ds_wire_read_tag(&reader, &number, &type) || !ds_wire_skip(&reader, type)) {
            return false;
        }
        if (number == wanted) {
            return true;
        }
    }
    return false;
}

static void fill_default(struct row_reader *reader, const char *name, const char *value)
{
    const struct ds_field *field = ds_field_by_name(reader->message, name, strlen(name));
    if (value != NULL && value[0] != '\0' && field != NULL &&
        !has_field(ds_buffer_bytes(&reader->wire), field->number)) {
        ds_wire_write_bytes_field(&reader->wire, field->number, ds_bytes_of_text(value));
    }
}

void row_reader_fill_defaults(struct row_reader *reader)
{
    fill_default(reader, "product", reader->options.product);
    fill_default(reader, "symbol", reader->options.symbol);
}

enum row_result row_reader_fault(struct row_fault *ret_fault, struct row_place place,
                                 const char *field, const char *format, ...)
{
    va_list arguments;
    ret_fault->place = place;
    snprintf(ret_fault->field, sizeof(ret_fault->field), "%s", field);
    va_start(arguments, format);
    vsnprintf(ret_fault->reason, sizeof(ret_fault->reason), format, arguments);
    va_end(arguments);
    return ROW_DAMAGED;
}

enum row_result row_reader_stream_read(struct row_reader *reader,
                                       enum row_result (*read)(struct row_reader *reader,
                                                               struct row_fault *ret_fault),
                                       struct row_fault *ret_fault)
{
    if (!reader->is_pending) {
        return read(reader, ret_fault);
    }
    reader->is_pending = false;
    *ret_fault = reader->pending_fault;
    return reader->pending_result;
}

struct row_place row_reader_stream_position(const struct row_reader *reader)
{
    return reader->is_pending ? reader->begin : reader->next;
}

bool row_reader_stream_seek(struct row_reader *reader, struct row_place place)
{
    if (fseeko(reader->stream, (off_t)place.offset, SEEK_SET) != 0) {
        return false;
    }
    reader->next = place;
    reader->is_pending = false;
    return true;
}

void row_place_print(struct row_place place, FILE *stream)
{
    if (place.line > 0) {
        fprintf(stream, "line %" PRIu64, place.line);
    } else {
        fprintf(stream, "byte %" PRIu64, place.offset);
    }
}
