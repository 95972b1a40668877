#include "clients/cli/command.h"

#include "ds/exit_code.h"
#include "ds/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLI_NAME "deltastream"
#define CLI_HELP_COLUMN 18

static const struct cli_command *const commands[] = {
    &command_up,         &command_call,         &command_import, &command_products_list,
    &command_ticks_list, &command_ticks_ingest,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const char examples[] =
    "  deltastream up --demo                      # everything in one process, with a demo feed\n"
    "  deltastream ticks list NIFTY --limit 5     # the newest five ticks\n"
    "  deltastream import prices.csv --product EURUSD --map timestamp=0,price=Close\n"
    "  deltastream call ListProducts              # any RPC, JSON in and JSON out\n";

/* "ticks list" of "deltastream ticks list". */
static const char *words_of(const struct cli_command *command)
{
    return command->program->name + strlen(CLI_NAME " ");
}

/* How many of the arguments the command's words take up; 0 where they are other words. */
static size_t match_words(const struct cli_command *command, size_t argument_count,
                          char *const *arguments)
{
    const char *words = words_of(command);
    size_t matched = 0;
    while (words[0] != '\0') {
        const size_t word_bytes = strcspn(words, " ");
        if (matched == argument_count || strlen(arguments[matched]) != word_bytes ||
            memcmp(arguments[matched], words, word_bytes) != 0) {
            return 0;
        }
        matched++;
        words += word_bytes;
        words += strspn(words, " ");
    }
    return matched;
}

static const struct cli_command *find_command(size_t argument_count, char *const *arguments,
                                              size_t *ret_word_count)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const size_t matched = match_words(commands[i], argument_count, arguments);
        if (matched > 0) {
            *ret_word_count = matched;
            return commands[i];
        }
    }
    return NULL;
}

static bool has_noun(const struct cli_command *command, const char *noun)
{
    const char *words = words_of(command);
    const size_t noun_bytes = strcspn(words, " ");
    return strlen(noun) == noun_bytes && memcmp(noun, words, noun_bytes) == 0;
}

static bool is_noun_of_any(const char *word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (has_noun(commands[i], word)) {
            return true;
        }
    }
    return false;
}

/* Commands of `noun`, or all where it is NULL. */
static void list_commands(const char *noun, FILE *stream)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (noun == NULL || has_noun(commands[i], noun)) {
            fprintf(stream, "  %-*s%s\n", CLI_HELP_COLUMN, words_of(commands[i]),
                    commands[i]->program->summary);
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
    fprintf(stream, "\ndeltastream COMMAND --help tells about one of them.\n");
}

/* The command whose noun is the nearest to a word; NULL where none is near. */
static const struct cli_command *nearest_noun(const char *word)
{
    const struct cli_command *nearest = NULL;
    size_t distance = strlen(word) / 3 + 2;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char noun[DS_SUGGEST_BYTES_MAX];
        const char *words = words_of(commands[i]);
        snprintf(noun, sizeof(noun), "%.*s", (int)strcspn(words, " "), words);
        const size_t noun_distance = ds_word_distance(word, noun);
        if (noun_distance < distance) {
            nearest = commands[i];
            distance = noun_distance;
        }
    }
    return nearest;
}

static const char *nearest_command(size_t argument_count, char *const *arguments)
{
    char one[2 * DS_SUGGEST_BYTES_MAX];
    char two[2 * DS_SUGGEST_BYTES_MAX];
    snprintf(one, sizeof(one), "%s", arguments[0]);
    snprintf(two, sizeof(two), "%s %s", arguments[0], argument_count > 1 ? arguments[1] : "");
    struct ds_suggestion by_one;
    struct ds_suggestion by_two;
    ds_suggest_begin(&by_one, one);
    ds_suggest_begin(&by_two, two);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        ds_suggest_offer(&by_one, words_of(commands[i]));
        ds_suggest_offer(&by_two, words_of(commands[i]));
    }
    const bool two_is_nearer = by_two.best != NULL && by_two.distance <= by_one.distance;
    const char *best = two_is_nearer ? by_two.best : by_one.best;
    const struct cli_command *by_noun = best == NULL ? nearest_noun(arguments[0]) : NULL;
    return by_noun == NULL ? best : words_of(by_noun);
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
    const bool is_noun = is_noun_of_any(arguments[0]);
    const bool has_verb = argument_count > 1 && arguments[1][0] != '-';
    if (is_noun && !has_verb) {
        fprintf(stderr, "deltastream: \"%s\" goes with one of these:\n", arguments[0]);
        list_commands(arguments[0], stderr);
        return DS_EXIT_USAGE;
    }
    const char *nearest = nearest_command(argument_count, arguments);
    fprintf(stderr, "deltastream: there is no command \"%s%s%s\"", arguments[0], is_noun ? " " : "",
            is_noun ? arguments[1] : "");
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean \"deltastream %s\"?\n", nearest);
    } else {
        fprintf(stderr, "; deltastream --help lists them\n");
    }
    return DS_EXIT_USAGE;
}

/* What is still in stdout's buffer may fail to leave it. A reader that went away wanted no more,
 * which is no error. */
static int finish_output(int exit_code)
{
    const bool flushed = fflush(stdout) == 0;
    if (flushed && ferror(stdout) == 0) {
        return exit_code;
    }
    if (errno == EPIPE) {
        return exit_code;
    }
    fprintf(stderr, "deltastream: can't write the output: %s\n", strerror(errno));
    return exit_code == DS_EXIT_OK ? DS_EXIT_ERROR : exit_code;
}

static int run_command(const struct cli_command *command, const struct ds_config_sources *sources)
{
    void *options = calloc(1, command->options_bytes);
    if (options == NULL) {
        abort();
    }
    struct ds_config *config = NULL;
    int exit_code = DS_EXIT_OK;
    if (ds_config_begin(command->program, sources, options, &config, &exit_code)) {
        exit_code = command->run(config, options);
        ds_config_destroy(config);
    }
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
    const struct cli_command *command = find_command(argument_count, arguments, &word_count);
    if (command != NULL) {
        ds_config_help(command->program, stdout);
        return DS_EXIT_OK;
    }
    if (argument_count == 1 && is_noun_of_any(arguments[0])) {
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
    if (argument_count == 0) {
        print_help(stderr);
        return DS_EXIT_USAGE;
    }
    if (is_word(arguments[0], "help", "--help") || strcmp(arguments[0], "-h") == 0) {
        return finish_output(show_help(argument_count - 1, arguments + 1));
    }
    if (is_word(arguments[0], "version", "--version")) {
        printf("deltastream %s\n", DS_VERSION);
        return finish_output(DS_EXIT_OK);
    }
    size_t word_count = 0;
    const struct cli_command *command = find_command(argument_count, arguments, &word_count);
    if (command == NULL) {
        return refuse_command(argument_count, arguments);
    }
    const struct ds_config_sources sources = {.argument_count = argument_count - word_count,
                                              .arguments = arguments + word_count,
                                              .environment = environment};
    return finish_output(run_command(command, &sources));
}
