#include "ds/config.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const levels[] = {"low", "high", NULL};

struct options {
    const char *folder;
    const char *password_secret;
    int64_t count;
    int64_t size;
    int64_t wait_ms;
    struct ds_text_list listen;
    int level;
    bool loud;
};

#define AT(member) .offset = offsetof(struct options, member)

static const char *machine_folder(struct ds_arena *arena)
{
    return ds_arena_printf(arena, "/machine/%d", 7);
}

static const struct ds_setting settings[] = {
    {.name = "folder",
     .environment = {"T_FOLDER", "FOLDER"},
     .kind = DS_SETTING_TEXT,
     .default_of = machine_folder,
     .short_flag = 'f',
     .argument = "DIR",
     .help = "where things are",
     AT(folder)},
    {.name = "count",
     .environment = {"T_COUNT"},
     .kind = DS_SETTING_INTEGER,
     .default_text = "5",
     .minimum = 1,
     .maximum = 10,
     .help = "how many",
     AT(count)},
    {.name = "size",
     .kind = DS_SETTING_SIZE,
     .default_text = "64KiB",
     .help = "how large",
     AT(size)},
    {.name = "wait",
     .kind = DS_SETTING_DURATION,
     .default_text = "10s",
     .help = "how long",
     .minimum = 1,
     .maximum = 60000,
     AT(wait_ms)},
    {.name = "listen",
     .environment = {"T_LISTEN"},
     .kind = DS_SETTING_LIST,
     .help = "where",
     AT(listen)},
    {.name = "level",
     .kind = DS_SETTING_CHOICE,
     .choices = levels,
     .default_text = "low",
     .help = "which",
     AT(level)},
    {.name = "loud", .kind = DS_SETTING_BOOLEAN, .help = "say more", AT(loud)},
    {.name = "password",
     .environment = {"T_PASSWORD"},
     .kind = DS_SETTING_TEXT,
     .is_secret = true,
     .help = "the password",
     AT(password_secret)},
};

static const struct ds_program program = {
    .name = "tester",
    .summary = "Tests.",
    .examples = "  tester --loud one\n",
    .operands = "[THING]",
    .operand_max = 1,
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

struct fixture {
    struct options options;
    struct ds_config *config;
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    char file[64];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    snprintf(fixture->file, sizeof(fixture->file), "/tmp/ds_test_config_XXXXXX");
    const int file = mkstemp(fixture->file);
    assert_true(file >= 0);
    close(file);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ds_config_destroy(fixture->config);
    unlink(fixture->file);
    free(fixture);
    return 0;
}

#define ARGUMENTS_MAX 16

/* `arguments` and `environment` are parted by blanks. */
static ds_code load(struct fixture *fixture, const char *arguments, const char *environment)
{
    static char words[2][1024];
    static char *lists[2][ARGUMENTS_MAX];
    size_t counts[2] = {0, 0};
    const char *texts[2] = {arguments, environment};
    for (size_t i = 0; i < 2; i++) {
        snprintf(words[i], sizeof(words[i]), "%s", texts[i]);
        for (char *word = strtok(words[i], " "); word != NULL; word = strtok(NULL, " ")) {
            lists[i][counts[i]++] = word;
        }
        lists[i][counts[i]] = NULL;
    }
    const struct ds_config_sources sources = {
        .argument_count = counts[0], .arguments = lists[0], .environment = lists[1]};
    return ds_config_load(&program, &sources, &fixture->options, &fixture->config, fixture->reason);
}

static void write_file(const struct fixture *fixture, const char *text, size_t bytes)
{
    FILE *stream = fopen(fixture->file, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, bytes, stream), bytes);
    fclose(stream);
}

static ds_code load_file(struct fixture *fixture, const char *text, const char *arguments,
                         const char *environment)
{
    char all[512];
    write_file(fixture, text, strlen(text));
    snprintf(all, sizeof(all), "--config %s %s", fixture->file, arguments);
    return load(fixture, all, environment);
}

static void defaults_stand_where_no_source_speaks(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "", ""), DS_OK);
    assert_string_equal(fixture->options.folder, "/machine/7");
    assert_int_equal(fixture->options.count, 5);
    assert_int_equal(fixture->options.size, 65536);
    assert_int_equal(fixture->options.wait_ms, 10000);
    assert_int_equal(fixture->options.listen.count, 0);
    assert_int_equal(fixture->options.level, 0);
    assert_false(fixture->options.loud);
    assert_false(ds_config_is_given(fixture->config, "count"));
}

static void flags_outrank_the_environment_and_that_the_file(void **state)
{
    struct fixture *fixture = *state;
    const char *file = "count = 2\nsize = 2\nfolder = /file\n";
    assert_int_equal(load_file(fixture, file, "--folder /flag", "T_FOLDER=/env T_COUNT=3"), DS_OK);
    assert_string_equal(fixture->options.folder, "/flag");
    assert_int_equal(fixture->options.count, 3);
    assert_int_equal(fixture->options.size, 2);
}

static void the_files_flag_counts_wherever_it_stands(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "count = 2\n", strlen("count = 2\n"));
    char arguments[128];
    snprintf(arguments, sizeof(arguments), "--count 4 --config=%s", fixture->file);
    assert_int_equal(load(fixture, arguments, ""), DS_OK);
    assert_int_equal(fixture->options.count, 4);
}

static void the_file_may_come_from_the_environment(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "count = 2\n", strlen("count = 2\n"));
    char environment[128];
    snprintf(environment, sizeof(environment), "DS_CONFIG=%s", fixture->file);
    assert_int_equal(load(fixture, "", environment), DS_OK);
    assert_int_equal(fixture->options.count, 2);
}

static void the_first_environment_name_outranks_its_alias(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "", "FOLDER=/alias T_FOLDER=/own"), DS_OK);
    assert_string_equal(fixture->options.folder, "/own");
}

static void an_alias_counts_where_the_own_name_is_not_set(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "", "FOLDER=/alias"), DS_OK);
    assert_string_equal(fixture->options.folder, "/alias");
}

static void an_empty_environment_variable_is_none(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "", "T_COUNT="), DS_OK);
    assert_int_equal(fixture->options.count, 5);
}

static void flags_take_values_in_every_usual_form(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--count=7 --size 3MiB -f/short --wait 250ms --level HIGH", ""),
                     DS_OK);
    assert_int_equal(fixture->options.count, 7);
    assert_int_equal(fixture->options.size, 3 * 1024 * 1024);
    assert_string_equal(fixture->options.folder, "/short");
    assert_int_equal(fixture->options.wait_ms, 250);
    assert_int_equal(fixture->options.level, 1);
}

static void a_boolean_flag_needs_no_value_and_takes_one_behind_equals(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--loud thing", ""), DS_OK);
    assert_true(fixture->options.loud);
    assert_string_equal(ds_config_operand(fixture->config, 0), "thing");
    ds_config_destroy(fixture->config);
    fixture->config = NULL;
    assert_int_equal(load(fixture, "--loud --loud=off", ""), DS_OK);
    assert_false(fixture->options.loud);
}

static void a_repeated_flag_makes_a_list_that_replaces_the_environments(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--listen a --listen b", "T_LISTEN=c"), DS_OK);
    assert_int_equal(fixture->options.listen.count, 2);
    assert_string_equal(fixture->options.listen.items[0], "a");
    assert_string_equal(fixture->options.listen.items[1], "b");
}

static void everything_behind_two_dashes_is_an_operand(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "-- --loud", ""), DS_OK);
    assert_false(fixture->options.loud);
    assert_string_equal(ds_config_operand(fixture->config, 0), "--loud");
}

static void a_lone_dash_is_an_operand(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "-", ""), DS_OK);
    assert_int_equal(ds_config_operand_count(fixture->config), 1);
}

static void comments_and_blanks_in_a_file_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    const char *file = "# first\r\n\r\n  count = 3   # why\r\nfolder=/a#b\r\n";
    assert_int_equal(load_file(fixture, file, "", ""), DS_OK);
    assert_int_equal(fixture->options.count, 3);
    assert_string_equal(fixture->options.folder, "/a#b");
}

static void refuse(struct fixture *fixture, const char *arguments, const char *environment,
                   const char *reason)
{
    assert_int_equal(load(fixture, arguments, environment), DS_INVALID_ARGUMENT);
    assert_string_equal(fixture->reason, reason);
}

static void a_number_out_of_range_is_refused_with_the_range(void **state)
{
    refuse(*state, "--count 11", "",
           "count: \"11\" (from --count) is not a whole number from 1 to 10");
}

static void a_refusal_names_the_environment_variable(void **state)
{
    refuse(*state, "", "T_COUNT=many",
           "count: \"many\" (from T_COUNT) is not a whole number from 1 to 10");
}

static void minutes_are_written_min_or_m(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--wait 1min", ""), DS_OK);
    assert_true(fixture->options.wait_ms == 60000);
    ds_config_destroy(fixture->config);
    fixture->config = NULL;
    assert_int_equal(load(fixture, "--wait 1m", ""), DS_OK);
    assert_true(fixture->options.wait_ms == 60000);
}

static void a_duration_without_unit_is_refused_with_examples(void **state)
{
    refuse(*state, "--wait 10", "",
           "wait: \"10\" (from --wait) is not a duration such as 250ms, 10s or 5min from 1ms to "
           "1min");
}

static void a_size_too_large_for_64_bits_is_refused(void **state)
{
    refuse(*state, "--size 9223372036854775807GiB", "",
           "size: \"9223372036854775807GiB\" (from --size) is not a size such as 64KiB or 16MiB");
}

static void an_unknown_choice_is_refused_with_the_choices(void **state)
{
    refuse(*state, "--level middle", "",
           "level: \"middle\" (from --level) is not one of low, high");
}

static void an_unknown_flag_is_refused_with_the_nearest(void **state)
{
    refuse(*state, "--cuont 3", "", "there is no flag \"--cuont\"; did you mean \"--count\"?");
}

static void a_flag_like_no_other_points_to_the_help(void **state)
{
    refuse(*state, "--xylophone", "", "there is no flag \"--xylophone\"; tester --help lists them");
}

static void a_flag_without_its_value_is_refused(void **state)
{
    refuse(*state, "--folder", "", "--folder needs a value: --folder DIR");
}

static void a_secret_is_refused_as_a_flag_without_being_shown(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--password=hunter2", ""), DS_INVALID_ARGUMENT);
    assert_null(strstr(fixture->reason, "hunter2"));
    assert_non_null(strstr(fixture->reason, "T_PASSWORD"));
}

static void an_operand_too_many_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "one two", ""), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture->reason, "unexpected argument \"two\""));
}

static void an_unknown_name_in_a_file_is_refused_with_its_line(void **state)
{
    struct fixture *fixture = *state;
    char reason[256];
    assert_int_equal(load_file(fixture, "\nfoldr = /x\n", "", ""), DS_INVALID_ARGUMENT);
    snprintf(reason, sizeof(reason),
             "%s:2: there is no setting \"foldr\"; did you mean \"folder\"?", fixture->file);
    assert_string_equal(fixture->reason, reason);
}

static void a_line_without_equals_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load_file(fixture, "count 3\n", "", ""), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture->reason, "name = value"));
}

static void a_missing_file_is_refused_by_name(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--config /nonexistent/file", ""), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture->reason, "/nonexistent/file"));
}

static void a_file_with_a_nul_byte_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char arguments[128];
    write_file(fixture, "count = 3\0\n", 11);
    snprintf(arguments, sizeof(arguments), "--config %s", fixture->file);
    assert_int_equal(load(fixture, arguments, ""), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture->reason, "NUL"));
}

static void help_is_given_beside_flags_that_are_wrong(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--help --nonsense", ""), DS_OK);
    assert_int_equal(ds_config_wish(fixture->config), DS_CONFIG_HELP);
}

static char *print(const struct fixture *fixture)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    ds_config_print(fixture->config, &fixture->options, stream);
    fclose(stream);
    return text;
}

static void the_printed_settings_name_their_origin_and_hide_secrets(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--listen a --listen mongodb://me:pw@host/x --print-config",
                          "T_COUNT=3 T_PASSWORD=hunter2"),
                     DS_OK);
    assert_int_equal(ds_config_wish(fixture->config), DS_CONFIG_PRINT);
    char *text = print(fixture);
    assert_string_equal(text, "folder = /machine/7  # default\n"
                              "count = 3  # T_COUNT\n"
                              "size = 64KiB  # default\n"
                              "wait = 10s  # default\n"
                              "listen = a  # --listen\n"
                              "listen = mongodb://***@host/x  # --listen\n"
                              "level = low  # default\n"
                              "loud = false  # default\n"
                              "password = ***  # T_PASSWORD\n");
    free(text);
}

static void a_value_taken_over_keeps_its_origin_when_the_other_load_is_gone(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--level low --count 2", ""), DS_OK);
    struct fixture other = {.config = NULL};
    assert_int_equal(load(&other, "", "T_COUNT=7"), DS_OK);
    other.options.level = 1;
    ds_config_take_over(fixture->config, &fixture->options, "count", other.config, &other.options);
    ds_config_take_over(fixture->config, &fixture->options, "level", other.config, &other.options);
    ds_config_destroy(other.config);
    char *text = print(fixture);
    assert_non_null(strstr(text, "\ncount = 7  # T_COUNT\n"));
    assert_non_null(strstr(text, "\nlevel = high  # default\n"));
    assert_non_null(strstr(text, "\nwait = 10s  # default\n"));
    free(text);
}

static void the_printed_settings_can_be_read_as_a_file(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--count 9 --listen a --listen b --size 1KiB --loud", ""),
                     DS_OK);
    char *text = print(fixture);
    ds_config_destroy(fixture->config);
    fixture->config = NULL;
    memset(&fixture->options, 0, sizeof(fixture->options));
    assert_int_equal(load_file(fixture, text, "", ""), DS_OK);
    free(text);
    assert_int_equal(fixture->options.count, 9);
    assert_int_equal(fixture->options.listen.count, 2);
    assert_int_equal(fixture->options.size, 1024);
    assert_true(fixture->options.loud);
}

static void help_shows_examples_flags_defaults_and_environment(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    ds_config_help(&program, stream);
    fclose(stream);
    assert_true(strstr(text, "Examples:") < strstr(text, "Usage: tester [THING] [flags]"));
    assert_non_null(strstr(text, "-f, --folder DIR"));
    assert_non_null(strstr(text, "how many [5] ($T_COUNT)"));
    assert_non_null(strstr(text, "($T_FOLDER, $FOLDER)"));
    assert_null(strstr(text, "--password"));
    free(text);
}

/* The presets of a program that keeps some. */
static ds_code load_with_presets(struct fixture *fixture, char *const *environment,
                                 size_t argument_count, char *const *arguments, bool are_wished)
{
    static const struct ds_config_preset presets[] = {
        {.name = "count", .text = "7", .origin = "context work"},
        {.name = "level", .text = "high", .origin = "context work"},
        {.name = "unknown", .text = "x", .origin = "context work"}};
    const struct ds_config_sources sources = {.argument_count = argument_count,
                                              .arguments = arguments,
                                              .environment = environment,
                                              .presets = presets,
                                              .preset_count = 3,
                                              .presets_outrank_environment = are_wished};
    return ds_config_load(&program, &sources, &fixture->options, &fixture->config, fixture->reason);
}

static void presets_outrank_the_file_and_the_environment_outranks_them(void **state)
{
    struct fixture *fixture = *state;
    char variable[] = "T_COUNT=8";
    char config_flag[] = "--config";
    char *const environment[] = {variable, NULL};
    char *const arguments[] = {config_flag, fixture->file};
    write_file(fixture, "count = 2\nlevel = low\n", strlen("count = 2\nlevel = low\n"));
    assert_int_equal(load_with_presets(fixture, environment, 2, arguments, false), DS_OK);
    assert_int_equal(fixture->options.count, 8);
    assert_int_equal(fixture->options.level, 1);
}

static void wished_presets_outrank_the_environment_and_flags_outrank_them(void **state)
{
    struct fixture *fixture = *state;
    char variable[] = "T_COUNT=8";
    char flag[] = "--level=low";
    char *const environment[] = {variable, NULL};
    char *const arguments[] = {flag};
    assert_int_equal(load_with_presets(fixture, environment, 1, arguments, true), DS_OK);
    assert_int_equal(fixture->options.count, 7);
    assert_int_equal(fixture->options.level, 0);
    assert_true(ds_config_outranks(fixture->config, "level", "count"));
    assert_false(ds_config_outranks(fixture->config, "count", "level"));
}

static void a_derived_value_has_the_origin_of_its_source(void **state)
{
    struct fixture *fixture = *state;
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(load_with_presets(fixture, NULL, 0, NULL, false), DS_OK);
    fixture->options.folder = "/worked/out";
    ds_config_derive(fixture->config, "folder", "count");
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    ds_config_print(fixture->config, &fixture->options, stream);
    fclose(stream);
    assert_non_null(strstr(text, "folder = /worked/out  # context work\n"));
    free(text);
}

static bool is_for_others(const char *name, const char *choice)
{
    const bool is_level = strcmp(name, "level") == 0;
    return choice == NULL ? strcmp(name, "theirs") == 0 : is_level && strcmp(choice, "middle") == 0;
}

static ds_code load_shared(struct fixture *fixture, const char *text, char *flag)
{
    char name[] = "--config";
    char *const arguments[] = {name, fixture->file, flag};
    const struct ds_config_sources sources = {.argument_count = flag == NULL ? 2 : 3,
                                              .arguments = arguments,
                                              .is_for_others = is_for_others};
    write_file(fixture, text, strlen(text));
    return ds_config_load(&program, &sources, &fixture->options, &fixture->config, fixture->reason);
}

static void what_a_file_says_to_other_programs_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load_shared(fixture, "theirs = 1\nlevel = middle\ncount = 3\n", NULL), DS_OK);
    assert_int_equal(fixture->options.count, 3);
    assert_int_equal(fixture->options.level, 0);
    assert_false(ds_config_is_given(fixture->config, "level"));
}

static void what_no_program_knows_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char flag[] = "--level=middle";
    assert_int_equal(load_shared(fixture, "nobodys = 1\n", NULL), DS_INVALID_ARGUMENT);
    assert_int_equal(load_shared(fixture, "level = none\n", NULL), DS_INVALID_ARGUMENT);
    assert_int_equal(load_shared(fixture, "", flag), DS_INVALID_ARGUMENT);
}

static void a_mistyped_choice_is_told_the_nearest(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "--level hihg", ""), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture->reason, "did you mean \"high\"?"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(defaults_stand_where_no_source_speaks),
        T(flags_outrank_the_environment_and_that_the_file),
        T(the_files_flag_counts_wherever_it_stands),
        T(the_file_may_come_from_the_environment),
        T(the_first_environment_name_outranks_its_alias),
        T(an_alias_counts_where_the_own_name_is_not_set),
        T(an_empty_environment_variable_is_none),
        T(flags_take_values_in_every_usual_form),
        T(a_boolean_flag_needs_no_value_and_takes_one_behind_equals),
        T(a_repeated_flag_makes_a_list_that_replaces_the_environments),
        T(everything_behind_two_dashes_is_an_operand),
        T(a_lone_dash_is_an_operand),
        T(comments_and_blanks_in_a_file_are_passed_over),
        T(a_number_out_of_range_is_refused_with_the_range),
        T(a_refusal_names_the_environment_variable),
        T(minutes_are_written_min_or_m),
        T(a_duration_without_unit_is_refused_with_examples),
        T(a_size_too_large_for_64_bits_is_refused),
        T(an_unknown_choice_is_refused_with_the_choices),
        T(an_unknown_flag_is_refused_with_the_nearest),
        T(a_flag_like_no_other_points_to_the_help),
        T(a_flag_without_its_value_is_refused),
        T(a_secret_is_refused_as_a_flag_without_being_shown),
        T(an_operand_too_many_is_refused),
        T(an_unknown_name_in_a_file_is_refused_with_its_line),
        T(a_line_without_equals_is_refused),
        T(a_missing_file_is_refused_by_name),
        T(a_file_with_a_nul_byte_is_refused),
        T(help_is_given_beside_flags_that_are_wrong),
        T(the_printed_settings_name_their_origin_and_hide_secrets),
        T(a_value_taken_over_keeps_its_origin_when_the_other_load_is_gone),
        T(the_printed_settings_can_be_read_as_a_file),
        T(help_shows_examples_flags_defaults_and_environment),
        T(presets_outrank_the_file_and_the_environment_outranks_them),
        T(wished_presets_outrank_the_environment_and_flags_outrank_them),
        T(a_derived_value_has_the_origin_of_its_source),
        T(what_a_file_says_to_other_programs_is_passed_over),
        T(what_no_program_knows_is_refused),
        T(a_mistyped_choice_is_told_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
