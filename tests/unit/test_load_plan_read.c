#include "clients/load/plan_read.h"
#include "clients/load/plan_read_units.h"
#include "clients/load/template.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

#define SECOND_NS 1000000000LL
#define TARGETS                                                                                    \
    "\"targets\": {\"native\": \"ipc:///tmp/x.sock\", \"rest\": \"http://127.0.0.1:8080\"}"
#define FLOWS "\"flows\": [{\"steps\": [{\"method\": \"ListProducts\"}]}]"

struct fixture {
    struct ds_arena *arena;
    const struct load_plan *plan;
    char reason[LOAD_PLAN_REASON_BYTES_MAX];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->arena = load_plan_arena_create();
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ds_arena_destroy(fixture->arena);
    free(fixture);
    return 0;
}

static ds_code read_text(struct fixture *fixture, const char *text)
{
    json_t *scenario = NULL;
    ds_code code = load_scenario_parse(ds_bytes_of_text(text), &scenario, fixture->reason);
    if (code == DS_OK) {
        code = load_plan_read(fixture->arena, scenario, NULL, &fixture->plan, fixture->reason);
        json_decref(scenario);
    }
    return code;
}

static const struct load_plan *plan_of(struct fixture *fixture, const char *text)
{
    if (read_text(fixture, text) != DS_OK) {
        fail_msg("%s", fixture->reason);
    }
    return fixture->plan;
}

static void refused(struct fixture *fixture, const char *text, const char *reason)
{
    assert_int_equal(read_text(fixture, text), DS_INVALID_ARGUMENT);
    assert_string_equal(fixture->reason, reason);
}

/* A scenario of one flow with one step of these members. */
static const char *step(struct fixture *fixture, const char *members)
{
    return ds_arena_printf(fixture->arena, "{" TARGETS ", \"flows\": [{\"steps\": [{%s}]}]}",
                           members);
}

static const char *with(struct fixture *fixture, const char *members)
{
    return ds_arena_printf(fixture->arena, "{" TARGETS ", " FLOWS ", %s}", members);
}

static void the_smallest_scenario_has_sensible_values(void **state)
{
    struct fixture *fixture = *state;
    const struct load_plan *plan = plan_of(fixture, "{" TARGETS ", " FLOWS "}");
    assert_string_equal(plan->name, "unnamed");
    assert_int_equal(plan->pace, LOAD_CLOSED);
    assert_int_equal(plan->stage_count, 1);
    assert_int_equal(plan->stages[0].duration_ns, 10 * SECOND_NS);
    assert_true(plan->stages[0].from == 1 && plan->stages[0].to == 1);
    assert_int_equal(plan->thread_count, 1);
    assert_int_equal(plan->connection_count, 2);
    assert_int_equal(plan->in_flight_max, 10000);
    assert_int_equal(plan->seed, 1);
    assert_true(plan->shares_messages);
    assert_int_equal(plan->operation_count, 1);
    const struct load_step *first = &plan->flows[0].steps[0];
    assert_string_equal(first->name, "list_products");
    assert_string_equal(plan->flows[0].name, "list_products");
    assert_true(plan->flows[0].weight == 1);
    assert_int_equal(first->protocol, LOAD_NATIVE);
    assert_string_equal(first->url, "ipc:///tmp/x.sock");
    assert_string_equal(first->method->full_name, "deltastream.storage.v1.Storage/ListProducts");
    assert_int_equal(first->timeout_ns, 10 * SECOND_NS);
    assert_null(first->body);
    assert_null(first->authorization);
}

static void every_member_of_a_scenario_reaches_the_plan(void **state)
{
    struct fixture *fixture = *state;
    const struct load_plan *plan = plan_of(
        fixture,
        with(fixture, "\"name\": \"n\", \"description\": \"d\", \"seed\": 9, \"pace\": "
                      "\"poisson\", \"rate\": 250.5, \"duration\": \"2m\", \"warm_up\": \"5s\", "
                      "\"threads\": 3, \"connections\": 7, \"in_flight_max\": 11, \"timeout\": "
                      "\"750ms\", \"messages\": \"alone\", \"tls_ca\": \"/ca.pem\", "
                      "\"authorization\": \"Bearer t\", \"objectives\": "
                      "[\"list_products:p99<5ms\", \"*:errors<1%\"]"));
    assert_string_equal(plan->name, "n");
    assert_int_equal(plan->seed, 9);
    assert_int_equal(plan->pace, LOAD_POISSON);
    assert_true(plan->stages[0].from == 250.5 && plan->stages[0].to == 250.5);
    assert_int_equal(plan->stages[0].duration_ns, 120 * SECOND_NS);
    assert_int_equal(plan->warm_up_ns, 5 * SECOND_NS);
    assert_int_equal(plan->thread_count, 3);
    assert_int_equal(plan->connection_count, 7);
    assert_int_equal(plan->in_flight_max, 11);
    assert_int_equal(plan->flows[0].steps[0].timeout_ns, SECOND_NS * 3 / 4);
    assert_false(plan->shares_messages);
    assert_string_equal(plan->tls_ca, "/ca.pem");
    assert_non_null(plan->flows[0].steps[0].authorization);
    assert_int_equal(plan->objective_count, 2);
    assert_string_equal(plan->objectives[0].operation, "list_products");
    assert_null(plan->objectives[1].operation);
}

static void stages_go_on_from_where_the_one_before_ended(void **state)
{
    struct fixture *fixture = *state;
    const struct load_plan *plan =
        plan_of(fixture,
                with(fixture, "\"stages\": [\"10s:100\", \"20s:100/s\", \"0:500\", \"1m:600/m\"]"));
    assert_int_equal(plan->pace, LOAD_CONSTANT);
    assert_int_equal(plan->stage_count, 3);
    assert_true(plan->stages[0].from == 0 && plan->stages[0].to == 100);
    assert_true(plan->stages[1].from == 100 && plan->stages[1].to == 100);
    assert_true(plan->stages[2].from == 500 && plan->stages[2].to == 10);
    assert_int_equal(plan->stages[2].duration_ns, 60 * SECOND_NS);
}

static void a_single_stage_is_a_plateau(void **state)
{
    struct fixture *fixture = *state;
    const struct load_plan *plan =
        plan_of(fixture, with(fixture, "\"pace\": \"closed\", \"stages\": [\"10s:40\"]"));
    assert_int_equal(plan->pace, LOAD_CLOSED);
    assert_true(plan->stages[0].from == 40 && plan->stages[0].to == 40);
}

static void users_of_rest_get_a_connection_each(void **state)
{
    struct fixture *fixture = *state;
    const char *flows = "\"flows\": [{\"steps\": [{\"request\": \"GET /v1/products\"}]}]";
    const char *text =
        ds_arena_printf(fixture->arena, "{" TARGETS ", \"users\": 100, \"threads\": 2, %s}", flows);
    assert_int_equal(plan_of(fixture, text)->connection_count, 51);
    text = ds_arena_printf(fixture->arena, "{" TARGETS ", \"rate\": 100, %s}", flows);
    assert_int_equal(plan_of(fixture, text)->connection_count, 16);
    text = ds_arena_printf(fixture->arena, "{" TARGETS ", \"users\": 100000, %s}", flows);
    assert_int_equal(plan_of(fixture, text)->connection_count, 1024);
    assert_int_equal(plan_of(fixture, with(fixture, "\"users\": 320"))->connection_count, 11);
}

static ds_code filled(const struct load_template *template, const struct ds_bytes *variables,
                      struct ds_buffer *text)
{
    const struct load_draw draw = {.seed = 1, .variables = variables};
    return load_template_fill(template, &draw, text);
}

static void a_step_of_rest_has_all_its_parts(void **state)
{
    struct fixture *fixture = *state;
    const struct load_plan *plan = plan_of(
        fixture,
        step(fixture, "\"name\": \"post\", \"request\": \"POST /v1/a\", \"body\": {\"x\": 1}, "
                      "\"headers\": {\"x-a\": \"b\"}, \"expect\": 201, \"authorization\": \"T\", "
                      "\"timeout\": \"1s\", \"think\": \"100ms\", \"capture\": {\"id\": "
                      "\"/rows/0/a~1b\"}"));
    const struct load_step *post = &plan->flows[0].steps[0];
    assert_string_equal(post->name, "post");
    assert_int_equal(post->protocol, LOAD_REST);
    assert_string_equal(post->url, "http://127.0.0.1:8080");
    assert_string_equal(post->http_method, "POST");
    assert_int_equal(post->expected_status, 201);
    assert_int_equal(post->think_ns, SECOND_NS / 10);
    assert_int_equal(post->header_count, 1);
    assert_string_equal(post->headers[0].name, "x-a");
    assert_int_equal(post->capture_count, 1);
    assert_string_equal(post->captures[0].pointer, "/rows/0/a~1b");
    assert_int_equal(post->captures[0].variable, 0);
    assert_int_equal(plan->variable_count, 1);
    struct ds_buffer text;
    ds_buffer_init(&text, 1024);
    assert_int_equal(filled(post->path, NULL, &text), DS_OK);
    assert_int_equal(filled(post->body, NULL, &text), DS_OK);
    assert_int_equal(filled(post->headers[0].value, NULL, &text), DS_OK);
    assert_int_equal(filled(post->authorization, NULL, &text), DS_OK);
    const bool is_right = ds_bytes_equal_text(ds_buffer_bytes(&text), "/v1/a{\"x\":1}bT");
    ds_buffer_deinit(&text);
    assert_true(is_right);
}

static void what_a_step_captures_is_there_for_later_steps_of_its_flow_only(void **state)
{
    struct fixture *fixture = *state;
    const char *capture = "{\"request\": \"GET /a\", \"capture\": {\"t\": \"/t\", \"u\": \"\"}}";
    const char *use = "{\"request\": \"GET /b/${u}/${t}\", \"capture\": {\"t\": \"/v\"}}";
    const struct load_plan *plan =
        plan_of(fixture, ds_arena_printf(fixture->arena,
                                         "{" TARGETS ", \"flows\": [{\"steps\": [%s, %s]}, "
                                         "{\"steps\": [{\"method\": \"ListProducts\"}]}]}",
                                         capture, use));
    assert_int_equal(plan->variable_count, 2);
    assert_int_equal(plan->operation_count, 3);
    assert_int_equal(plan->flows[0].steps[1].captures[0].variable, 0);
    const struct ds_bytes variables[] = {ds_bytes_of_text("x"), ds_bytes_of_text("y")};
    struct ds_buffer text;
    ds_buffer_init(&text, 1024);
    const ds_code code = filled(plan->flows[0].steps[1].path, variables, &text);
    const bool is_right = ds_bytes_equal_text(ds_buffer_bytes(&text), "/b/y/x");
    ds_buffer_deinit(&text);
    assert_int_equal(code, DS_OK);
    assert_true(is_right);
    refused(fixture,
            ds_arena_printf(fixture->arena,
                            "{" TARGETS ", \"flows\": [{\"steps\": [%s]}, {\"steps\": [%s]}]}",
                            capture, use),
            "flows[1].steps[0].request: ${u}: neither \"data\" nor an earlier \"capture\" has "
            "that name");
}

static void steps_without_names_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    const struct load_plan *plan =
        plan_of(fixture, "{" TARGETS ", \"flows\": [{\"steps\": [{\"method\": \"ListProducts\"}, "
                         "{\"method\": \"ListProducts\"}, {\"request\": \"GET /a\"}]}]}");
    assert_string_equal(plan->flows[0].steps[0].name, "list_products");
    assert_string_equal(plan->flows[0].steps[1].name, "list_products_2");
    assert_string_equal(plan->flows[0].steps[2].name, "GET /a");
    assert_int_equal(plan->flows[0].steps[2].operation, 2);
}

static void a_step_may_do_without_the_authorization_of_all(void **state)
{
    struct fixture *fixture = *state;
    const struct load_plan *plan =
        plan_of(fixture, "{" TARGETS ", \"authorization\": \"Bearer all\", \"flows\": [{\"steps\": "
                         "[{\"method\": \"ListProducts\", \"authorization\": \"\"}]}]}");
    assert_null(plan->flows[0].steps[0].authorization);
}

static void complaints_about_a_step_name_its_place(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *members;
        const char *reason;
    } cases[] = {
        {"\"method\": \"ListTicka\"",
         "flows[0].steps[0].method: no method \"ListTicka\"; did you mean \"ListTicks\"?"},
        {"\"method\": \"Qwertzuiopasdfg\"",
         "flows[0].steps[0].method: no method \"Qwertzuiopasdfg\"; deltastream-load methods lists "
         "them"},
        {"\"method\": 5", "flows[0].steps[0].method: takes a text in quotes"},
        {"\"methud\": \"ListTicks\"",
         "flows[0].steps[0].methud: is not known here; did you mean \"method\"?"},
        {"\"name\": \"a\"", "flows[0].steps[0]: takes either \"method\", a native call, or "
                            "\"request\", such as \"GET /v1/products\""},
        {"\"method\": \"ListTicks\", \"body\": {\"produkt\": \"NIFTY\"}",
         "flows[0].steps[0].body: is no deltastream.storage.v1.ListTicksRequest, at /produkt: "
         "unknown member; this message has: product, start, end, limit, order, page_token"},
        {"\"method\": \"ListTicks\", \"body\": {\"product\": \"${p}\"}",
         "flows[0].steps[0].body: ${p}: neither \"data\" nor an earlier \"capture\" has that "
         "name"},
        {"\"method\": \"ListTicks\", \"expect\": 200",
         "flows[0].steps[0].expect: is a status of HTTP and goes with \"request\" only"},
        {"\"method\": \"ListTicks\", \"headers\": {}",
         "flows[0].steps[0].headers: goes with \"request\" only"},
        {"\"method\": \"ListTicks\", \"target\": \"rest\"",
         "flows[0].steps[0].target: \"rest\" is http://127.0.0.1:8080, and a \"method\" goes to "
         "ipc://, tcp:// or tls+tcp://"},
        {"\"request\": \"GET /\", \"target\": \"native\"",
         "flows[0].steps[0].target: \"native\" is ipc:///tmp/x.sock, and a \"request\" goes to "
         "http://"},
        {"\"request\": \"GET /\", \"target\": \"auth\"",
         "flows[0].steps[0].target: \"targets\" has no \"auth\"; --rest URL gives it"},
        {"\"request\": \"/v1/products\"",
         "flows[0].steps[0].request: takes a method, a blank and a path: \"GET /v1/products\""},
        {"\"request\": \"FETCH /v1/products\"",
         "flows[0].steps[0].request: takes a method, a blank and a path: \"GET /v1/products\""},
        {"\"request\": \"GET /\", \"expect\": 99",
         "flows[0].steps[0].expect: takes a whole number from 100 to 599"},
        {"\"request\": \"GET /\", \"headers\": {\"Host\": \"x\"}",
         "flows[0].steps[0].headers.Host: is the client's own; \"authorization\" is a member of "
         "the step"},
        {"\"request\": \"GET /\", \"headers\": {\"a b\": \"x\"}",
         "flows[0].steps[0].headers.a b: is no name of a header"},
        {"\"request\": \"GET /\", \"headers\": {\"a\": \"x\\ny\"}",
         "flows[0].steps[0].headers.a: takes no control characters"},
        {"\"request\": \"GET /\", \"timeout\": \"0\"",
         "flows[0].steps[0].timeout: \"0\" is too short"},
        {"\"request\": \"GET /\", \"think\": \"often\"",
         "flows[0].steps[0].think: takes a duration in quotes: \"500ms\", \"10s\", \"2m\", \"1h\""},
        {"\"request\": \"GET /\", \"name\": \"*\"",
         "flows[0].steps[0].name: takes 1 to 127 characters, and not *"},
        {"\"request\": \"GET /\", \"capture\": {\"a\": \"b\"}",
         "flows[0].steps[0].capture.a: takes a JSON Pointer in quotes: \"/ticks/0/price\""},
        {"\"request\": \"GET /\", \"capture\": {\"a\": \"/b~2\"}",
         "flows[0].steps[0].capture.a: takes a JSON Pointer in quotes: \"/ticks/0/price\""},
        {"\"request\": \"GET /\", \"capture\": []",
         "flows[0].steps[0].capture: takes an object with at most 64 members"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refused(fixture, step(fixture, cases[i].members), cases[i].reason);
    }
}

static void complaints_about_a_scenario_name_the_member(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *members;
        const char *reason;
    } cases[] = {
        {"\"usres\": 5", "usres: is not known here; did you mean \"users\"?"},
        {"\"pace\": \"poison\"", "pace: no \"poison\"; did you mean \"poisson\"?"},
        {"\"rate\": 5, \"users\": 3", "takes only one of \"rate\", \"users\" and \"stages\""},
        {"\"rate\": 5, \"pace\": \"closed\"",
         "rate: goes with the pace constant or poisson; closed takes \"users\""},
        {"\"users\": 5, \"pace\": \"constant\"",
         "users: goes with the pace closed; the others take \"rate\""},
        {"\"rate\": -1", "rate: takes a number from 0 to 1e+07"},
        {"\"rate\": 0", "nothing would begin: no time, no rate or no users"},
        {"\"users\": 0.5", "less than one user never begins"},
        {"\"stages\": [\"10s\"]",
         "stages[0]: takes \"DURATION:LEVEL\", such as \"30s:1000\": for 30 s, in a straight line "
         "to 1,000; \"0:1000\" jumps there"},
        {"\"stages\": []", "nothing would begin: no time, no rate or no users"},
        {"\"stages\": [\"1s:5\"], \"duration\": \"5s\"",
         "duration: is that of the stages together"},
        {"\"warm_up\": \"10s\"",
         "warm_up: is as long as the whole run, of which it is the beginning"},
        {"\"threads\": 0", "threads: takes a whole number from 1 to 256"},
        {"\"threads\": 1.5", "threads: takes a whole number from 1 to 256"},
        {"\"objectives\": [\"list_product:p99<1s\"]",
         "objectives[0]: no step is called \"list_product\"; did you mean \"list_products\"?"},
        {"\"objectives\": [\"xyz:p99<1s\"]",
         "objectives[0]: no step is called \"xyz\"; there is \"list_products\", and * stands for "
         "all together"},
        {"\"objectives\": [7]", "objectives[0]: takes a text in quotes"},
        {"\"data\": {\"a\": {\"kind\": \"new\"}}",
         "data.a.kind: no \"new\"; did you mean \"now\"?"},
        {"\"seed\": \"x\"", "seed: takes a whole number from 0 to 9223372036854775807"},
        {"\"messages\": \"both\"", "messages: no \"both\"; there are: shared, alone"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refused(fixture, with(fixture, cases[i].members), cases[i].reason);
    }
    refused(fixture, "[]", "takes an object {…}");
    refused(fixture, "{}", "flows: takes a list of at least one flow");
    refused(fixture, "{\"flows\": [{\"steps\": []}]}",
            "flows[0].steps: takes a list of at least one step");
    refused(fixture, "{\"flows\": [{\"weight\": 0, \"steps\": [{}]}]}",
            "flows[0].weight: takes a number above 0");
    refused(fixture, "{" FLOWS "}",
            "flows[0].steps[0].target: \"targets\" has no \"native\"; --url URL gives it");
    refused(fixture, "{\"targets\": {\"native\": \"unix:/x\"}, " FLOWS "}",
            "targets.native: takes http://HOST:PORT, ipc:///PATH, tcp://HOST:PORT or "
            "tls+tcp://HOST:PORT in quotes");
    refused(fixture,
            "{" TARGETS ", \"flows\": [{\"steps\": [{\"name\": \"a\", \"request\": \"GET /\"}, "
            "{\"name\": \"a\", \"request\": \"GET /\"}]}]}",
            "flows[0].steps[1].name: another step is called \"a\" already");
    refused(fixture,
            "{" TARGETS ", \"data\": {\"a\": {\"kind\": \"now\"}}, \"flows\": [{\"steps\": "
            "[{\"request\": \"GET /\", \"capture\": {\"a\": \"/a\"}}]}]}",
            "flows[0].steps[0].capture.a: \"data\" has that name already");
}

static void text_that_is_no_json_is_refused_by_its_line(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_text(fixture, "{\n  \"name\": \n}"), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture->reason, "line 3, column 1: "));
    assert_int_equal(read_text(fixture, "{\"name\": \"a\", \"name\": \"b\"}"), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(fixture->reason, "duplicate"));
}

static void durations_rates_and_shares_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } durations[] = {{"0", 0},
                     {"250us", 250000},
                     {"1.5s", 1500000000},
                     {"2m", 120000000000},
                     {"2min", 120000000000},
                     {"10ns", 10},
                     {"1h", 3600000000000},
                     {"1d", 86400000000000},
                     {"500ms", 500000000}};
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        int64_t ns = -1;
        assert_true(load_duration_parse(durations[i].text, &ns));
        assert_int_equal(ns, durations[i].ns);
    }
    int64_t ns = 0;
    static const char *const others[] = {"", "5", "s", "-5s", "5 s", "5S", "31d", "1.2.3s", "1e3s"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(load_duration_parse(others[i], &ns));
    }
    double value = 0;
    assert_true(load_rate_parse("90/m", &value) && value == 1.5);
    assert_true(load_rate_parse("2.5", &value) && value == 2.5);
    assert_false(load_rate_parse("5/d", &value));
    assert_false(load_rate_parse("99999999", &value));
    assert_true(load_share_parse("0.1%", &value) && fabs(value - 0.001) < 1e-12);
    assert_true(load_share_parse("1", &value) && value == 1);
    assert_false(load_share_parse("1.1", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_smallest_scenario_has_sensible_values, setup, teardown),
        cmocka_unit_test_setup_teardown(every_member_of_a_scenario_reaches_the_plan, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(stages_go_on_from_where_the_one_before_ended, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_single_stage_is_a_plateau, setup, teardown),
        cmocka_unit_test_setup_teardown(users_of_rest_get_a_connection_each, setup, teardown),
        cmocka_unit_test_setup_teardown(a_step_of_rest_has_all_its_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_a_step_captures_is_there_for_later_steps_of_its_flow_only, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_without_names_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_step_may_do_without_the_authorization_of_all, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(complaints_about_a_step_name_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(complaints_about_a_scenario_name_the_member, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(text_that_is_no_json_is_refused_by_its_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(durations_rates_and_shares_have_units, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
