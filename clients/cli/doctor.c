/* deltastream doctor: whether this machine's command line and its service are well. */
#include "clients/cli/command.h"
#include "clients/cli/connection.h"
#include "clients/cli/doctor_checks.h"
#include "clients/cli/records.h"
#include "ds/exit_code.h"

#include <stddef.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct doctor_options {
    struct connection_options connection;
    int format;
};

static const struct ds_setting settings[] = {CONNECTION_SETTINGS,
                                             ROWS_FORMAT_SETTING(doctor_options)};

static const struct table_column columns[] = {
    {.name = "check"}, {.name = "state"}, {.name = "message"}, {.name = "advice"}};

static void take_finding(void *context, const struct finding *finding)
{
    const char *const values[COUNT_OF(columns)] = {
        finding->check, finding_state_names[finding->state], finding->message, finding->advice};
    records_add(context, values);
}

/* A person gets lines that are never cut: advice is to be read whole. */
static void print_finding(void *context, const struct finding *finding)
{
    (void)context;
    printf("%-5s %-12s %s\n", finding_state_names[finding->state], finding->check,
           finding->message);
    if (finding->advice != NULL) {
        printf("%-18s %s\n", "", finding->advice);
    }
}

static int run(struct ds_config *config, void *context)
{
    struct doctor_options *options = context;
    if (ds_config_wish(config) == DS_CONFIG_PRINT) {
        connection_complete(config, &options->connection);
        ds_config_print(config, options, stdout);
        return DS_EXIT_OK;
    }
    const enum rows_format format = rows_format_for(stdout, (enum rows_format)options->format);
    if (format == ROWS_TABLE) {
        return doctor_check(config, &options->connection, print_finding, NULL) ? DS_EXIT_OK
                                                                               : DS_EXIT_ERROR;
    }
    struct records *records = records_create(stdout, format, columns, COUNT_OF(columns));
    const bool is_well = doctor_check(config, &options->connection, take_finding, records);
    records_destroy(records);
    return is_well ? DS_EXIT_OK : DS_EXIT_ERROR;
}

static const struct ds_program program = {
    .name = "deltastream doctor",
    .summary = "Check connection, versions, clock, disk and data folder; say what to do.",
    .examples = "  deltastream doctor\n"
                "  deltastream doctor --connect tcp://10.0.0.5:9003 -o json\n",
    .settings = settings,
    .setting_count = COUNT_OF(settings),
};

const struct cli_command command_doctor = {
    .program = &program, .options_bytes = sizeof(struct doctor_options), .run = run};
