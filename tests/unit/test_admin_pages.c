/* The pages that programs have in common, for a server that has no listener. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "admin/pages.h"
#include "ds/rpc_server.h"

#include <stdlib.h>

struct options {
    const char *folder;
    const char *password;
    struct ds_text_list listen;
};

static const struct ds_setting settings_table[] = {
    {.name = "folder",
     .environment = {"T_FOLDER"},
     .kind = DS_SETTING_TEXT,
     .default_text = "/a \"b\"",
     .help = "where things are",
     .offset = offsetof(struct options, folder)},
    {.name = "password",
     .environment = {"T_PASSWORD"},
     .kind = DS_SETTING_TEXT,
     .is_secret = true,
     .help = "the password",
     .offset = offsetof(struct options, password)},
    {.name = "listen",
     .kind = DS_SETTING_LIST,
     .help = "where",
     .offset = offsetof(struct options, listen)},
};

static const struct ds_program tester = {
    .name = "tester", .summary = "Tests.", .settings = settings_table, .setting_count = 3};

struct fixture {
    struct ds_admin_program program;
    struct ds_admin_page pages[DS_ADMIN_PAGES_MAX];
    size_t page_count;
    bool is_ready;
};

static void write_metrics(void *context, struct ds_buffer *text)
{
    (void)context;
    ds_buffer_append_text(text, "figures 1\n");
}

static bool is_ready(void *context)
{
    const struct fixture *fixture = context;
    return fixture->is_ready;
}

static bool is_draining(void *context)
{
    const struct fixture *fixture = context;
    return !fixture->is_ready;
}

static int setup(void **state)
{
    static const char *const listeners[] = {"tcp://127.0.0.1:1"};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->is_ready = true;
    fixture->program =
        (struct ds_admin_program){.name = "tester",
                                  .listeners = listeners,
                                  .listener_count = 1,
                                  .server = ds_rpc_server_create(&(struct ds_rpc_server_options){
                                      .name = "tester", .read_threads = 3, .queue_max = 7}),
                                  .settings = ds_admin_settings_create(),
                                  .write_metrics = write_metrics,
                                  .is_ready = is_ready,
                                  .is_draining = is_draining,
                                  .context = fixture};
    fixture->page_count = ds_admin_pages(&fixture->program, fixture->pages);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ds_rpc_server_destroy(fixture->program.server);
    ds_admin_settings_destroy(fixture->program.settings);
    free(fixture);
    return 0;
}

/* The status of a page, and its text in a static place that the next call overwrites. */
static unsigned int write_page(const struct fixture *fixture, const char *path,
                               const char **ret_text)
{
    static char text[8192];
    for (size_t i = 0; i < fixture->page_count; i++) {
        const struct ds_admin_page *page = &fixture->pages[i];
        if (strcmp(page->path, path) == 0) {
            struct ds_buffer body;
            ds_buffer_init(&body, sizeof text - 1);
            const unsigned int status = page->write(page->context, &body);
            assert_false(body.overflow);
            memcpy(text, body.data, body.size);
            text[body.size] = '\0';
            ds_buffer_deinit(&body);
            *ret_text = text;
            return status;
        }
    }
    fail_msg("there is no page %s", path);
    return 0;
}

static void assert_page(const struct fixture *fixture, const char *path, unsigned int status,
                        const char *text)
{
    const char *written = NULL;
    assert_int_equal(write_page(fixture, path, &written), status);
    assert_string_equal(written, text);
}

static void pools_are_shown_with_their_room(void **state)
{
    assert_page(*state, "/pools", 200,
                "{\"pools\":["
                "{\"name\":\"read\",\"threads\":3,\"busy_threads\":0,\"queued\":0,"
                "\"queue_max\":7,\"refused\":0},"
                "{\"name\":\"write\",\"threads\":2,\"busy_threads\":0,\"queued\":0,"
                "\"queue_max\":7,\"refused\":0}]}\n");
}

static void a_server_that_nobody_calls_has_empty_lists(void **state)
{
    assert_page(*state, "/calls", 200, "{\"calls\":[]}\n");
    assert_page(*state, "/calls/slow", 200, "{\"calls\":[]}\n");
    assert_page(*state, "/connections", 200, "{\"connections\":[]}\n");
}

static void readiness_is_what_the_program_says(void **state)
{
    struct fixture *fixture = *state;
    assert_page(fixture, "/health/ready", 200, "{\"status\":\"ready\"}\n");
    fixture->is_ready = false;
    assert_page(fixture, "/health/ready", 503, "{\"status\":\"not ready\"}\n");
    assert_page(fixture, "/health/live", 200, "{\"status\":\"alive\"}\n");
}

static void the_status_tells_what_runs(void **state)
{
    const char *text = NULL;
    assert_int_equal(write_page(*state, "/status", &text), 200);
    static const char *const parts[] = {
        "{\"name\":\"tester\",\"version\":\"" DS_VERSION "\",\"epoch\":\"",
        "\",\"draining\":false,\"pid\":",
        "\"memory\":{\"anonymous_bytes\":",
        "\"listeners\":[\"tcp://127.0.0.1:1\"]}\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_non_null(strstr(text, parts[i]));
    }
}

static void settings_are_shown_with_their_origin_and_without_secrets(void **state)
{
    const struct fixture *fixture = *state;
    char password[] = "T_PASSWORD=hunter2";
    char *const environment[] = {password, NULL};
    char first[] = "--listen=one";
    char second[] = "--listen=tcp://me:pw@host";
    char *const arguments[] = {first, second};
    const struct ds_config_sources sources = {
        .arguments = arguments, .argument_count = 2, .environment = environment};
    struct options options = {0};
    struct ds_config *config = NULL;
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    assert_page(fixture, "/settings", 200, "{\"settings\":[]}\n");
    assert_int_equal(ds_config_load(&tester, &sources, &options, &config, reason), DS_OK);
    ds_admin_settings_set(fixture->program.settings, config, &options);
    ds_config_destroy(config);
    assert_page(
        fixture, "/settings", 200,
        "{\"settings\":["
        "{\"name\":\"folder\",\"value\":\"/a \\\"b\\\"\",\"origin\":\"default\"},"
        "{\"name\":\"password\",\"value\":\"***\",\"origin\":\"T_PASSWORD\"},"
        "{\"name\":\"listen\",\"values\":[\"one\",\"tcp://***@host\"],\"origin\":\"--listen\"}"
        "]}\n");
}

static void the_metrics_are_the_programs(void **state)
{
    assert_page(*state, "/metrics", 200, "figures 1\n");
}

static void a_program_without_a_server_has_no_pages_of_one(void **state)
{
    const struct fixture *fixture = *state;
    struct ds_admin_program program = fixture->program;
    program.server = NULL;
    struct ds_admin_page pages[DS_ADMIN_PAGES_MAX];
    const size_t count = ds_admin_pages(&program, pages);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_string_not_equal(pages[i].path, "/calls");
        assert_string_not_equal(pages[i].path, "/pools");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pools_are_shown_with_their_room),
        TEST(a_server_that_nobody_calls_has_empty_lists),
        TEST(readiness_is_what_the_program_says),
        TEST(the_status_tells_what_runs),
        TEST(settings_are_shown_with_their_origin_and_without_secrets),
        TEST(the_metrics_are_the_programs),
        TEST(a_program_without_a_server_has_no_pages_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
