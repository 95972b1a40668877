/* deltastream storage restore: with no service running. */
#include "clients/cli/command.h"
#include "clients/cli/progress.h"
#include "ds/exit_code.h"
#include "ds/log.h"
#include "ds/paths.h"
#include "ds/time.h"
#include "storage/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct restore_options {
    const char *data_dir;
    bool quiet;
};

static const struct ds_setting settings[] = {
    {.name = "data-dir",
     .environment = {"DS_DATA_DIR"},
     .kind = DS_SETTING_TEXT,
     .argument = "DIR",
     .default_of = ds_default_data_dir,
     .help = "the data folder to restore into: a new one, or one without market data",
     .offset = offsetof(struct restore_options, data_dir)},
    {.name = "quiet",
     .short_flag = 'q',
     .kind = DS_SETTING_BOOLEAN,
     .help = "write no messages but failures",
     .offset = offsetof(struct restore_options, quiet)},
};

static const struct ds_program program = {
    .name = "deltastream storage restore",
    .summary = "Restore a backup into a new data folder that no service has open.",
    .examples = "  deltastream storage restore monday.backup --data-dir ./restored\n"
                "  ssh archive cat monday.backup | deltastream storage restore - --data-dir "
                "./restored\n",
    .operands = "FILE | -",
    .operand_min = 1,
    .operand_max = 1,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* The backup's descriptor, or -1 after telling why there is none. */
static int backup_open(const char *path)
{
    if (strcmp(path, "-") != 0) {
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            fprintf(stderr, "deltastream: can't open \"%s\": %s\n", path, strerror(errno));
        }
        return fd;
    }
    if (isatty(STDIN_FILENO) == 1) {
        fprintf(stderr, "deltastream: - reads the backup from a pipe or a file, and standard input "
                        "is a terminal\n");
        return -1;
    }
    return STDIN_FILENO;
}

static uint64_t size_of(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && S_ISREG(file.st_mode) ? (uint64_t)file.st_size : 0;
}

static void show_progress(void *context, uint64_t bytes)
{
    progress_update(context, bytes, 0);
}

static void tell_done(const char *data_dir, const struct market_backup *backup)
{
    char time[DS_TIME_TEXT_MAX];
    const size_t size = ds_time_format(backup->created_us / DS_MICROSECONDS, 0, time);
    fprintf(stderr,
            "restored %" PRIu64 " rows of %.*s into %s; every row and index was checked\n"
            "  serve it with: deltastream up --data-dir '%s'\n",
            backup->row_count, (int)size, time, data_dir, data_dir);
}

static int restore(int fd, const char *data_dir, bool quiet)
{
    const struct progress_options progress_options = {
        .stream = stderr, .label = "restore", .total_bytes = size_of(fd)};
    struct progress *progress = quiet ? NULL : progress_create(&progress_options);
    const struct storage_restore_options options = {.fd = fd,
                                                    .data_dir = data_dir,
                                                    .progress =
                                                        progress == NULL ? NULL : show_progress,
                                                    .context = progress};
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX] = "";
    struct market_backup backup;
    const ds_code code = storage_restore(&options, &backup, reason);
    progress_destroy(progress);
    if (code != DS_OK) {
        fprintf(stderr, "deltastream: nothing restored: %s\n", reason);
        /* No waiting helps against a disk that is full here. */
        return code == DS_RESOURCE_EXHAUSTED ? DS_EXIT_ERROR : ds_exit_code_of(code);
    }
    if (!quiet) {
        tell_done(data_dir, &backup);
    }
    return DS_EXIT_OK;
}

static int run(struct ds_config *config, void *options)
{
    const struct restore_options *wanted = options;
    if (wanted->data_dir[0] == '\0') {
        return ds_config_refuse(config, options, "data-dir", "name a folder");
    }
    const char *data_dir = ds_absolute_path(ds_config_arena(config), wanted->data_dir);
    const int fd = backup_open(ds_config_operand(config, 0));
    if (fd < 0) {
        return DS_EXIT_ERROR;
    }
    ds_log_set_level(DS_LOG_ERROR);
    const int exit_code = restore(fd, data_dir, wanted->quiet);
    if (fd != STDIN_FILENO) {
        close(fd);
    }
    return exit_code;
}

const struct cli_command command_storage_restore = {.program = &program,
                                                    .options_bytes = sizeof(struct restore_options),
                                                    .run = run,
                                                    .operand = CLI_OPERAND_FILE,
                                                    .is_local = true};
