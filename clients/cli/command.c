#include "clients/cli/command.h"

#include "clients/cli/command_find.h"
#include "clients/cli/completion.h"
#include "clients/cli/context_presets.h"
#include "clients/cli/output.h"
#include "clients/cli/query.h"
#include "ds/exit_code.h"

#include <stdlib.h>
#include <string.h>

#define CLI_HELP_COLUMN 24
/* For what a context says. */
#define CLI_CONTEXT_BYTES_MAX (256 * 1024)

/* A line a command. */
/* clang-format off */
const struct cli_command *const cli_commands[] = {
    &command_up,
    &command_ticks_list,
    &command_ticks_latest,
    &command_ticks_asof,
    &command_ticks_ingest,
    &command_ticks_tail,
    &command_quotes_list,
    &command_quotes_latest,
    &command_quotes_tail,
    &command_chains_list,
    &command_chains_watch,
    &command_bars_list,
    &command_products_list,
    &command_expiries_list,
    &command_symbols_list,
    &command_strikes_list,
    &command_analytics_ohlc,
    &command_analytics_pcr,
    &command_analytics_max_pain,
    &command_analytics_oi_buildup,
    &command_analytics_surface,
    &command_import,
    &command_export,
    &command_feed,
    &command_storage_backup,
    &command_storage_restore,
    &command_storage_verify,
    &command_storage_stats,
    &command_storage_delete,
    &command_storage_retention,
    &command_call,
    &command_list,
    &command_describe,
    &command_doctor,
    &command_contexts_add,
    &command_contexts_list,
    &command_contexts_use,
    &command_contexts_remove,
    &command_completion,
    &command_man,
};
/* clang-format on */

const size_t cli_command_count = sizeof(cli_commands) / sizeof(cli_commands[0]);

static const char examples[] =
    "  deltastream up --demo                      # everything in one process, with a demo feed\n"
    "  deltastream ticks list NIFTY --limit 5     # the newest five ticks\n"
    "  deltastream import prices.csv --product EURUSD --map timestamp=0,price=Close\n"
    "  deltastream call ListProducts              # any RPC, JSON in and JSON out\n";

/* Commands of `noun`, or all where it is NULL. */
static void list_commands(const char *noun, FILE *stream)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (noun == NULL || command_has_noun(cli_commands[i], noun)) {
            fprintf(stream, "  %-*s%s\n", CLI_HELP_COLUMN, command_words(cli_commands[i]),
                    cli_commands[i]->program->summary);
        }
    }
}

static void print_help(FILE *stream)
{
    fprintf(stream,
            "DeltaStream: market data storage, an HTTP gateway and this command line.\n\n"
            "Examples:\n%s\nUsage: deltastream COMMAND [arguments] [flags]\n\nCommands:\n",
            examples);
    list_commands(NULL, stream);
    fprintf(
        stream,
        "\nSettings come from --config FILE, a context, the environment and flags; the last one "
        "wins.\nA context that --context names goes before the environment. --print-config shows "
        "each value\nwith its origin. Data goes to stdout, messages to stderr; rows are a table "
        "on a terminal and\nNDJSON in a pipe.\n\n"
        "deltastream COMMAND --help tells about one of them.\n");
}

static int refuse_command(size_t argument_count, char *const *arguments)
{
    if (arguments[0][0] == '-') {
        fprintf(stderr,
                "deltastream: flags go behind a command, and %s is no command; "
                "deltastream --help lists them\n",
                arguments[0]);
        return DS_EXIT_USAGE;
    }
    const bool is_noun = command_noun_exists(arguments[0]);
    const bool has_verb = argument_count > 1 && arguments[1][0] != '-';
    if (is_noun && !has_verb) {
        fprintf(stderr, "deltastream: \"%s\" goes with one of these:\n", arguments[0]);
        list_commands(arguments[0], stderr);
        return DS_EXIT_USAGE;
    }
    const char *nearest = command_nearest(argument_count, arguments);
    fprintf(stderr, "deltastream: there is no command \"%s%s%s\"", arguments[0], is_noun ? " " : "",
            is_noun ? arguments[1] : "");
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean \"deltastream %s\"?\n", nearest);
    } else {
        fprintf(stderr, "; deltastream --help lists them\n");
    }
    return DS_EXIT_USAGE;
}

static int run_loaded(const struct cli_command *command, struct ds_config *config, void *options)
{
    if (command->is_local && ds_config_wish(config) == DS_CONFIG_PRINT) {
        ds_config_print(config, options, stdout);
        return DS_EXIT_OK;
    }
    return command->query == NULL ? command->run(config, options)
                                  : query_run(command->query, config, options);
}

static int run_command(const struct cli_command *command, struct ds_config_sources *sources)
{
    void *options = calloc(1, command->options_bytes);
    if (options == NULL) {
        abort();
    }
    struct ds_arena *arena = ds_arena_create(CLI_CONTEXT_BYTES_MAX);
    struct ds_config *config = NULL;
    int exit_code = DS_EXIT_OK;
    if (context_presets_find(command->program, arena, sources, &exit_code) &&
        ds_config_begin(command->program, sources, options, &config, &exit_code)) {
        exit_code = run_loaded(command, config, options);
        ds_config_destroy(config);
    }
    ds_arena_destroy(arena);
    free(options);
    return exit_code;
}

static bool is_word(const char *argument, const char *word, const char *flag)
{
    return strcmp(argument, word) == 0 || strcmp(argument, flag) == 0;
}

static int show_help(size_t argument_count, char *const *arguments)
{
    size_t word_count = 0;
    const struct cli_command *command = command_find(argument_count, arguments, &word_count);
    if (command != NULL) {
        ds_config_help(command->program, stdout);
        return DS_EXIT_OK;
    }
    if (argument_count == 1 && command_noun_exists(arguments[0])) {
        list_commands(arguments[0], stdout);
        printf("\ndeltastream COMMAND --help tells about one of them.\n");
        return DS_EXIT_OK;
    }
    if (argument_count > 0) {
        return refuse_command(argument_count, arguments);
    }
    print_help(stdout);
    return DS_EXIT_OK;
}

int cli_run(size_t argument_count, char *const *arguments, char *const *environment)
{
    if (argument_count > 0 && strcmp(arguments[0], COMPLETION_WORD) == 0) {
        return output_finish(completion_answer(argument_count - 1, arguments + 1, environment));
    }
    if (argument_count == 0) {
        print_help(stderr);
        return DS_EXIT_USAGE;
    }
    if (is_word(arguments[0], "help", "--help") || strcmp(arguments[0], "-h") == 0) {
        return output_finish(show_help(argument_count - 1, arguments + 1));
    }
    if (is_word(arguments[0], "version", "--version")) {
        printf("deltastream %s\n", DS_VERSION);
        return output_finish(DS_EXIT_OK);
    }
    size_t word_count = 0;
    const struct cli_command *command = command_find(argument_count, arguments, &word_count);
    if (command == NULL) {
        return refuse_command(argument_count, arguments);
    }
    struct ds_config_sources sources = {.argument_count = argument_count - word_count,
                                        .arguments = arguments + word_count,
                                        .environment = environment,
                                        .is_for_others = command_setting_exists};
    return output_finish(run_command(command, &sources));
}
