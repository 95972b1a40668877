#include "clients/cli/completion.h"

#include "clients/cli/command_find.h"
#include "clients/cli/completion_dynamic.h"
#include "clients/cli/completion_scripts.h"
#include "ds/exit_code.h"

#include <string.h>

#define NOUN_BYTES_MAX 64

/* A command line that is being typed. */
struct line {
    size_t word_count;
    char *const *words;
    const char *current; /* the last word */
    const char *stem;    /* what candidates begin with that are no part of the word: "--output=" */
    size_t stem_bytes;
    const struct cli_command *command;
    size_t command_words;
    char *const *environment;
};

static void offer_text(const struct line *line, const char *word, const char *description)
{
    if (strncmp(word, line->current, strlen(line->current)) == 0) {
        printf("%.*s%s\t%s\n", (int)line->stem_bytes, line->stem, word, description);
    }
}

static void offer(void *context, const char *word, const char *description)
{
    offer_text(context, word, description);
}

/* Whether a command before this one has the same first word. */
static bool is_known_noun(size_t index)
{
    const char *words = command_words(cli_commands[index]);
    const size_t bytes = strcspn(words, " ");
    for (size_t i = 0; i < index; i++) {
        const char *others = command_words(cli_commands[i]);
        if (strcspn(others, " ") == bytes && memcmp(others, words, bytes) == 0) {
            return true;
        }
    }
    return false;
}

static void offer_nouns(const struct line *line)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *words = command_words(cli_commands[i]);
        char noun[NOUN_BYTES_MAX];
        snprintf(noun, sizeof(noun), "%.*s", (int)strcspn(words, " "), words);
        if (!is_known_noun(i)) {
            offer_text(line, noun,
                       strchr(words, ' ') == NULL ? cli_commands[i]->program->summary
                                                  : "goes with a verb");
        }
    }
    offer_text(line, "help", "Show help.");
    offer_text(line, "version", "Show the version.");
}

static void offer_verbs(const struct line *line, const char *noun)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *verb = strchr(command_words(cli_commands[i]), ' ');
        if (verb != NULL && command_has_noun(cli_commands[i], noun)) {
            offer_text(line, verb + 1, cli_commands[i]->program->summary);
        }
    }
}

static void offer_flags(const struct line *line)
{
    static const char *const common[][2] = {{"--config", "read settings from a file"},
                                            {"--print-config", "show every setting and its origin"},
                                            {"--help", "show help"},
                                            {"--version", "show the version"}};
    const struct ds_program *program = line->command->program;
    for (size_t i = 0; i < program->setting_count; i++) {
        char flag[NOUN_BYTES_MAX];
        snprintf(flag, sizeof(flag), "--%s", program->settings[i].name);
        if (!program->settings[i].is_secret) {
            offer_text(line, flag, program->settings[i].help);
        }
    }
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        offer_text(line, common[i][0], common[i][1]);
    }
}

static struct ds_config_sources sources_of(const struct line *line)
{
    return (struct ds_config_sources){.argument_count = line->word_count - 1 - line->command_words,
                                      .arguments = line->words + line->command_words,
                                      .environment = line->environment,
                                      .is_for_others = command_setting_exists};
}

static void offer_operands(struct line *line, enum cli_operand operand)
{
    switch (operand) {
    case CLI_OPERAND_FILE:
        puts(":files");
        return;
    case CLI_OPERAND_FOLDER:
        puts(":folders");
        return;
    case CLI_OPERAND_PRODUCT:
        completion_products(line->command, sources_of(line), offer, line);
        return;
    case CLI_OPERAND_METHOD:
    case CLI_OPERAND_DESCRIBED:
        completion_names(operand == CLI_OPERAND_DESCRIBED, offer, line);
        return;
    case CLI_OPERAND_CONTEXT:
        completion_contexts(line->environment, offer, line);
        return;
    case CLI_OPERAND_SHELL:
        for (size_t i = 0; completion_shells[i] != NULL; i++) {
            offer_text(line, completion_shells[i], "shell");
        }
        return;
    default:
        return;
    }
}

static bool is_text(const char *text, const char *other)
{
    return text != NULL && strcmp(text, other) == 0;
}

/* What a flag's value is, told by what help calls it. */
static enum cli_operand operand_of_value(const struct ds_setting *setting)
{
    if (strcmp(setting->name, "context") == 0) {
        return CLI_OPERAND_CONTEXT;
    }
    if (strcmp(setting->name, "product") == 0) {
        return CLI_OPERAND_PRODUCT;
    }
    if (is_text(setting->argument, "FILE")) {
        return CLI_OPERAND_FILE;
    }
    return is_text(setting->argument, "DIR") ? CLI_OPERAND_FOLDER : CLI_OPERAND_OTHER;
}

static void offer_values(struct line *line, const struct ds_setting *setting)
{
    for (size_t i = 0; setting->choices != NULL && setting->choices[i] != NULL; i++) {
        offer_text(line, setting->choices[i], setting->name);
    }
    if (setting->kind == DS_SETTING_BOOLEAN) {
        offer_text(line, "true", setting->name);
        offer_text(line, "false", setting->name);
    }
    offer_operands(line, operand_of_value(setting));
}

/* The setting of a flag as it is typed, up to `bytes`; NULL where there is none. */
static const struct ds_setting *find_setting(const struct ds_program *program, const char *flag,
                                             size_t bytes)
{
    for (size_t i = 0; i < program->setting_count; i++) {
        const struct ds_setting *setting = &program->settings[i];
        const bool is_long = bytes > 2 && flag[1] == '-' && strlen(setting->name) == bytes - 2 &&
                             memcmp(setting->name, flag + 2, bytes - 2) == 0;
        if (is_long || (bytes == 2 && flag[1] != '-' && flag[1] == setting->short_flag)) {
            return setting;
        }
    }
    return NULL;
}

/* Whether the word before the last one is a flag that waits for its value. */
static bool offer_value_of_flag(struct line *line)
{
    if (line->word_count - 1 == line->command_words) {
        return false;
    }
    const char *before = line->words[line->word_count - 2];
    if (before[0] != '-') {
        return false;
    }
    if (strcmp(before, "--config") == 0) {
        offer_operands(line, CLI_OPERAND_FILE);
        return true;
    }
    const struct ds_setting *setting = find_setting(line->command->program, before, strlen(before));
    if (setting == NULL || setting->kind == DS_SETTING_BOOLEAN) {
        return false;
    }
    offer_values(line, setting);
    return true;
}

/* "--output=js": the value is completed and the flag stays. */
static bool offer_attached_value(struct line *line)
{
    const char *equals = strchr(line->current, '=');
    if (strncmp(line->current, "--", 2) != 0 || equals == NULL) {
        return false;
    }
    const struct ds_setting *setting =
        find_setting(line->command->program, line->current, (size_t)(equals - line->current));
    line->stem = line->current;
    line->stem_bytes = (size_t)(equals + 1 - line->current);
    line->current = equals + 1;
    if (setting != NULL) {
        offer_values(line, setting);
    }
    return true;
}

static void offer_arguments(struct line *line)
{
    if (offer_attached_value(line) || offer_value_of_flag(line)) {
        return;
    }
    if (line->current[0] == '-') {
        offer_flags(line);
        return;
    }
    offer_operands(line, line->command->operand);
}

/* What follows "help" are the words of a command. */
static void skip_help(struct line *line)
{
    if (line->word_count > 1 && strcmp(line->words[0], "help") == 0) {
        line->words++;
        line->word_count--;
    }
}

int completion_answer(size_t word_count, char *const *words, char *const *environment)
{
    if (word_count == 0 || freopen("/dev/null", "w", stderr) == NULL) {
        return DS_EXIT_OK;
    }
    struct line line = {.word_count = word_count,
                        .words = words,
                        .current = words[word_count - 1],
                        .stem = "",
                        .environment = environment};
    skip_help(&line);
    line.command = command_find(line.word_count - 1, line.words, &line.command_words);
    if (line.word_count == 1) {
        offer_nouns(&line);
    } else if (line.command != NULL) {
        offer_arguments(&line);
    } else if (line.word_count == 2) {
        offer_verbs(&line, line.words[0]);
    }
    return DS_EXIT_OK;
}
