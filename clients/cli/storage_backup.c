/* deltastream storage backup: fetches a backup from the service, piece by piece. */
#include "clients/cli/backup_file.h"
#include "clients/cli/command.h"
#include "clients/cli/connection.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/progress.h"
#include "clients/cli/status.h"
#include "clients/cli/storage_reply.h"
#include "ds/exit_code.h"
#include "ds/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A piece whose answer got lost is fetched once more. */
#define TRIES_MAX 3
#define REQUEST_BYTES_MAX 256
#define ID_BYTES_MAX 64

/* Fields of StartBackupResponse, ReadBackupRequest and ReadBackupResponse. */
enum {
    START_ID = 1,
    START_ESTIMATE = 2,
    REQUEST_ID = 1,
    REQUEST_OFFSET = 2,
    READ_DATA = 1,
    READ_DONE = 2,
};

struct backup_options {
    struct connection_options connection;
    bool force;
};

static const struct ds_setting settings[] = {
    {.name = "force",
     .short_flag = 'f',
     .kind = DS_SETTING_BOOLEAN,
     .help = "replace a file that is there",
     .offset = offsetof(struct backup_options, force)},
    CONNECTION_SETTINGS,
};

static const struct ds_program program = {
    .name = "deltastream storage backup",
    .summary = "Write a backup of the running store to a file.",
    .examples = "  deltastream storage backup monday.backup\n"
                "  deltastream storage backup - | ssh archive 'cat > monday.backup'\n",
    .operands = "FILE | -",
    .operand_min = 1,
    .operand_max = 1,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* A backup that is being fetched. */
struct fetch {
    const struct connection *connection;
    struct backup_file *file;
    struct progress *progress; /* NULL: shows nothing */
    char id[ID_BYTES_MAX];
    uint64_t estimate;
    uint64_t offset;
    struct ds_bytes piece;
    bool is_done;
};

static void take_start(void *context, uint32_t field, uint64_t number, struct ds_bytes bytes)
{
    struct fetch *fetch = context;
    if (field == START_ID && bytes.size < sizeof(fetch->id)) {
        memcpy(fetch->id, bytes.data, bytes.size);
        fetch->id[bytes.size] = '\0';
    } else if (field == START_ESTIMATE) {
        fetch->estimate = number;
    }
}

static ds_code fetch_start(struct fetch *fetch)
{
    struct answer answer;
    ds_code code = connection_call(fetch->connection, storage_method("StartBackup"),
                                   (struct ds_bytes){0}, &answer);
    if (code == DS_OK) {
        code = reply_each(answer.response, take_start, fetch);
    }
    answer_release(&answer);
    return code;
}

static void take_read(void *context, uint32_t field, uint64_t number, struct ds_bytes bytes)
{
    struct fetch *fetch = context;
    if (field == READ_DATA) {
        fetch->piece = bytes;
    } else if (field == READ_DONE) {
        fetch->is_done = number != 0;
    }
}

/* Reads the piece at the offset; the answer holds it until it is released. */
static ds_code piece_read(struct fetch *fetch, struct answer *ret_answer)
{
    struct ds_buffer request;
    ds_buffer_init(&request, REQUEST_BYTES_MAX);
    ds_wire_write_bytes_field(&request, REQUEST_ID, ds_bytes_of_text(fetch->id));
    ds_wire_write_varint_field(&request, REQUEST_OFFSET, fetch->offset);
    ds_code code = DS_UNAVAILABLE;
    for (size_t tries = 0; tries < TRIES_MAX && code == DS_UNAVAILABLE; tries++) {
        if (tries > 0) {
            answer_release(ret_answer);
        }
        code = connection_ask(fetch->connection, storage_method("ReadBackup"),
                              ds_buffer_bytes(&request), ret_answer);
    }
    ds_buffer_deinit(&request);
    return code;
}

static int piece_fetch(struct fetch *fetch)
{
    struct answer answer;
    const ds_code code = piece_read(fetch, &answer);
    int exit_code = status_exit_code(&answer);
    fetch->piece = (struct ds_bytes){0};
    if (code != DS_OK) {
        if (fetch->progress != NULL) {
            progress_hide(fetch->progress);
        }
        status_print(stderr, code, answer.message, answer.status_details);
    } else if (reply_each(answer.response, take_read, fetch) != DS_OK) {
        exit_code = DS_EXIT_ERROR;
    } else {
        exit_code = backup_file_write(fetch->file, fetch->piece);
        fetch->offset += fetch->piece.size;
    }
    answer_release(&answer);
    return exit_code;
}

/* Fetches all pieces; returns an exit code. */
static int fetch_all(struct fetch *fetch)
{
    while (!fetch->is_done) {
        if (interrupt_came()) {
            return DS_EXIT_INTERRUPTED;
        }
        const int exit_code = piece_fetch(fetch);
        if (exit_code != DS_EXIT_OK) {
            return exit_code;
        }
        if (fetch->progress != NULL) {
            progress_update(fetch->progress, fetch->offset, 0);
        }
    }
    return DS_EXIT_OK;
}

static int fetch_into(const struct connection *connection, struct backup_file *file, bool quiet)
{
    struct fetch fetch = {.connection = connection, .file = file};
    const ds_code code = fetch_start(&fetch);
    if (code != DS_OK) {
        return ds_exit_code_of(code);
    }
    const struct progress_options progress = {
        .stream = stderr, .label = "backup", .total_bytes = fetch.estimate};
    fetch.progress = quiet ? NULL : progress_create(&progress);
    int exit_code = fetch_all(&fetch);
    progress_destroy(fetch.progress);
    if (exit_code == DS_EXIT_OK) {
        exit_code = backup_file_keep(file);
    }
    if (exit_code == DS_EXIT_OK && !quiet) {
        fprintf(stderr, "backed up %" PRIu64 " bytes\n", fetch.offset);
    }
    return exit_code;
}

static int back_up(struct ds_config *config, struct backup_options *options,
                   struct backup_file *file)
{
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, &options->connection, &connection, &exit_code)) {
        return exit_code;
    }
    interrupt_begin("");
    exit_code = fetch_into(&connection, file, options->connection.quiet);
    interrupt_end();
    connection_close(&connection);
    return exit_code;
}

static int run(struct ds_config *config, void *options)
{
    struct backup_options *backup = options;
    struct backup_file file = {.fd = -1};
    int exit_code = DS_EXIT_OK;
    /* Before the service is troubled; --print-config needs no file. */
    if (ds_config_wish(config) == DS_CONFIG_RUN) {
        exit_code = backup_file_open(&file, ds_config_operand(config, 0), backup->force);
    }
    if (exit_code == DS_EXIT_OK) {
        exit_code = back_up(config, backup, &file);
    }
    backup_file_close(&file);
    return exit_code;
}

const struct cli_command command_storage_backup = {.program = &program,
                                                   .options_bytes = sizeof(struct backup_options),
                                                   .run = run,
                                                   .operand = CLI_OPERAND_FILE};
