/* deltastream man: writes the manual pages into a folder. */
#include "clients/cli/command.h"
#include "clients/cli/man_page.h"
#include "ds/exit_code.h"
#include "ds/number.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DATE_BYTES_MAX 64
#define PATH_BYTES_MAX 4096

/* The day of SOURCE_DATE_EPOCH (reproducible-builds.org) where it is set, else today. */
static void tell_date(char date[DATE_BYTES_MAX])
{
    const char *epoch = ds_environment_value(environ, "SOURCE_DATE_EPOCH");
    int64_t seconds = 0;
    time_t moment = time(NULL);
    if (epoch != NULL && ds_int64_parse(ds_bytes_of_text(epoch), &seconds)) {
        moment = (time_t)seconds;
    }
    struct tm day = {0};
    gmtime_r(&moment, &day);
    strftime(date, DATE_BYTES_MAX, "%B %e, %Y", &day);
    /* "%e" pads with a blank, which mdoc does not want. */
    char *padding = strstr(date, "  ");
    if (padding != NULL) {
        memmove(padding, padding + 1, strlen(padding));
    }
}

static bool write_page(const struct cli_command *command, const char *folder, const char *date)
{
    char name[MAN_NAME_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    man_page_name(command, name);
    snprintf(path, sizeof(path), "%s/%s.1", folder, name);
    FILE *stream = fopen(path, "we");
    if (stream == NULL) {
        fprintf(stderr, "deltastream: can't write %s: %s\n", path, strerror(errno));
        return false;
    }
    man_page_write(command, date, stream);
    const bool is_sound = ferror(stream) == 0;
    if (fclose(stream) != 0 || !is_sound) {
        fprintf(stderr, "deltastream: can't write %s: %s\n", path, strerror(errno));
        return false;
    }
    return true;
}

static int run(struct ds_config *config, void *options)
{
    (void)options;
    const char *folder = ds_config_operand(config, 0);
    char date[DATE_BYTES_MAX];
    tell_date(date);
    if (mkdir(folder, S_IRWXU | S_IRWXG | S_IRWXO) != 0 && errno != EEXIST) {
        fprintf(stderr, "deltastream: can't make %s: %s\n", folder, strerror(errno));
        return DS_EXIT_ERROR;
    }
    bool is_written = write_page(NULL, folder, date);
    for (size_t i = 0; i < cli_command_count && is_written; i++) {
        is_written = write_page(cli_commands[i], folder, date);
    }
    return is_written ? DS_EXIT_OK : DS_EXIT_ERROR;
}

static const struct ds_program program = {
    .name = "deltastream man",
    .summary = "Write the manual pages, one a command, into a folder.",
    .examples = "  deltastream man ~/.local/share/man/man1\n",
    .operands = "DIR",
    .operand_min = 1,
    .operand_max = 1,
};

const struct cli_command command_man = {
    .program = &program, .run = run, .operand = CLI_OPERAND_FOLDER, .is_local = true};
