/* Rules that every command of the table keeps, whoever adds it. */
#include "clients/cli/command_find.h"
#include "clients/cli/query.h"
#include "ds/schema.h"
#include "support/test.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLE_BYTES_MAX 512
#define EXAMPLE_WORDS_MAX 64

/* Words of one shell command; quotes and backslashes are the shell's, the rest is not. */
struct words {
    char text[EXAMPLE_BYTES_MAX];
    char *items[EXAMPLE_WORDS_MAX];
    size_t count;
};

/* Appends what stands up to the end of the word and returns where it ends. */
static const char *take_word(const char *next, struct words *words, size_t *used)
{
    char quote = '\0';
    words->items[words->count++] = words->text + *used;
    for (; *next != '\0' && (quote != '\0' || strchr(" |><#;)", *next) == NULL); next++) {
        if (quote == '\0' && (*next == '\'' || *next == '"')) {
            quote = *next;
        } else if (quote == *next) {
            quote = '\0';
        } else {
            words->text[(*used)++] = *next;
        }
    }
    words->text[(*used)++] = '\0';
    return next;
}

static void split(const char *line, struct words *words)
{
    size_t used = 0;
    assert_true(strlen(line) < EXAMPLE_BYTES_MAX);
    words->count = 0;
    for (const char *next = line + strspn(line, " ");
         *next != '\0' && strchr("|><#;)&", *next) == NULL; next += strspn(next, " ")) {
        assert_true(words->count < EXAMPLE_WORDS_MAX);
        next = take_word(next, words, &used);
    }
}

/* Parses one call of the line and returns whose it is. */
static const struct cli_command *check_call(const char *call, const char *line)
{
    struct words words;
    size_t word_count = 0;
    split(call, &words);
    const struct cli_command *command = command_find(words.count - 1, words.items + 1, &word_count);
    if (command == NULL) {
        fail_msg("\"%s\" calls no command", line);
        return NULL;
    }
    const struct ds_config_sources sources = {.argument_count = words.count - 1 - word_count,
                                              .arguments = words.items + 1 + word_count};
    void *options = calloc(1, command->options_bytes + 1);
    struct ds_config *config = NULL;
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    if (ds_config_load(command->program, &sources, options, &config, reason) != DS_OK) {
        fail_msg("\"%s\" is refused: %s", line, reason);
    }
    ds_config_destroy(config);
    free(options);
    return command;
}

/* A line may call other commands too, as in a pipe. */
static void check_example(const struct cli_command *command, const char *line)
{
    bool is_called = false;
    const char *call = strstr(line, CLI_NAME " ");
    while (call != NULL) {
        is_called = check_call(call, line) == command || is_called;
        call = strstr(call + strlen(CLI_NAME), CLI_NAME " ");
    }
    if (!is_called) {
        fail_msg("\"%s\" is no example of %s", line, command->program->name);
    }
}

/* Copies a line, with those that a backslash joins to it, and returns where the next one begins. */
static const char *take_line(const char *next, char line[EXAMPLE_BYTES_MAX])
{
    size_t used = 0;
    for (; *next != '\0' && *next != '\n'; next++) {
        if (next[0] == '\\' && next[1] == '\n') {
            next++;
            continue;
        }
        assert_true(used + 1 < EXAMPLE_BYTES_MAX);
        line[used++] = *next;
    }
    line[used] = '\0';
    return next + (*next == '\n');
}

static void every_example_is_taken_by_the_parser(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *next = cli_commands[i]->program->examples;
        assert_non_null(next);
        while (*next != '\0') {
            char line[EXAMPLE_BYTES_MAX];
            next = take_line(next, line);
            check_example(cli_commands[i], line);
        }
    }
}

static void every_command_is_found_by_its_own_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        struct words words;
        size_t word_count = 0;
        assert_memory_equal(cli_commands[i]->program->name, CLI_NAME " ", strlen(CLI_NAME " "));
        split(command_words(cli_commands[i]), &words);
        assert_in_range(words.count, 1, 2);
        if (command_find(words.count, words.items, &word_count) != cli_commands[i]) {
            fail_msg("\"%s\" is hidden by another command", command_words(cli_commands[i]));
        }
        assert_int_equal(word_count, words.count);
    }
}

static void a_noun_is_taken_in_the_singular(void **state)
{
    (void)state;
    static const struct {
        const char *noun;
        const char *verb;
        const struct cli_command *command;
    } cases[] = {{"tick", "list", &command_ticks_list},
                 {"chain", "list", &command_chains_list},
                 {"expiry", "list", &command_expiries_list},
                 {"context", "use", &command_contexts_use},
                 {"tic", "list", NULL},
                 {"impor", "", NULL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char noun[16];
        char verb[16];
        snprintf(noun, sizeof(noun), "%s", cases[i].noun);
        snprintf(verb, sizeof(verb), "%s", cases[i].verb);
        char *const words[] = {noun, verb};
        size_t word_count = 0;
        const struct cli_command *command = command_find(2, words, &word_count);
        assert_ptr_equal(command, cases[i].command);
    }
}

static void every_flag_has_help_and_a_value_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct ds_program *program = cli_commands[i]->program;
        assert_true(isupper((unsigned char)program->summary[0]));
        assert_int_equal(program->summary[strlen(program->summary) - 1], '.');
        for (size_t k = 0; k < program->setting_count; k++) {
            const struct ds_setting *setting = &program->settings[k];
            assert_non_null(setting->help);
            assert_true(setting->offset < cli_commands[i]->options_bytes);
            if (setting->kind != DS_SETTING_BOOLEAN && setting->argument == NULL) {
                fail_msg("%s --%s: what is its value called?", program->name, setting->name);
            }
            for (size_t other = 0; other < k; other++) {
                assert_string_not_equal(setting->name, program->settings[other].name);
            }
        }
    }
}

static const struct ds_field *field_named(const struct ds_message *message, const char *name)
{
    return ds_field_by_name(message, name, strcspn(name, "."));
}

static void every_query_names_fields_that_its_method_has(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct query *query = cli_commands[i]->query;
        if (query == NULL) {
            continue;
        }
        const struct ds_method *method = ds_method_find(query->method, strlen(query->method));
        assert_non_null(method);
        count++;
        for (size_t k = 0; k < QUERY_OPERANDS_MAX && query->operands[k] != NULL; k++) {
            assert_non_null(field_named(method->request, query->operands[k]));
        }
        for (size_t view = 0; view < QUERY_VIEWS_MAX; view++) {
            for (size_t k = 0; k < QUERY_SOURCES_MAX && query->sources[view][k] != NULL; k++) {
                assert_non_null(field_named(method->response, query->sources[view][k]));
            }
        }
        if (query->values != NULL) {
            assert_non_null(field_named(method->response, query->values));
            assert_non_null(query->heading);
        }
    }
    assert_true(count >= 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_taken_by_the_parser),
        cmocka_unit_test(every_command_is_found_by_its_own_words),
        cmocka_unit_test(a_noun_is_taken_in_the_singular),
        cmocka_unit_test(every_flag_has_help_and_a_value_name),
        cmocka_unit_test(every_query_names_fields_that_its_method_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
