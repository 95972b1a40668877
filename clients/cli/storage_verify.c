/* deltastream storage verify. */
#include "clients/cli/command.h"
#include "clients/cli/connection.h"
#include "clients/cli/plain_text.h"
#include "clients/cli/status.h"
#include "clients/cli/storage_reply.h"
#include "ds/exit_code.h"

#include <inttypes.h>
#include <stdio.h>

/* Fields of VerifyResponse. */
enum {
    VERIFY_ROWS = 1,
    VERIFY_SERIES = 2,
    VERIFY_FAULTS = 3,
    VERIFY_FAULT_COUNT = 4,
};

struct verify_options {
    struct connection_options connection;
};

static const struct ds_setting settings[] = {CONNECTION_SETTINGS};

static const struct ds_program program = {
    .name = "deltastream storage verify",
    .summary = "Look at every row and index of the store; say what is wrong.",
    .examples = "  deltastream storage verify\n"
                "  deltastream storage verify && echo sound\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

struct findings {
    uint64_t rows;
    uint64_t series;
    uint64_t fault_count;
    uint64_t shown;
};

static void take_field(void *context, uint32_t field, uint64_t number, struct ds_bytes bytes)
{
    struct findings *findings = context;
    switch (field) {
    case VERIFY_ROWS:
        findings->rows = number;
        break;
    case VERIFY_SERIES:
        findings->series = number;
        break;
    case VERIFY_FAULTS:
        findings->shown++;
        plain_text_write(stdout, bytes);
        putchar('\n');
        break;
    case VERIFY_FAULT_COUNT:
        findings->fault_count = number;
        break;
    default:
        break;
    }
}

static int show(const struct connection_options *options, struct ds_bytes response)
{
    struct findings findings = {0};
    if (reply_each(response, take_field, &findings) != DS_OK) {
        return DS_EXIT_ERROR;
    }
    if (findings.fault_count > 0) {
        fprintf(stderr,
                "deltastream: %" PRIu64 " faults in %" PRIu64 " rows of %" PRIu64
                " series, %" PRIu64 " of them shown\n",
                findings.fault_count, findings.rows, findings.series, findings.shown);
        return DS_EXIT_ERROR;
    }
    if (!options->quiet) {
        fprintf(stderr, "%" PRIu64 " rows of %" PRIu64 " series: all sound\n", findings.rows,
                findings.series);
    }
    return DS_EXIT_OK;
}

static int run(struct ds_config *config, void *options)
{
    struct verify_options *verify = options;
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, &verify->connection, &connection, &exit_code)) {
        return exit_code;
    }
    struct answer answer;
    const ds_code code =
        connection_call(&connection, storage_method("Verify"), (struct ds_bytes){0}, &answer);
    exit_code =
        code == DS_OK ? show(&verify->connection, answer.response) : status_exit_code(&answer);
    answer_release(&answer);
    connection_close(&connection);
    return exit_code;
}

const struct cli_command command_storage_verify = {
    .program = &program, .options_bytes = sizeof(struct verify_options), .run = run};
