#include "clients/cli/context.h"
#include "clients/cli/context_presets.h"
#include "ds/exit_code.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char root[32];
    const char *folder;
    struct ds_arena *arena;
    char home_variable[128];
    char *environment[3];
    char reason[CONTEXT_REASON_BYTES_MAX];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/ds-context-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->arena = ds_arena_create(1024 * 1024);
    snprintf(fixture->home_variable, sizeof(fixture->home_variable), "XDG_CONFIG_HOME=%s/config",
             fixture->root);
    fixture->environment[0] = fixture->home_variable;
    fixture->folder = context_folder(fixture->arena, fixture->environment);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    const char *command = ds_arena_printf(fixture->arena, "rm -rf '%s'", fixture->root);
    assert_int_equal(system(command), 0);
    ds_arena_destroy(fixture->arena);
    free(fixture);
    return 0;
}

static void write_work(struct fixture *fixture)
{
    const struct context context = {
        .name = "work",
        .values = {[CONTEXT_CONNECT] = "tcp://10.0.0.5:9003", [CONTEXT_OUTPUT] = "json"}};
    assert_int_equal(context_write(fixture->folder, &context, fixture->arena, fixture->reason),
                     DS_OK);
}

static unsigned mode_of(struct fixture *fixture, const char *path)
{
    struct stat status;
    assert_int_equal(stat(ds_arena_printf(fixture->arena, "%s%s", fixture->folder, path), &status),
                     0);
    return status.st_mode & 07777U;
}

static void a_context_is_read_as_it_was_written(void **state)
{
    struct fixture *fixture = *state;
    struct context context;
    write_work(fixture);
    assert_int_equal(
        context_read(fixture->folder, "work", fixture->arena, &context, fixture->reason), DS_OK);
    assert_string_equal(context.values[CONTEXT_CONNECT], "tcp://10.0.0.5:9003");
    assert_string_equal(context.values[CONTEXT_OUTPUT], "json");
    assert_null(context.values[CONTEXT_TIMEOUT]);
}

static void folders_and_files_are_the_users_alone(void **state)
{
    struct fixture *fixture = *state;
    write_work(fixture);
    assert_int_equal(context_use(fixture->folder, "work", fixture->arena, fixture->reason), DS_OK);
    assert_int_equal(mode_of(fixture, ""), 0700);
    assert_int_equal(mode_of(fixture, "/contexts"), 0700);
    assert_int_equal(mode_of(fixture, "/contexts/work.conf"), 0600);
    assert_int_equal(mode_of(fixture, "/current-context"), 0600);
}

static void what_others_can_write_is_not_believed(void **state)
{
    static const char *const paths[] = {"", "/contexts", "/contexts/work.conf"};
    struct fixture *fixture = *state;
    struct context context;
    write_work(fixture);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const char *path = ds_arena_printf(fixture->arena, "%s%s", fixture->folder, paths[i]);
        const unsigned mode = mode_of(fixture, paths[i]);
        assert_int_equal(chmod(path, mode | S_IWGRP), 0);
        assert_int_equal(
            context_read(fixture->folder, "work", fixture->arena, &context, fixture->reason),
            DS_PERMISSION_DENIED);
        assert_non_null(strstr(fixture->reason, "chmod go-w"));
        assert_int_equal(chmod(path, mode), 0);
    }
}

static void a_link_in_the_place_of_a_context_is_not_followed(void **state)
{
    struct fixture *fixture = *state;
    struct context context;
    write_work(fixture);
    assert_int_equal(symlink("work.conf", ds_arena_printf(fixture->arena, "%s/contexts/link.conf",
                                                          fixture->folder)),
                     0);
    assert_int_equal(
        context_read(fixture->folder, "link", fixture->arena, &context, fixture->reason),
        DS_UNAVAILABLE);
}

static void a_name_can_not_lead_out_of_the_folder(void **state)
{
    static const char *const names[] = {"", "..", "../work", ".hidden", "a/b", "-x", "a b", "a\n"};
    struct fixture *fixture = *state;
    struct context context;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(context_name_is_valid(names[i]));
        assert_int_equal(
            context_read(fixture->folder, names[i], fixture->arena, &context, fixture->reason),
            DS_NOT_FOUND);
        assert_int_equal(context_remove(fixture->folder, names[i], fixture->arena, fixture->reason),
                         DS_NOT_FOUND);
    }
}

static void a_value_of_two_lines_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const struct context context = {.name = "bad",
                                    .values = {[CONTEXT_DATA_DIR] = "/a\nconnect = tcp://evil"}};
    assert_int_equal(context_write(fixture->folder, &context, fixture->arena, fixture->reason),
                     DS_INVALID_ARGUMENT);
}

static void a_line_that_says_nothing_known_is_refused_with_its_text(void **state)
{
    struct fixture *fixture = *state;
    struct context context;
    write_work(fixture);
    FILE *file =
        fopen(ds_arena_printf(fixture->arena, "%s/contexts/work.conf", fixture->folder), "w");
    assert_non_null(file);
    fputs("# mine\n\nconect = tcp://x\n", file);
    fclose(file);
    assert_int_equal(
        context_read(fixture->folder, "work", fixture->arena, &context, fixture->reason),
        DS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture->reason, "conect"));
}

static void a_removed_context_is_the_current_one_no_more(void **state)
{
    struct fixture *fixture = *state;
    const char *current = NULL;
    write_work(fixture);
    assert_int_equal(context_use(fixture->folder, "work", fixture->arena, fixture->reason), DS_OK);
    assert_int_equal(context_current(fixture->folder, fixture->arena, &current, fixture->reason),
                     DS_OK);
    assert_string_equal(current, "work");
    assert_int_equal(context_remove(fixture->folder, "work", fixture->arena, fixture->reason),
                     DS_OK);
    assert_int_equal(context_current(fixture->folder, fixture->arena, &current, fixture->reason),
                     DS_OK);
    assert_string_equal(current, CONTEXT_NONE);
}

static void only_an_existing_context_can_be_used(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(context_use(fixture->folder, "work", fixture->arena, fixture->reason),
                     DS_NOT_FOUND);
}

static void contexts_are_listed_in_order_and_other_files_are_not(void **state)
{
    struct fixture *fixture = *state;
    const char *names[CONTEXT_COUNT_MAX];
    assert_int_equal(context_list(fixture->folder, fixture->arena, names), 0);
    write_work(fixture);
    const struct context other = {.name = "alpha"};
    assert_int_equal(context_write(fixture->folder, &other, fixture->arena, fixture->reason),
                     DS_OK);
    FILE *file =
        fopen(ds_arena_printf(fixture->arena, "%s/contexts/notes.txt", fixture->folder), "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(context_list(fixture->folder, fixture->arena, names), 2);
    assert_string_equal(names[0], "alpha");
    assert_string_equal(names[1], "work");
}

static void a_relative_config_home_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    char relative[] = "XDG_CONFIG_HOME=config";
    char home[] = "HOME=/home/me";
    char *const both[] = {relative, home, NULL};
    char *const none[] = {NULL};
    assert_string_equal(context_folder(fixture->arena, both), "/home/me/.config/deltastream");
    assert_null(context_folder(fixture->arena, none));
}

static const struct ds_setting with_context[] = {
    {.name = "context", .kind = DS_SETTING_TEXT, .help = "the context"}};
static const struct ds_program connected = {
    .name = "deltastream x", .settings = with_context, .setting_count = 1};
static const struct ds_program unconnected = {.name = "deltastream y"};

static bool find(struct fixture *fixture, const struct ds_program *program,
                 struct ds_config_sources *sources, int *ret_exit_code)
{
    sources->environment = fixture->environment;
    return context_presets_find(program, fixture->arena, sources, ret_exit_code);
}

static void the_flag_outranks_the_variable_and_that_the_current_one(void **state)
{
    struct fixture *fixture = *state;
    char variable[] = "DS_CONTEXT=none";
    char flag[] = "--context=work";
    char *const arguments[] = {flag};
    int exit_code = 0;
    write_work(fixture);
    assert_int_equal(context_use(fixture->folder, "work", fixture->arena, fixture->reason), DS_OK);

    struct ds_config_sources current = {0};
    assert_true(find(fixture, &connected, &current, &exit_code));
    assert_int_equal(current.preset_count, 2);
    assert_string_equal(current.presets[0].origin, "context work");
    assert_false(current.presets_outrank_environment);

    fixture->environment[1] = variable;
    struct ds_config_sources without = {0};
    assert_true(find(fixture, &connected, &without, &exit_code));
    assert_int_equal(without.preset_count, 0);

    struct ds_config_sources wished = {.argument_count = 1, .arguments = arguments};
    assert_true(find(fixture, &connected, &wished, &exit_code));
    assert_int_equal(wished.preset_count, 2);
    assert_true(wished.presets_outrank_environment);
}

static void a_command_without_a_connection_has_no_context(void **state)
{
    struct fixture *fixture = *state;
    int exit_code = 0;
    write_work(fixture);
    assert_int_equal(context_use(fixture->folder, "work", fixture->arena, fixture->reason), DS_OK);
    struct ds_config_sources sources = {0};
    assert_true(find(fixture, &unconnected, &sources, &exit_code));
    assert_int_equal(sources.preset_count, 0);
}

static void an_unknown_context_is_a_usage_error(void **state)
{
    struct fixture *fixture = *state;
    char variable[] = "DS_CONTEXT=nowhere";
    int exit_code = 0;
    fixture->environment[1] = variable;
    struct ds_config_sources sources = {0};
    assert_false(find(fixture, &connected, &sources, &exit_code));
    assert_int_equal(exit_code, DS_EXIT_USAGE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_context_is_read_as_it_was_written),
        T(folders_and_files_are_the_users_alone),
        T(what_others_can_write_is_not_believed),
        T(a_link_in_the_place_of_a_context_is_not_followed),
        T(a_name_can_not_lead_out_of_the_folder),
        T(a_value_of_two_lines_is_refused),
        T(a_line_that_says_nothing_known_is_refused_with_its_text),
        T(a_removed_context_is_the_current_one_no_more),
        T(only_an_existing_context_can_be_used),
        T(contexts_are_listed_in_order_and_other_files_are_not),
        T(a_relative_config_home_is_passed_over),
        T(the_flag_outranks_the_variable_and_that_the_current_one),
        T(a_command_without_a_connection_has_no_context),
        T(an_unknown_context_is_a_usage_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
