/* Commands by the words that a person types. */
#ifndef CLI_COMMAND_FIND_H
#define CLI_COMMAND_FIND_H

#include "clients/cli/command.h"

#define CLI_NAME "deltastream"

/* "ticks list" of "deltastream ticks list". */
const char *command_words(const struct cli_command *command);

/* Whether the command's first word is `noun`; with a verb behind it the singular will do. */
bool command_has_noun(const struct cli_command *command, const char *noun);

/* Whether `word` is the first word of any. */
bool command_noun_exists(const char *word);

/* The command that the arguments begin with and how many of them its words take up; NULL where
 * there is none. */
const struct cli_command *command_find(size_t argument_count, char *const *arguments,
                                       size_t *ret_word_count);

/* Whether any command has a setting of the name, with that choice where `choice` is not NULL: one
 * file and one set of variables serve all commands. */
bool command_setting_exists(const char *name, const char *choice);

/* The words of the command that is meant by mistyped ones; NULL where none is near. */
const char *command_nearest(size_t argument_count, char *const *arguments);

#endif
