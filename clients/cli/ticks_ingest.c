/* deltastream ticks ingest: rows as NDJSON or as the document that POST /v1/ticks:ingest takes. */
#include "clients/cli/command.h"
#include "clients/cli/fields.h"
#include "clients/cli/ingest.h"
#include "clients/cli/input.h"
#include "ds/exit_code.h"
#include "ds/json.h"

#include <inttypes.h>
#include <string.h>

#define INGEST_REQUEST "deltastream.storage.v1.IngestTicksRequest"
#define TICK "deltastream.storage.v1.Tick"
#define INGEST_LINE_BYTES_MAX (1024 * 1024)
#define REQUEST_TICKS 1

enum ingest_format {
    INGEST_AUTO = 0,
    INGEST_NDJSON,
    INGEST_JSON,
};

static const char *const format_choices[] = {"auto", "ndjson", "json", NULL};
struct ticks_ingest_options {
    struct connection_options connection;
    struct ingest_settings ingest;
    int format;
};

static const struct ds_setting settings[] = {
    {.name = "format",
     .kind = DS_SETTING_CHOICE,
     .argument = "auto|ndjson|json",
     .default_text = "auto",
     .choices = format_choices,
     .help = "NDJSON has a tick a line, JSON is {\"ticks\": [...]}; auto looks at the beginning",
     .offset = offsetof(struct ticks_ingest_options, format)},
    INGEST_SETTINGS(ticks_ingest_options),
    CONNECTION_SETTINGS,
};

static const struct ds_program program = {
    .name = "deltastream ticks ingest",
    .summary = "Store ticks from a file or from standard input.",
    .examples = "  deltastream ticks ingest ticks.ndjson\n"
                "  deltastream ticks list NIFTY --all | deltastream ticks ingest --connect "
                "tcp://127.0.0.1:9003\n",
    .operands = "[FILE | -]",
    .operand_max = 1,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* One run over the input. */
struct work {
    FILE *stream;
    const char *path;
    struct ingest *ingest;
    const struct ds_message *tick;
    struct ds_buffer text; /* a line or the whole document */
    struct ds_buffer wire;
    uint64_t line;
};

static const struct ds_json_read_options read_options = {.lenient_times = true};

static bool is_blank(struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (strchr(" \t\r\n", text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static ds_code reject_line(struct work *work, const char *field, const char *reason)
{
    struct row_fault fault = {.place = {.line = work->line}};
    snprintf(fault.field, sizeof(fault.field), "%s", field);
    snprintf(fault.reason, sizeof(fault.reason), "%s", reason);
    return ingest_reject(work->ingest, &fault, fault.place);
}

static ds_code add_row(struct work *work, struct ds_bytes wire)
{
    const struct row row = {.wire = wire, .place = {.line = work->line}};
    if (wire.size > INGEST_LINE_BYTES_MAX) {
        return reject_line(work, "", "larger than 1 MiB");
    }
    return ingest_add(work->ingest, &row, row.place);
}

static ds_code ingest_line(struct work *work)
{
    const struct ds_bytes text = ds_buffer_bytes(&work->text);
    struct ds_json_error error = {0};
    if (is_blank(text)) {
        return DS_OK;
    }
    ds_buffer_clear(&work->wire);
    if (ds_json_to_wire(work->tick, text, &read_options, &work->wire, &error) != DS_OK) {
        return reject_line(work, error.pointer,
                           work->wire.overflow ? "larger than 1 MiB" : error.message);
    }
    return add_row(work, ds_buffer_bytes(&work->wire));
}

/* `first` is what reading the first line gave; its text is in work->text. */
static ds_code ingest_lines(struct work *work, enum input_line first)
{
    ds_code code = DS_OK;
    uint64_t line_bytes = 0;
    enum input_line result = first;
    while (code == DS_OK && result != INPUT_END) {
        if (result == INPUT_UNREADABLE) {
            fprintf(stderr, "deltastream: can't read on in \"%s\" after line %" PRIu64 "\n",
                    work->path, work->line);
            return DS_UNKNOWN;
        }
        work->line++;
        code =
            result == INPUT_LINE ? ingest_line(work) : reject_line(work, "", "longer than 1 MiB");
        if (code == DS_OK) {
            result = input_read_line(work->stream, &work->text, &line_bytes);
        }
    }
    return code;
}

static ds_code take_tick(void *context, uint32_t number, struct ds_bytes value)
{
    struct work *work = context;
    if (number != REQUEST_TICKS) {
        return DS_OK;
    }
    work->line++;
    return add_row(work, value);
}

/* Rows of a document are counted from 1 as lines are. */
static ds_code ingest_document(struct work *work, struct ds_buffer *document)
{
    if (input_read_all(work->stream, document) != DS_OK) {
        fprintf(stderr, "deltastream: \"%s\" %s\n", work->path,
                document->overflow ? "is larger than 32 MiB; NDJSON has no such limit"
                                   : "can't be read");
        return DS_UNKNOWN;
    }
    struct ds_json_error error = {0};
    struct ds_buffer request;
    ds_buffer_init(&request, INPUT_DOCUMENT_BYTES_MAX);
    ds_code code = ds_json_to_wire(ds_message_find(INGEST_REQUEST), ds_buffer_bytes(document),
                                   &read_options, &request, &error);
    if (code == DS_OK) {
        code = fields_each(ds_buffer_bytes(&request), take_tick, work);
    } else {
        fprintf(stderr, "deltastream: \"%s\": byte %zu%s%s: %s\n", work->path, error.offset,
                error.pointer[0] == '\0' ? "" : ", at ", error.pointer, error.message);
    }
    ds_buffer_deinit(&request);
    return code;
}

/* A row is an object that begins and ends on one line and holds no "ticks". */
static bool looks_like_row(struct ds_bytes text)
{
    static const char member[] = "\"ticks\"";
    size_t begin = 0;
    size_t end = text.size;
    while (begin < end && is_blank(ds_bytes_of(text.data + begin, 1))) {
        begin++;
    }
    while (end > begin && is_blank(ds_bytes_of(text.data + end - 1, 1))) {
        end--;
    }
    return end - begin >= 2 && text.data[begin] == '{' && text.data[end - 1] == '}' &&
           memmem(text.data, text.size, member, strlen(member)) == NULL;
}

static ds_code ingest_input(struct work *work, enum ingest_format format)
{
    struct ds_buffer document;
    ds_code code = DS_OK;
    enum input_line first = INPUT_END;
    uint64_t line_bytes = 0;
    ds_buffer_init(&document, INPUT_DOCUMENT_BYTES_MAX);
    if (format != INGEST_JSON) {
        first = input_read_line(work->stream, &work->text, &line_bytes);
    }
    const struct ds_bytes text = ds_buffer_bytes(&work->text);
    if (format == INGEST_NDJSON ||
        (format == INGEST_AUTO && (first != INPUT_LINE || looks_like_row(text)))) {
        code = ingest_lines(work, first);
    } else {
        ds_buffer_append(&document, text.data, text.size);
        if (first == INPUT_LINE) {
            ds_buffer_append_byte(&document, '\n');
        }
        code = ingest_document(work, &document);
    }
    ds_buffer_deinit(&document);
    return code;
}

static int ingest_stream(FILE *stream, const char *path, const struct ticks_ingest_options *options,
                         const struct connection *connection)
{
    FILE *rejected = NULL;
    if (!ingest_open_rejected(options->ingest.rejected_path, 0, &rejected)) {
        return DS_EXIT_ERROR;
    }
    const struct ingest_options ingest_options = {.connection = connection,
                                                  .kind = ROW_KIND_TICKS,
                                                  .settings = options->ingest,
                                                  .is_quiet = options->connection.quiet,
                                                  .rejected = rejected};
    struct work work = {.stream = stream,
                        .path = path,
                        .ingest = ingest_create(&ingest_options),
                        .tick = ds_message_find(TICK)};
    ds_buffer_init(&work.text, INGEST_LINE_BYTES_MAX);
    ds_buffer_init(&work.wire, INGEST_LINE_BYTES_MAX);
    const ds_code code = ingest_input(&work, (enum ingest_format)options->format);
    int exit_code = ingest_finish(work.ingest, code);
    ingest_destroy(work.ingest);
    if (!ingest_close_rejected(options->ingest.rejected_path, rejected) &&
        exit_code == DS_EXIT_OK) {
        exit_code = DS_EXIT_ERROR;
    }
    ds_buffer_deinit(&work.text);
    ds_buffer_deinit(&work.wire);
    return exit_code;
}

static int run(struct ds_config *config, void *context)
{
    struct ticks_ingest_options *options = context;
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, &options->connection, &connection, &exit_code)) {
        return exit_code;
    }
    const char *path = ds_config_operand_count(config) > 0 ? ds_config_operand(config, 0) : "-";
    FILE *stream = input_open(path);
    exit_code = stream == NULL ? DS_EXIT_ERROR : ingest_stream(stream, path, options, &connection);
    input_close(stream);
    connection_close(&connection);
    return exit_code;
}

const struct cli_command command_ticks_ingest = {
    .program = &program, .options_bytes = sizeof(struct ticks_ingest_options), .run = run};
