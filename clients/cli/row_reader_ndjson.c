/* Rows as JSON objects, one a line. */
#include "clients/cli/input.h"
#include "clients/cli/row_reader_internal.h"
#include "ds/json.h"

static const struct ds_json_read_options read_options = {.lenient_times = true};

static bool is_blank(struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (strchr(" \t\r\n", text.data[i]) == NULL || text.data[i] == '\0') {
            return false;
        }
    }
    return true;
}

static void skip_byte_order_mark(struct row_reader *reader)
{
    struct ds_buffer *text = &reader->text;
    if (reader->begin.offset == 0 && text->size >= 3 &&
        memcmp(text->data, "\xEF\xBB\xBF", 3) == 0) {
        memmove(text->data, text->data + 3, text->size - 3);
        text->size -= 3;
    }
}

/* Puts the next line that is not blank into reader->text. */
static enum row_result read_line(struct row_reader *reader, struct row_fault *ret_fault)
{
    for (;;) {
        uint64_t line_bytes = 0;
        const enum input_line result = input_read_line(reader->stream, &reader->text, &line_bytes);
        reader->begin = reader->next;
        if (result == INPUT_END) {
            return ROW_END;
        }
        if (result == INPUT_UNREADABLE) {
            row_reader_fault(ret_fault, reader->begin, "", "the file can't be read any further");
            return ROW_FAILED;
        }
        reader->next.offset += line_bytes;
        reader->next.line++;
        if (result == INPUT_TOO_LONG) {
            return row_reader_fault(ret_fault, reader->begin, "", "longer than 1 MiB");
        }
        skip_byte_order_mark(reader);
        if (!is_blank(ds_buffer_bytes(&reader->text))) {
            return ROW_READ;
        }
    }
}

static bool names_any(struct ds_bytes text, const char *const *members)
{
    for (; *members != NULL; members++) {
        if (memmem(text.data, text.size, *members, strlen(*members)) != NULL) {
            return true;
        }
    }
    return false;
}

/* By members that only one kind has; a chain's quotes have symbols too. */
static enum row_kind kind_of_line(struct ds_bytes text)
{
    static const char *const of_chains[] = {"\"calls\"",     "\"puts\"",   "\"spot_price\"",
                                            "\"spotPrice\"", "\"pcr_oi\"", "\"atm_strike\"",
                                            "\"atmStrike\"", "\"pcrOi\"",  NULL};
    static const char *const of_quotes[] = {"\"symbol\"", "\"strike\"", "\"option_type\"",
                                            "\"optionType\"", NULL};
    if (names_any(text, of_chains)) {
        return ROW_KIND_CHAINS;
    }
    return names_any(text, of_quotes) ? ROW_KIND_QUOTES : ROW_KIND_TICKS;
}

static ds_code begin(struct row_reader *reader, char *ret_reason)
{
    (void)ret_reason;
    reader->next.line = 1;
    if (reader->kind != ROW_KIND_AUTO) {
        return DS_OK;
    }
    reader->pending_result = read_line(reader, &reader->pending_fault);
    reader->is_pending = true;
    if (reader->pending_result != ROW_END) {
        row_reader_set_kind(reader, kind_of_line(ds_buffer_bytes(&reader->text)));
    }
    return DS_OK;
}

static enum row_result convert(struct row_reader *reader, struct row *ret_row,
                               struct row_fault *ret_fault)
{
    struct ds_json_error error = {0};
    ds_buffer_clear(&reader->wire);
    if (ds_json_to_wire(reader->message, ds_buffer_bytes(&reader->text), &read_options,
                        &reader->wire, &error) != DS_OK) {
        const char *member = error.pointer[0] == '/' ? error.pointer + 1 : error.pointer;
        return row_reader_fault(ret_fault, reader->begin, member, "%s",
                                reader->wire.overflow ? "larger than 1 MiB" : error.message);
    }
    row_reader_fill_defaults(reader);
    *ret_row = (struct row){.wire = ds_buffer_bytes(&reader->wire), .place = reader->begin};
    return ROW_READ;
}

static enum row_result next(struct row_reader *reader, struct row *ret_row,
                            struct row_fault *ret_fault)
{
    const enum row_result result = row_reader_stream_read(reader, read_line, ret_fault);
    return result == ROW_READ ? convert(reader, ret_row, ret_fault) : result;
}

const struct row_format_ops row_reader_ndjson_ops = {.begin = begin,
                                                     .next = next,
                                                     .position = row_reader_stream_position,
                                                     .seek = row_reader_stream_seek};
