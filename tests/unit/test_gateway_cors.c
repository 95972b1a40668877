/* Which pages may call: origins as settings write them, preflights, and the fields of replies. */
#include "gateway/cors.h"
#include "support/gateway_fixture.h"
#include "support/test.h"

#define APP "https://app.example.com"
#define FROM_APP "Origin: " APP "\r\n"
#define FROM_ELSEWHERE "Origin: https://evil.example\r\n"
#define ASKS_TO_POST "Access-Control-Request-Method: POST\r\n"

static int setup(void **state)
{
    static const char *const origins[] = {APP ", http://localhost:3000", "capacitor://localhost"};
    *state = gateway_fixture_start_with((struct gateway_options){.anonymous = &fixture_writer,
                                                                 .cors_origins = origins,
                                                                 .cors_origin_count = 2,
                                                                 .gzip = true});
    return 0;
}

static int setup_for_any(void **state)
{
    static const char *const origins[] = {"*", APP};
    *state = gateway_fixture_start_with((struct gateway_options){
        .anonymous = &fixture_writer, .cors_origins = origins, .cors_origin_count = 2});
    return 0;
}

static int setup_without(void **state)
{
    *state = gateway_fixture_start(&fixture_writer);
    return 0;
}

static int teardown(void **state)
{
    gateway_fixture_stop(*state);
    return 0;
}

static void an_origin_is_what_a_browser_sends(void **state)
{
    (void)state;
    static const struct {
        const char *origin;
        bool is_well_formed;
    } rows[] = {
        {"*", true},
        {"https://app.example.com", true},
        {"http://localhost:3000", true},
        {"http://127.0.0.1", true},
        {"http://[::1]:8080", true},
        {"https://app.example.com:80", true},
        {"capacitor://localhost", true},
        {"chrome-extension://abcdefgh", true},
        {"", false},
        {"null", false},
        {"app.example.com", false},
        {"localhost:3000", false},
        {"https://", false},
        {"https:/app.example.com", false},
        {"https://app.example.com/", false},
        {"https://app.example.com/path", false},
        {"https://app.example.com:443", false},
        {"http://app.example.com:80", false},
        {"https://app.example.com:", false},
        {"https://app.example.com:99999", false},
        {"https://App.example.com", false},
        {"HTTPS://app.example.com", false},
        {"https://*.example.com", true}, /* a name of its own; no pattern */
        {"https://user@app.example.com", false},
        {"https://app.example.com?x", false},
        {"https://a b", false},
        {"1http://a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cors_origin_is_well_formed(ds_bytes_of_text(rows[i].origin)) !=
            rows[i].is_well_formed) {
            fail_msg("%s", rows[i].origin);
        }
    }
}

static void without_origins_there_is_no_list(void **state)
{
    (void)state;
    static const char *const nothing[] = {"", " , "};
    assert_null(cors_create(NULL, 0));
    assert_null(cors_create(nothing, 2));
    assert_false(cors_allows(NULL, ds_bytes_of_text(APP)));
}

static void expect_field(const struct http_client_reply *reply, const char *line)
{
    char text[256];
    (void)snprintf(text, sizeof text, "\r\n%s\r\n", line);
    if (strstr(reply->head, text) == NULL) {
        fail_msg("no \"%s\": %s", line, reply->head);
    }
}

static bool has_any(const struct http_client_reply *reply)
{
    return strstr(reply->head, "\r\nAccess-Control-") != NULL;
}

static void a_preflight_tells_what_the_path_takes(void **state)
{
    struct http_client_reply reply =
        ask(*state, "OPTIONS /v1/ticks:ingest",
            FROM_APP ASKS_TO_POST "Access-Control-Request-Headers: content-type,X-Secret, "
                                  "Idempotency-Key\r\nAccess-Control-Request-Headers: cookie\r\n",
            NULL);
    assert_int_equal(reply.status, 204);
    expect_field(&reply, "Access-Control-Allow-Origin: " APP);
    expect_field(&reply, "Access-Control-Allow-Credentials: true");
    expect_field(&reply, "Access-Control-Allow-Methods: POST, OPTIONS");
    expect_field(&reply, "Access-Control-Allow-Headers: content-type, Idempotency-Key");
    expect_field(&reply, "Access-Control-Max-Age: 7200");
    expect_field(&reply, "Vary: Origin");
    expect_field(&reply, "Accept-Post: application/json, application/x-ndjson");
    http_reply_free(&reply);
    reply = ask(*state, "OPTIONS /health", FROM_APP ASKS_TO_POST, NULL);
    expect_field(&reply, "Access-Control-Allow-Methods: GET, HEAD, OPTIONS");
    assert_null(strstr(reply.head, "Access-Control-Allow-Headers"));
    http_reply_free(&reply);
}

/* A request, and whether its page gets to read the reply. */
struct row {
    const char *request;
    const char *fields;
    const char *body;
    int status;
    bool is_told;
};

static const struct row rows[] = {
    {"GET /v1/products", FROM_APP, NULL, 200, true},
    {"HEAD /v1/products", FROM_APP, NULL, 200, true},
    {"GET /v1/products", "Origin: http://localhost:3000\r\n", NULL, 200, true},
    {"GET /v1/products", "Origin: capacitor://localhost\r\n", NULL, 200, true},
    {"GET /health/live", FROM_APP, NULL, 200, true},
    {"GET /nothing", FROM_APP, NULL, 404, true},
    {"GET /v1/ticks/A?x=1", FROM_APP, NULL, 400, true},
    {"GET /v1/ticks/BUSY", FROM_APP, NULL, 503, true},
    {"DELETE /v1/ticks/A", FROM_APP, NULL, 405, true},
    {"BREW /v1/ticks/A", FROM_APP, NULL, 501, true},
    {"GET /v1/products", FROM_APP "If-None-Match: *\r\n", NULL, 304, true},
    {"OPTIONS /v1/products", FROM_APP, NULL, 204, true},
    {INGEST, FROM_APP JSON, "{}", 200, true},
    {INGEST, FROM_APP, "{}", 415, true},
    {"OPTIONS /nothing", FROM_APP ASKS_TO_POST, NULL, 404, true},
    {"GET /v1/products", "", NULL, 200, false},
    {"GET /v1/products", FROM_ELSEWHERE, NULL, 200, false},
    {INGEST, FROM_ELSEWHERE JSON, "{}", 200, false},
    {"GET /v1/products", "Origin: null\r\n", NULL, 200, false},
    {"GET /v1/products", "Origin: https://APP.example.com\r\n", NULL, 200, false},
    {"GET /v1/products", "Origin: " APP ".evil.example\r\n", NULL, 200, false},
    {"GET /v1/products", "Origin: http://app.example.com\r\n", NULL, 200, false},
    {"GET /v1/products", "Origin:\r\n", NULL, 200, false},
    {"GET /v1/products", FROM_APP FROM_ELSEWHERE, NULL, 200, false},
    {"OPTIONS /v1/products", FROM_ELSEWHERE, NULL, 204, false},
    {"OPTIONS /v1/products", FROM_ELSEWHERE ASKS_TO_POST, NULL, 403, false},
    {"OPTIONS /v1/products", "Origin: null\r\n" ASKS_TO_POST, NULL, 403, false},
    {"OPTIONS /v1/products", "Origin:\r\n" ASKS_TO_POST, NULL, 403, false},
    {"OPTIONS /v1/products", FROM_APP FROM_APP ASKS_TO_POST, NULL, 403, false},
};

static void only_pages_of_listed_origins_may_read_replies(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct http_client_reply reply = ask(*state, row->request, row->fields, row->body);
        if (reply.status != row->status || has_any(&reply) != row->is_told ||
            strstr(reply.head, "\r\nVary: Origin\r\n") == NULL ||
            strstr(reply.head, "*\r\n") != NULL) {
            fail_msg("%s %s: %s", row->request, row->fields, reply.head);
        }
        http_reply_free(&reply);
    }
}

static void a_forbidden_origin_is_a_problem(void **state)
{
    struct http_client_reply reply =
        ask(*state, "OPTIONS /v1/products", FROM_ELSEWHERE ASKS_TO_POST, NULL);
    assert_non_null(strstr(reply.body, "\"error_code\":\"forbidden_origin\""));
    assert_non_null(strstr(reply.body, "{\"header\":\"Origin\""));
    http_reply_free(&reply);
}

static void a_page_may_read_the_fields_that_mean_something_here(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /v1/products", FROM_APP, NULL);
    const char *exposed = strstr(reply.head, "\r\nAccess-Control-Expose-Headers: ");
    assert_non_null(exposed);
    assert_non_null(strstr(exposed, "ETag, Retry-After, Server-Timing"));
    assert_non_null(strstr(exposed, "X-Request-Id\r\n"));
    http_reply_free(&reply);
}

static void both_reasons_to_vary_are_one_field(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /v1/ticks/PAGE?limit=100", FROM_APP, NULL);
    expect_field(&reply, "Vary: Accept-Encoding, Origin");
    http_reply_free(&reply);
}

static void what_the_sign_lets_in_gets_no_credentials(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /v1/products", FROM_ELSEWHERE, NULL);
    expect_field(&reply, "Access-Control-Allow-Origin: *");
    assert_null(strstr(reply.head, "Credentials"));
    http_reply_free(&reply);
    reply = ask(*state, "OPTIONS /v1/products", FROM_ELSEWHERE ASKS_TO_POST, NULL);
    assert_int_equal(reply.status, 204);
    expect_field(&reply, "Access-Control-Allow-Origin: *");
    http_reply_free(&reply);
    reply = ask(*state, "GET /v1/products", FROM_APP, NULL);
    expect_field(&reply, "Access-Control-Allow-Origin: " APP);
    expect_field(&reply, "Access-Control-Allow-Credentials: true");
    http_reply_free(&reply);
}

static void without_the_setting_nothing_is_said_of_origins(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /v1/products", FROM_APP, NULL);
    assert_false(has_any(&reply));
    assert_null(strstr(reply.head, "\r\nVary: "));
    http_reply_free(&reply);
    reply = ask(*state, "OPTIONS /v1/products", FROM_APP ASKS_TO_POST, NULL);
    assert_int_equal(reply.status, 204);
    assert_false(has_any(&reply));
    http_reply_free(&reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_origin_is_what_a_browser_sends),
        cmocka_unit_test(without_origins_there_is_no_list),
        TEST(a_preflight_tells_what_the_path_takes),
        TEST(only_pages_of_listed_origins_may_read_replies),
        TEST(a_forbidden_origin_is_a_problem),
        TEST(a_page_may_read_the_fields_that_mean_something_here),
        TEST(both_reasons_to_vary_are_one_field),
        cmocka_unit_test_setup_teardown(what_the_sign_lets_in_gets_no_credentials, setup_for_any,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_the_setting_nothing_is_said_of_origins,
                                        setup_without, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
