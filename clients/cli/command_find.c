#include "clients/cli/command_find.h"

#include "ds/suggest.h"

#include <string.h>
#include <strings.h>

const char *command_words(const struct cli_command *command)
{
    return command->program->name + strlen(CLI_NAME " ");
}

static bool has_verb(const struct cli_command *command)
{
    return strchr(command_words(command), ' ') != NULL;
}

/* "tick" for "ticks", "expiry" for "expiries". */
static bool is_singular_of(const char *word, const char *noun, size_t noun_bytes)
{
    const size_t word_bytes = strlen(word);
    if (noun_bytes == word_bytes + 1) {
        return noun[word_bytes] == 's' && memcmp(word, noun, word_bytes) == 0;
    }
    return word_bytes > 0 && word[word_bytes - 1] == 'y' && noun_bytes == word_bytes + 2 &&
           memcmp(word, noun, word_bytes - 1) == 0 && memcmp(noun + word_bytes - 1, "ies", 3) == 0;
}

bool command_has_noun(const struct cli_command *command, const char *noun)
{
    const char *words = command_words(command);
    const size_t noun_bytes = strcspn(words, " ");
    if (strlen(noun) == noun_bytes && memcmp(noun, words, noun_bytes) == 0) {
        return true;
    }
    return has_verb(command) && is_singular_of(noun, words, noun_bytes);
}

bool command_noun_exists(const char *word)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (command_has_noun(cli_commands[i], word)) {
            return true;
        }
    }
    return false;
}

const struct cli_command *command_find(size_t argument_count, char *const *arguments,
                                       size_t *ret_word_count)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = cli_commands[i];
        if (argument_count == 0 || !command_has_noun(command, arguments[0])) {
            continue;
        }
        const char *verb = strchr(command_words(command), ' ');
        if (verb == NULL || (argument_count > 1 && strcmp(verb + 1, arguments[1]) == 0)) {
            *ret_word_count = verb == NULL ? 1 : 2;
            return command;
        }
    }
    return NULL;
}

bool command_setting_exists(const char *name, const char *choice)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (ds_program_has_setting(cli_commands[i]->program, name, choice)) {
            return true;
        }
    }
    return false;
}

/* The command whose noun is the nearest to a word; NULL where none is near. */
static const struct cli_command *nearest_noun(const char *word)
{
    const struct cli_command *nearest = NULL;
    size_t distance = strlen(word) / 3 + 2;
    for (size_t i = 0; i < cli_command_count; i++) {
        char noun[DS_SUGGEST_BYTES_MAX];
        const char *words = command_words(cli_commands[i]);
        snprintf(noun, sizeof(noun), "%.*s", (int)strcspn(words, " "), words);
        const size_t noun_distance = ds_word_distance(word, noun);
        if (noun_distance < distance) {
            nearest = cli_commands[i];
            distance = noun_distance;
        }
    }
    return nearest;
}

const char *command_nearest(size_t argument_count, char *const *arguments)
{
    char one[2 * DS_SUGGEST_BYTES_MAX];
    char two[2 * DS_SUGGEST_BYTES_MAX];
    snprintf(one, sizeof(one), "%s", arguments[0]);
    snprintf(two, sizeof(two), "%s %s", arguments[0], argument_count > 1 ? arguments[1] : "");
    struct ds_suggestion by_one;
    struct ds_suggestion by_two;
    ds_suggest_begin(&by_one, one);
    ds_suggest_begin(&by_two, two);
    for (size_t i = 0; i < cli_command_count; i++) {
        ds_suggest_offer(&by_one, command_words(cli_commands[i]));
        ds_suggest_offer(&by_two, command_words(cli_commands[i]));
    }
    const bool two_is_nearer = by_two.best != NULL && by_two.distance <= by_one.distance;
    const char *best = two_is_nearer ? by_two.best : by_one.best;
    const struct cli_command *by_noun = best == NULL ? nearest_noun(arguments[0]) : NULL;
    return by_noun == NULL ? best : command_words(by_noun);
}
