/* deltastream call: any method by the generated tables, JSON in and JSON out. */
#include "clients/cli/command.h"
#include "clients/cli/connection.h"
#include "clients/cli/input.h"
#include "clients/cli/method_find.h"
#include "clients/cli/rows.h"
#include "clients/cli/status.h"
#include "ds/exit_code.h"

#include <string.h>

#define CALL_TEXT_BYTES_MAX (64 * 1024 * 1024)

struct call_options {
    struct connection_options connection;
};

static const struct ds_setting settings[] = {CONNECTION_SETTINGS};

static const struct ds_program program = {
    .name = "deltastream call",
    .summary = "Call any RPC with a JSON request and show its JSON reply.",
    .examples = "  deltastream call ListProducts\n"
                "  deltastream call ListTicks '{\"product\": \"NIFTY\", \"limit\": 2}'\n"
                "  deltastream call deltastream.storage.v1.Storage/IngestTicks @ticks.json\n"
                "  echo '{\"product\": \"NIFTY\"}' | deltastream call LatestTick -\n",
    .operands = "METHOD [JSON | @FILE | -]",
    .operand_min = 1,
    .operand_max = 2,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

static int read_document(const char *path, struct ds_buffer *text)
{
    FILE *stream = input_open(path);
    if (stream == NULL) {
        return DS_EXIT_ERROR;
    }
    const ds_code code = input_read_all(stream, text);
    input_close(stream);
    if (code == DS_OK) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, "deltastream: \"%s\" %s\n", path,
            code == DS_RESOURCE_EXHAUSTED ? "is larger than 32 MiB" : "can't be read");
    return DS_EXIT_ERROR;
}

/* Puts the request's JSON text into `text`; returns an exit code. */
static int read_request(const struct ds_config *config, struct ds_buffer *text)
{
    const char *operand = ds_config_operand_count(config) > 1 ? ds_config_operand(config, 1) : "{}";
    if (operand[0] == '@') {
        return read_document(operand + 1, text);
    }
    if (strcmp(operand, "-") == 0) {
        return read_document("-", text);
    }
    ds_buffer_append_text(text, operand);
    return DS_EXIT_OK;
}

static int tell_json_error(ds_code code, const struct ds_method *method,
                           const struct ds_json_error *error)
{
    if (code == DS_RESOURCE_EXHAUSTED) {
        fprintf(stderr, "deltastream: the request is larger than the %u bytes that %s takes\n",
                method->request_bytes_max, method->name);
    } else {
        fprintf(stderr, "deltastream: the request is no %s: byte %zu%s%s: %s\n",
                method->request->full_name, error->offset, error->pointer[0] == '\0' ? "" : ", at ",
                error->pointer, error->message);
    }
    return DS_EXIT_USAGE;
}

static int show_reply(const struct ds_method *method, struct ds_bytes response)
{
    struct ds_json_style style = rows_json_style;
    style.defaults = true;
    struct ds_buffer text;
    ds_buffer_init(&text, CALL_TEXT_BYTES_MAX);
    const ds_code code = ds_wire_to_json(method->response, response, &style, &text);
    if (code == DS_OK) {
        fwrite(text.data, 1, text.size, stdout);
        fputc('\n', stdout);
    } else {
        fprintf(stderr, "deltastream: the reply is no %s\n", method->response->full_name);
    }
    ds_buffer_deinit(&text);
    return code == DS_OK ? DS_EXIT_OK : DS_EXIT_ERROR;
}

static int make_call(struct ds_config *config, struct call_options *options,
                     const struct ds_method *method, struct ds_bytes payload)
{
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, &options->connection, &connection, &exit_code)) {
        return exit_code;
    }
    struct answer answer;
    const ds_code code = connection_call(&connection, method, payload, &answer);
    exit_code = status_exit_code(&answer);
    if (code == DS_OK) {
        exit_code = show_reply(method, answer.response);
    }
    answer_release(&answer);
    connection_close(&connection);
    return exit_code;
}

static int run(struct ds_config *config, void *options)
{
    const struct ds_method *method = method_find(ds_config_operand(config, 0));
    if (method == NULL) {
        return DS_EXIT_USAGE;
    }
    struct ds_buffer text;
    struct ds_buffer payload;
    ds_buffer_init(&text, INPUT_DOCUMENT_BYTES_MAX);
    ds_buffer_init(&payload, method->request_bytes_max);
    int exit_code = read_request(config, &text);
    if (exit_code == DS_EXIT_OK) {
        const struct ds_json_read_options read_options = {.lenient_times = true};
        struct ds_json_error error = {0};
        const ds_code code = ds_json_to_wire(method->request, ds_buffer_bytes(&text), &read_options,
                                             &payload, &error);
        exit_code = code == DS_OK ? make_call(config, options, method, ds_buffer_bytes(&payload))
                                  : tell_json_error(code, method, &error);
    }
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&payload);
    return exit_code;
}

const struct cli_command command_call = {.program = &program,
                                         .options_bytes = sizeof(struct call_options),
                                         .run = run,
                                         .operand = CLI_OPERAND_METHOD};
