#include "clients/cli/command_find.h"
#include "clients/cli/output.h"
#include "clients/load/commands.h"
#include "ds/exit_code.h"
#include "ds/suggest.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *name;
    int (*run)(const struct ds_config_sources *sources);
    const struct ds_program *program;
    const char *summary;
};

static const struct command commands[] = {
    {"run", load_run_command, &load_run_program, "Put load on servers and measure; the default."},
    {"report", load_report_command, &load_report_program,
     "Show a saved run again, or compare two."},
    {"selftest", load_selftest_command, &load_selftest_program,
     "What this program itself is able to do here."},
    {"methods", load_methods_command, &load_methods_program,
     "List the methods that can be called."},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* A settings file may be that of all commands, and of `deltastream` too. */
static bool setting_exists(const char *name, const char *choice)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (ds_program_has_setting(commands[i].program, name, choice)) {
            return true;
        }
    }
    return command_setting_exists(name, choice);
}

static int print_help(void)
{
    printf("deltastream-load: put load on servers, by native calls and REST, and measure.\n\n"
           "Examples:\n"
           "  deltastream-load --get /v1/products --rate 500 --duration 10s\n"
           "  deltastream-load --method LatestTick --data '{\"product\": \"NIFTY\"}' --users 8\n"
           "  deltastream-load --scenario market_readers.json --html report.html\n\n"
           "Usage: deltastream-load [COMMAND] [flags]\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-10s%s\n", commands[i].name, commands[i].summary);
    }
    printf("\nData goes to stdout, messages to stderr. Exit codes: 0 done, 2 usage, 6 a target "
           "can't be\nreached, 99 an objective was missed, 130 interrupted.\n\n"
           "deltastream-load COMMAND --help tells about one of them.\n");
    return DS_EXIT_OK;
}

static int refuse_command(const char *name)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, name);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        ds_suggest_offer(&suggestion, commands[i].name);
    }
    fprintf(stderr, "deltastream-load: there is no command \"%s\"; ", name);
    if (suggestion.best != NULL) {
        fprintf(stderr, "did you mean \"%s\"?\n", suggestion.best);
    } else {
        fprintf(stderr, "deltastream-load --help lists them\n");
    }
    return DS_EXIT_USAGE;
}

static int run(size_t argument_count, char *const *arguments, char *const *environment)
{
    const char *first = argument_count == 0 ? "--help" : arguments[0];
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        return print_help();
    }
    if (strcmp(first, "--version") == 0 || strcmp(first, "version") == 0) {
        printf("deltastream-load %s\n", DS_VERSION);
        return DS_EXIT_OK;
    }
    struct ds_config_sources sources = {.argument_count = argument_count,
                                        .arguments = arguments,
                                        .environment = environment,
                                        .is_for_others = setting_exists};
    if (first[0] == '-') {
        return load_run_command(&sources);
    }
    sources.argument_count--;
    sources.arguments++;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, first) == 0) {
            return commands[i].run(&sources);
        }
    }
    return refuse_command(first);
}

int main(int argc, char **argv)
{
    /* Writing to a reader that went away is an error like another, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    return output_finish(run(argc > 0 ? (size_t)argc - 1 : 0, argv + (argc > 0), environ));
}
