#include "clients/load/capture.h"
#include "clients/load/request.h"
#include "clients/load/template_read.h"
#include "schema.gen.h"
#include "support/test.h"

static struct ds_arena *arena;
static struct load_variables variables;
static struct load_request request;
static struct load_request_form form;
static bool has_form;
static char reason[256];

static int setup(void **state)
{
    (void)state;
    arena = ds_arena_create(1 << 20);
    load_variables_init(&variables, 2);
    load_request_init(&request);
    has_form = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (has_form) {
        load_request_form_deinit(&form);
    }
    load_request_deinit(&request);
    load_variables_deinit(&variables);
    ds_arena_destroy(arena);
    return 0;
}

static const struct load_names names = {.variables = (const char *const[]){"token", "id"},
                                        .variable_count = 2};

static const struct load_template *text_of(enum load_template_form kind, const char *text)
{
    char why[LOAD_TEMPLATE_REASON_BYTES_MAX];
    const struct load_template *template = load_template_of_text(arena, kind, text, &names, why);
    assert_non_null(template);
    return template;
}

static const struct load_template *json_of(const char *text)
{
    char why[LOAD_TEMPLATE_REASON_BYTES_MAX];
    json_t *json = json_loads(text, 0, NULL);
    const struct load_template *template = load_template_of_json(arena, json, &names, why);
    assert_non_null(template);
    json_decref(json);
    return template;
}

static const struct load_rest_address address = {.host = "127.0.0.1:81", .prefix = "/api"};

static ds_code prepare(const struct load_step *step)
{
    has_form = true;
    return load_request_form_init(&form, step, &address, reason, sizeof reason);
}

static ds_code fill(void)
{
    return load_request_fill(&form, &(struct load_draw){.variables = variables.values}, &request);
}

static void assert_bytes(const char *text)
{
    char *bytes = ds_arena_copy_text(arena, (const char *)request.bytes.data, request.bytes.size);
    assert_string_equal(bytes, text);
}

static void capture_all(const char *json)
{
    static const struct load_capture captures[] = {{"/token", 0}, {"/list/1/i~1d~0", 1}};
    assert_int_equal(load_capture_json(&variables, captures, 2, ds_bytes_of_text(json)), DS_OK);
}

static void a_request_without_places_is_made_once(void **state)
{
    (void)state;
    const struct load_step step = {.name = "get",
                                   .protocol = LOAD_REST,
                                   .http_method = "GET",
                                   .path = text_of(LOAD_FORM_PATH, "/a?b=c")};
    assert_int_equal(prepare(&step), DS_OK);
    assert_int_equal(fill(), DS_OK);
    assert_bytes("GET /api/a?b=c HTTP/1.1\r\nHost: 127.0.0.1:81\r\n\r\n");
    const uint8_t *bytes = request.bytes.data;
    assert_int_equal(fill(), DS_OK);
    assert_ptr_equal(request.bytes.data, bytes);
    assert_int_equal(request.buffer.size, 0); /* Nothing has been copied. */
}

static void a_request_has_the_flows_own_values(void **state)
{
    (void)state;
    const struct load_header header = {"X-Id", text_of(LOAD_FORM_HEADER, "n ${id}")};
    const struct load_step step = {
        .name = "post",
        .protocol = LOAD_REST,
        .http_method = "POST",
        .path = text_of(LOAD_FORM_PATH, "/${token}"),
        .headers = &header,
        .header_count = 1,
        .authorization = text_of(LOAD_FORM_HEADER, "Bearer ${token}"),
        .body = json_of("{\"t\": \"${token}\"}"),
    };
    assert_int_equal(prepare(&step), DS_OK);
    assert_int_equal(fill(), DS_FAILED_PRECONDITION); /* Nothing has been captured yet. */
    capture_all("{\"token\": \"a/\\\"b\", \"list\": [0, {\"i/d~\": 12}]}");
    assert_int_equal(fill(), DS_OK);
    assert_bytes("POST /api/a%2F%22b HTTP/1.1\r\nHost: 127.0.0.1:81\r\n"
                 "Content-Type: application/json\r\nX-Id: n 12\r\n"
                 "Authorization: Bearer a/\"b\r\nContent-Length: 13\r\n\r\n{\"t\":\"a/\\\"b\"}");
}

static void headers_of_the_step_take_the_place_of_ours(void **state)
{
    (void)state;
    const struct load_header headers[] = {{"host", text_of(LOAD_FORM_HEADER, "example")},
                                          {"content-type", text_of(LOAD_FORM_HEADER, "text/x")}};
    const struct load_step step = {.name = "post",
                                   .protocol = LOAD_REST,
                                   .http_method = "POST",
                                   .path = text_of(LOAD_FORM_PATH, "/"),
                                   .headers = headers,
                                   .header_count = 2,
                                   .body = json_of("[]")};
    assert_int_equal(prepare(&step), DS_OK);
    assert_int_equal(fill(), DS_OK);
    assert_bytes("POST /api/ HTTP/1.1\r\nhost: example\r\ncontent-type: text/x\r\n"
                 "Content-Length: 2\r\n\r\n[]");
}

static void a_native_body_becomes_wire_bytes(void **state)
{
    (void)state;
    struct load_step step = {.name = "tick",
                             .protocol = LOAD_NATIVE,
                             .method = ds_method_storage_latest_tick,
                             .body = json_of("{\"product\": \"X\"}"),
                             .authorization = text_of(LOAD_FORM_HEADER, "Bearer t")};
    assert_int_equal(prepare(&step), DS_OK);
    assert_int_equal(fill(), DS_OK);
    assert_true(ds_bytes_equal_text(request.bytes, "\n\1X"));
    assert_string_equal(request.authorization, "Bearer t");
    load_request_form_deinit(&form);
    step.body = json_of("{\"product\": \"${id}\"}");
    step.authorization = NULL;
    assert_int_equal(prepare(&step), DS_OK);
    capture_all("{\"token\": true, \"list\": [0, {\"i/d~\": \"abc\"}]}");
    assert_int_equal(fill(), DS_OK);
    assert_true(ds_bytes_equal_text(request.bytes, "\n\3abc"));
    assert_null(request.authorization);
}

static void a_body_that_its_method_does_not_take_is_refused(void **state)
{
    (void)state;
    const struct load_step step = {.name = "tick",
                                   .protocol = LOAD_NATIVE,
                                   .method = ds_method_storage_latest_tick,
                                   .body = json_of("{\"product\": 5}")};
    assert_int_equal(prepare(&step), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(reason, "tick: body/product: "));
}

static ds_code capture_one(const char *pointer, const char *json)
{
    const struct load_capture capture = {pointer, 0};
    load_variables_forget(&variables);
    return load_capture_json(&variables, &capture, 1, ds_bytes_of_text(json));
}

static void values_are_taken_as_their_text(void **state)
{
    (void)state;
    static const struct {
        const char *pointer;
        const char *json;
        const char *value;
    } cases[] = {
        {"/a", "{\"a\": \"x\\u00e9\\n\"}", "x\xc3\xa9\n"},
        {"/a", "{\"a\": \"\"}", ""},
        {"/a", "{\"a\": -7}", "-7"},
        {"/a", "{\"a\": 1.5}", "1.5"},
        {"/a", "{\"a\": false}", "false"},
        {"/0/1", "[[1, 2]]", "2"},
        {"/~01", "{\"~1\": 3}", "3"},
        {"/", "{\"\": 4}", "4"},
        {"", "\"whole\"", "whole"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(capture_one(cases[i].pointer, cases[i].json), DS_OK);
        assert_non_null(variables.values[0].data);
        assert_true(ds_bytes_equal_text(variables.values[0], cases[i].value));
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    static const char *const pointers[] = {"/b", "/a/0", "/c/1", "/c/-", "/c/x", "/d", "/c", "a"};
    const char *json = "{\"a\": 1, \"c\": [1], \"d\": null}";
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        assert_int_equal(capture_one(pointers[i], json), DS_NOT_FOUND);
        assert_null(variables.values[0].data);
    }
    assert_int_equal(capture_one("/a", "no JSON"), DS_INVALID_ARGUMENT);
}

static void a_value_that_is_too_large_is_refused(void **state)
{
    (void)state;
    char *json = ds_arena_alloc(arena, LOAD_CAPTURE_BYTES_MAX + 4);
    memset(json, 'x', LOAD_CAPTURE_BYTES_MAX + 3);
    json[0] = '"';
    json[LOAD_CAPTURE_BYTES_MAX + 2] = '"';
    json[LOAD_CAPTURE_BYTES_MAX + 3] = '\0';
    assert_int_equal(capture_one("", json), DS_RESOURCE_EXHAUSTED);
    assert_null(variables.values[0].data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_without_places_is_made_once),
        TEST(a_request_has_the_flows_own_values),
        TEST(headers_of_the_step_take_the_place_of_ours),
        TEST(a_native_body_becomes_wire_bytes),
        TEST(a_body_that_its_method_does_not_take_is_refused),
        TEST(values_are_taken_as_their_text),
        TEST(what_is_not_there_is_not_found),
        TEST(a_value_that_is_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
