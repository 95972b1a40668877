/* deltastream ticks ingest: rows as NDJSON or as the document that POST /v1/ticks:ingest takes. */
#include "clients/cli/command.h"
#include "clients/cli/fields.h"
#include "clients/cli/ingest.h"
#include "clients/cli/input.h"
#include "clients/common/ingest_call.h"
#include "ds/exit_code.h"
#include "ds/json.h"

#include <string.h>

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
    FILE *stream; /* NULL: a reader has it */
    const char *path;
    struct ingest *ingest;
    uint64_t row_count; /* of a document */
};

/* Rows of a document are counted from 1 as lines are. */
static ds_code take_tick(void *context, uint32_t number, struct ds_bytes value)
{
    struct work *work = context;
    if (number != INGEST_CALL_ROWS) {
        return DS_OK;
    }
    const struct row row = {.wire = value, .place = {.line = ++work->row_count}};
    if (value.size > ROW_READER_ROW_BYTES_MAX) {
        const struct row_fault fault = {.place = row.place, .reason = "larger than 1 MiB"};
        return ingest_reject(work->ingest, &fault, row.place);
    }
    return ingest_add(work->ingest, &row, row.place);
}

static ds_code ingest_document(struct work *work, struct ds_bytes document)
{
    static const struct ds_json_read_options read_options = {.lenient_times = true};
    struct ds_json_error error = {0};
    struct ds_buffer request;
    ds_buffer_init(&request, INPUT_DOCUMENT_BYTES_MAX);
    ds_code code = ds_json_to_wire(row_kind_ingest_method(ROW_KIND_TICKS)->request, document,
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

static int ingest_json(struct work *work)
{
    struct ds_buffer document;
    ds_buffer_init(&document, INPUT_DOCUMENT_BYTES_MAX);
    ds_code code = input_read_all(work->stream, &document);
    if (code == DS_OK) {
        code = ingest_document(work, ds_buffer_bytes(&document));
    } else {
        fprintf(stderr, "deltastream: \"%s\" %s\n", work->path,
                document.overflow ? "is larger than 32 MiB; NDJSON has no such limit"
                                  : "can't be read");
        code = DS_UNKNOWN;
    }
    ds_buffer_deinit(&document);
    return ingest_finish(work->ingest, code);
}

static int ingest_ndjson(struct work *work)
{
    char reason[ROW_READER_REASON_BYTES_MAX];
    const struct row_reader_options reader_options = {.path = work->path,
                                                      .stream = work->stream,
                                                      .kind = ROW_KIND_TICKS,
                                                      .format = ROW_FORMAT_NDJSON};
    struct row_reader *reader = NULL;
    work->stream = NULL;
    const ds_code code = row_reader_open(&reader_options, &reader, reason);
    if (code != DS_OK) {
        fprintf(stderr, "deltastream: %s\n", reason);
        return ingest_finish(work->ingest, code);
    }
    const int exit_code = ingest_all(work->ingest, reader, work->path);
    row_reader_close(reader);
    return exit_code;
}

/* A document begins with a line that ends within an object, or names its list there. */
static bool looks_like_document(struct ds_bytes head)
{
    static const char member[] = "\"ticks\"";
    size_t begin = 0;
    while (begin < head.size && strchr(" \t\r\n", head.data[begin]) != NULL) {
        begin++;
    }
    const uint8_t *line = head.data + begin;
    const uint8_t *line_end = memchr(line, '\n', head.size - begin);
    size_t size = line_end == NULL ? head.size - begin : (size_t)(line_end - line);
    while (size > 0 && strchr(" \t\r", line[size - 1]) != NULL) {
        size--;
    }
    const bool is_cut = line_end != NULL && line[size - 1] != '}';
    return is_cut || memmem(line, size, member, strlen(member)) != NULL;
}

static bool is_document(struct work *work, int format)
{
    uint8_t head[INPUT_PEEK_BYTES_MAX];
    if (format != INGEST_AUTO) {
        return format == INGEST_JSON;
    }
    const size_t head_bytes = input_peek(&work->stream, head, sizeof(head));
    return looks_like_document(ds_bytes_of(head, head_bytes));
}

static int ingest_stream(struct work *work, const struct ticks_ingest_options *options,
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
    work->ingest = ingest_create(&ingest_options);
    int exit_code = is_document(work, options->format) ? ingest_json(work) : ingest_ndjson(work);
    ingest_destroy(work->ingest);
    if (!ingest_close_rejected(options->ingest.rejected_path, rejected) &&
        exit_code == DS_EXIT_OK) {
        exit_code = DS_EXIT_ERROR;
    }
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
    struct work work = {.stream = input_open(path), .path = path};
    exit_code = work.stream == NULL ? DS_EXIT_ERROR : ingest_stream(&work, options, &connection);
    input_close(work.stream);
    connection_close(&connection);
    return exit_code;
}

const struct cli_command command_ticks_ingest = {
    .program = &program, .options_bytes = sizeof(struct ticks_ingest_options), .run = run};
