/* Requests and their replies through the whole gateway, over real sockets. */
#include "support/gateway_fixture.h"
#include "support/test.h"

static int setup(void **state)
{
    *state = gateway_fixture_start(&fixture_writer);
    return 0;
}

static int teardown(void **state)
{
    gateway_fixture_stop(*state);
    return 0;
}

/* A request that is to fail, and words that its body has. */
struct failure {
    const char *request; /* "METHOD target" */
    const char *fields;
    const char *body;
    int status;
    const char *error_code;
    const char *words;
};

static const struct failure failures[] = {
    {"GET /nothing", "", NULL, 404, "not_found", ""},
    {"GET /v1/ticks", "", NULL, 404, "not_found", ""},
    {"GET /v1/ticks//latest", "", NULL, 404, "not_found", ""},
    {"POST /v1/ticks/A", JSON, "{}", 405, "method_not_allowed", "GET, HEAD, OPTIONS"},
    {"BREW /v1/ticks/A", "", NULL, 501, "not_implemented", "upper case"},
    {"GET /v1/ticks:ingest", "", NULL, 405, "method_not_allowed", "POST, OPTIONS"},
    {"DELETE /health", "", NULL, 405, "method_not_allowed", "GET, HEAD, OPTIONS"},
    {"GET /v1/ticks/A?colour=red", "", NULL, 400, "unknown_parameter", "{\"parameter\":\"colour\""},
    {"GET /v1/ticks/A?limit.x=1", "", NULL, 400, "unknown_parameter", "{\"parameter\":\"limit.x\""},
    {"GET /v1/ticks/A?+limit=1", "", NULL, 400, "unknown_parameter", "{\"parameter\":\" limit\""},
    {"GET /v1/ticks/A?product=B", "", NULL, 400, "invalid_request", "{\"parameter\":\"product\""},
    {"GET /v1/ticks/A?limit=1&limit=2", "", NULL, 400, "invalid_request",
     "{\"parameter\":\"limit\""},
    {"GET /v1/ticks/A?limit=ten", "", NULL, 400, "invalid_request", "{\"parameter\":\"limit\""},
    {"GET /v1/ticks/A?limit=", "", NULL, 400, "invalid_request", "{\"parameter\":\"limit\""},
    {"GET /v1/ticks/A?limit=2147483648", "", NULL, 400, "invalid_request",
     "{\"parameter\":\"limit\""},
    {"GET /v1/ticks/A?start=yesterday", "", NULL, 400, "invalid_request",
     "{\"parameter\":\"start\""},
    {"GET /v1/ticks/A?order=sideways", "", NULL, 400, "invalid_request",
     "{\"parameter\":\"order\""},
    {"GET /v1/ticks/FIELD", "", NULL, 400, "invalid_request",
     "{\"parameter\":\"limit\",\"detail\":\"must be from 1 to 10000\""},
    {"GET /v1/ticks/BUSY", "", NULL, 503, "store_unavailable", "the store does not answer"},
    {"GET /v1/ticks/GONE", "", NULL, 404, "not_found", "no \\\"such\\\" thing"},
    {"GET /v1/ticks/A", "", "{}", 400, "invalid_request", "takes no body"},
    {"GET /health", "", "x", 400, "invalid_request", "takes no body"},
    {"GET /health?x=1", "", NULL, 400, "unknown_parameter", ""},
    {"GET /v1/ticks/A", "Accept: text/html\r\n", NULL, 406, "not_acceptable",
     "{\"header\":\"Accept\""},
    {"GET /metrics", "Accept: application/json\r\n", NULL, 406, "not_acceptable", ""},
    {INGEST, "", "{}", 415, "unsupported_media_type", "{\"header\":\"Content-Type\""},
    {INGEST, "Content-Type: text/plain\r\n", "{}", 415, "unsupported_media_type",
     "application/x-ndjson"},
    {INGEST, "Content-Type: application/json; charset=latin1\r\n", "{}", 415,
     "unsupported_media_type", ""},
    {INGEST, JSON "Content-Encoding: br\r\n", "{}", 415, "unsupported_encoding",
     "{\"header\":\"Content-Encoding\""},
    {INGEST, JSON, NULL, 411, "length_required", "{\"header\":\"Content-Length\""},
    {INGEST, "", NULL, 411, "length_required", ""},
    {INGEST, JSON, "", 400, "invalid_json", "the body is empty: send a JSON object"},
    {INGEST, JSON, "  ", 400, "invalid_json", "the body is empty"},
    {INGEST, NDJSON, "\n\n", 400, "invalid_json", "one JSON object a line"},
    {INGEST, JSON, "{\"ticks\":[", 400, "invalid_json", "\"offset\":"},
    {INGEST, JSON, "[]", 400, "invalid_json", "{\"pointer\":\"\""},
    {INGEST, JSON, "{\"ticks\":[{\"price\":\"x\"}]}", 400, "invalid_json",
     "{\"pointer\":\"/ticks/0/price\""},
    {INGEST, JSON, "{\"ticks\":[{\"colour\":1}]}", 400, "unknown_field",
     "{\"pointer\":\"/ticks/0/colour\""},
    {INGEST, NDJSON, "{\"price\":1}\n\n{\"price\":true}\n", 400, "invalid_json", "\"line\":3"},
    {INGEST, NDJSON, "{\"price\":1}{\"price\":1}\n", 400, "invalid_json", "\"line\":1"},
    {INGEST "?conflict_policy=first", JSON, "{}", 400, "unknown_parameter",
     "{\"parameter\":\"conflict_policy\""},
    {INGEST, JSON, "{\"ticks\":[{\"product\":\"FIELD\"}]}", 400, "invalid_request",
     "{\"pointer\":\"/ticks/0/price\",\"detail\":\"must be there\""},
    {INGEST, JSON "Content-Length: 8388609\r\n", NULL, 413, "request_too_large", "8388608"},
};

static void every_failure_is_a_problem_that_names_its_place(void **state)
{
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        const struct failure *row = &failures[i];
        struct http_client_reply reply = ask(*state, row->request, row->fields, row->body);
        char code[64];
        (void)snprintf(code, sizeof code, "\"error_code\":\"%s\"", row->error_code);
        if (reply.status != row->status || strstr(reply.body, code) == NULL ||
            strstr(reply.body, row->words) == NULL ||
            strstr(reply.head, "\r\nContent-Type: application/problem+json\r\n") == NULL ||
            strstr(reply.body, "\"request_id\":\"") == NULL) {
            fail_msg("%s: %s%s", row->request, reply.head, reply.body);
        }
        http_reply_free(&reply);
    }
}

/* Keys that are none, as the field's value. */
static const char *const bad_keys[] = {
    "",
    " ",
    "\"\"",
    "\"abc",
    "\"abc\"x",
    "\"abc\";a=1",
    "abc;a=1",
    "abc, def",
    "abc def",
    "a\"b",
    "\"a\\b\"",
    "\"a\\",
    "\"a\tb\"",
    "\"\xc3\xa9\"",
    "\xc3\xa9",
    "x\r\nIdempotency-Key: y",
    "0123456789012345678901234567890123456789012345678901234567890123x",
    "\"0123456789012345678901234567890123456789012345678901234567890123x\"",
};

static void a_key_that_is_none_is_refused_before_anything_is_done(void **state)
{
    struct gateway_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof bad_keys / sizeof bad_keys[0]; i++) {
        char fields[256];
        (void)snprintf(fields, sizeof fields, JSON "Idempotency-Key: %s\r\n", bad_keys[i]);
        struct http_client_reply reply =
            ask(fixture, INGEST, fields, "{\"ticks\":[{\"product\":\"COUNT\"}]}");
        if (reply.status != 400 ||
            strstr(reply.body, "\"error_code\":\"idempotency_key_invalid\"") == NULL ||
            strstr(reply.body, "{\"header\":\"Idempotency-Key\"") == NULL) {
            fail_msg("%s: %s", bad_keys[i], reply.body);
        }
        http_reply_free(&reply);
    }
    assert_int_equal(atomic_load(&fixture->counted), 0);
    /* A method without side effects pays no heed to it. */
    struct http_client_reply reply =
        ask(fixture, "GET /v1/products", "Idempotency-Key: \"\r\n", NULL);
    assert_int_equal(reply.status, 200);
    http_reply_free(&reply);
}

/* Ingests with that key; returns the number that the call of the service was, or -status. */
static int count_with(const struct gateway_fixture *fixture, const char *key, const char *product)
{
    char fields[256];
    char body[128];
    int accepted = 0;
    (void)snprintf(fields, sizeof fields, JSON "Idempotency-Key: %s\r\n", key);
    (void)snprintf(body, sizeof body, "{\"ticks\":[{\"product\":\"COUNT\"},{\"product\":\"%s\"}]}",
                   product);
    struct http_client_reply reply = ask(fixture, INGEST, fields, body);
    if (reply.status != 200) {
        accepted = -reply.status;
    } else {
        assert_int_equal(sscanf(reply.body, "{\"accepted\":%d", &accepted), 1);
    }
    http_reply_free(&reply);
    return accepted;
}

static void a_request_made_again_with_its_key_gets_the_first_reply(void **state)
{
    assert_int_equal(count_with(*state, "8e03978e-40d5-43dd-bc93-6894a57f9324", "A"), 1);
    assert_int_equal(count_with(*state, "other", "A"), 2);
    assert_int_equal(count_with(*state, "8e03978e-40d5-43dd-bc93-6894a57f9324", "A"), 1);
    /* In quotes it is the same key. */
    assert_int_equal(count_with(*state, "\"other\"", "A"), 2);
    assert_int_equal(count_with(*state, "\"with \\\"quotes\\\" \\\\\"", "A"), 3);
    assert_int_equal(count_with(*state, "\"with \\\"quotes\\\" \\\\\"", "A"), 3);
    assert_int_equal(
        count_with(*state, "0123456789012345678901234567890123456789012345678901234567890123", "A"),
        4);
    /* Another request under it is none. */
    assert_int_equal(count_with(*state, "other", "B"), -422);
    assert_int_equal(atomic_load(&((struct gateway_fixture *)*state)->counted), 4);
}

static void a_405_lists_what_the_path_takes(void **state)
{
    struct http_client_reply reply = ask(*state, "DELETE /v1/ticks/A", "", NULL);
    assert_non_null(strstr(reply.head, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
    http_reply_free(&reply);
    reply = ask(*state, "OPTIONS /v1/ticks:ingest", "", NULL);
    assert_int_equal(reply.status, 204);
    assert_non_null(strstr(reply.head, "\r\nAllow: POST, OPTIONS\r\n"));
    assert_null(strstr(reply.head, "Content-Length"));
    http_reply_free(&reply);
    reply = ask(*state, "OPTIONS *", "", NULL);
    assert_int_equal(reply.status, 204);
    http_reply_free(&reply);
}

static void a_failure_says_when_to_try_again(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /v1/ticks/BUSY", "", NULL);
    assert_non_null(strstr(reply.head, "\r\nRetry-After: 2\r\n"));
    http_reply_free(&reply);
}

static void a_parsers_refusal_is_a_problem_too(void **state)
{
    const struct gateway_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc\r\nHost: b\r\n\r\n");
    http_expect(client, 400,
                "{\"type\":\"/problems/invalid_request\",\"title\":\"Invalid request\","
                "\"status\":400,\"detail\":\"there is more than one Host field\","
                "\"error_code\":\"invalid_request\","
                "\"error\":\"there is more than one Host field\",\"request_id\":\"abc\","
                "\"errors\":[]}");
    assert_true(http_at_end(client));
    close(client);
}

static void the_canonical_routes_write_protobufs_names_and_rfc3339(void **state)
{
    get(*state, "/v1/ticks/A/latest", 200,
        "{\"product\":\"A\",\"price\":1,\"timestamp\":\"2025-01-25T09:59:59.123456Z\","
        "\"volume\":\"9007199254740993\",\"open\":1e+300}");
}

static void profile_t_writes_whole_rows_isoformat_and_fractions(void **state)
{
    get(*state, "/underlying/TICKS", 200,
        "{\"product\":\"TICKS\",\"count\":1,\"ticks\":["
        "{\"product\":\"TICKS\",\"price\":21500.0,\"timestamp\":\"2025-01-25T10:00:00\","
        "\"tick_id\":7,\"processed_at\":\"2025-01-25T10:00:00.500000\",\"open\":0.1}]}");
}

static void profile_t_puts_the_error_first(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /underlying/A?limit=x", "", NULL);
    assert_int_equal(reply.status, 400);
    assert_int_equal(strncmp(reply.body, "{\"error\":\"limit: ", 17), 0);
    http_reply_free(&reply);
    reply = ask(*state, "PUT /underlying/A", "", NULL);
    assert_int_equal(reply.status, 405);
    assert_int_equal(strncmp(reply.body, "{\"error\":\"", 10), 0);
    http_reply_free(&reply);
}

static void path_and_query_arrive_decoded(void **state)
{
    get(*state, "/v1/ticks/A", 200,
        "{\"product\":\"A|-1|-1|-1|0|\",\"count\":0,\"ticks\":[],\"next_page_token\":\"\"}");
    get(*state,
        "/v1/ticks/"
        "A%2FB%20c?start=2025-01-25&end=2025-01-25+10:00&limit=5&order=asc&page_token=%41b+",
        200,
        "{\"product\":\"A/B c|1737763200|1737799200|5|2|Ab \",\"count\":0,\"ticks\":[],"
        "\"next_page_token\":\"\"}");
    get(*state, "/v1/ticks/A?order=ORDER_DESC&&pageToken=x&start=2025-01-25T00:00:00%2B01:00", 200,
        "{\"product\":\"A|1737759600|-1|-1|1|x\",\"count\":0,\"ticks\":[],"
        "\"next_page_token\":\"\"}");
}

static void head_is_get_without_the_body(void **state)
{
    struct http_client_reply reply = ask(*state, "HEAD /v1/products", "", NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "\r\nContent-Length: 22\r\n"));
    http_reply_free(&reply);
}

static void rows_come_as_one_object_or_one_a_line(void **state)
{
    static const char accepted_two[] =
        "{\"accepted\":2,\"duplicate\":0,\"late\":0,\"rejected\":[]}";
    struct http_client_reply reply =
        ask(*state, INGEST, JSON, "{\"ticks\":[{\"product\":\"A\"},{\"product\":\"B\"}]}");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, accepted_two);
    http_reply_free(&reply);
    reply = ask(*state, INGEST, "Content-Type: Application/X-NDJSON; charset=\"UTF-8\"\r\n",
                "{\"product\":\"A\",\"price\":1}\r\n\n \t\n{\"product\":\"B\"}");
    assert_string_equal(reply.body, accepted_two);
    http_reply_free(&reply);
}

static void a_usable_request_id_comes_back(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /", "X-Request-Id: my-id.1\r\n", NULL);
    assert_non_null(strstr(reply.head, "\r\nX-Request-Id: my-id.1\r\n"));
    http_reply_free(&reply);
    reply = ask(*state, "GET /", "X-Request-Id: has a blank\r\n", NULL);
    const char *id = strstr(reply.head, "\r\nX-Request-Id: ");
    assert_non_null(id);
    assert_null(strstr(reply.head, "blank"));
    assert_int_equal(strcspn(id + 16, "\r"), 32);
    http_reply_free(&reply);
}

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define TRACEPARENT "traceparent: 00-" TRACE_ID "-b7ad6b7169203331-01\r\n"
/* Where the parts of a reply to the product TRACE begin. */
#define TRACE_AT (sizeof "{\"product\":\"" - 1)
#define STATE_AT (TRACE_AT + 55 + 1)

/* A request with those fields arrives in the trace TRACE_ID, or else in another one, with that
 * tracestate. */
static void expect_trace(const struct gateway_fixture *fixture, const char *fields, bool goes_on,
                         const char *tracestate)
{
    char wanted[128];
    struct http_client_reply reply = ask(fixture, "GET /v1/ticks/TRACE", fields, NULL);
    assert_int_equal(reply.status, 200);
    assert_int_equal(strncmp(reply.body + TRACE_AT, "00-" TRACE_ID "-", 36) == 0, goes_on);
    assert_int_equal(strncmp(reply.body + TRACE_AT + 52, goes_on ? "-01|" : "-00|", 4), 0);
    (void)snprintf(wanted, sizeof wanted, "%s\",\"count\"", tracestate);
    assert_int_equal(strncmp(reply.body + STATE_AT, wanted, strlen(wanted)), 0);
    http_reply_free(&reply);
}

static void a_trace_goes_on_in_the_service(void **state)
{
    expect_trace(*state, TRACEPARENT, true, "");
    expect_trace(*state, TRACEPARENT "tracestate: a=1,b=2\r\nTraceState: c=3\r\n", true,
                 "a=1,b=2,c=3");
    expect_trace(*state, TRACEPARENT "tracestate: a=1,b=2\r\ntracestate: a=3\r\n", true, "");
    expect_trace(*state, TRACEPARENT "tracestate: A=1\r\n", true, "");
}

static void without_one_usable_traceparent_a_trace_begins_and_drops_the_state(void **state)
{
    expect_trace(*state, "", false, "");
    expect_trace(*state, "tracestate: a=1\r\n", false, "");
    expect_trace(*state, TRACEPARENT TRACEPARENT "tracestate: a=1\r\n", false, "");
    expect_trace(*state, "traceparent: 00-" TRACE_ID "-b7ad6b7169203331\r\ntracestate: a=1\r\n",
                 false, "");
    expect_trace(*state, "traceparent: 00-" TRACE_ID "-B7AD6B7169203331-01\r\n", false, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_failure_is_a_problem_that_names_its_place),
        TEST(a_key_that_is_none_is_refused_before_anything_is_done),
        TEST(a_request_made_again_with_its_key_gets_the_first_reply),
        TEST(a_405_lists_what_the_path_takes),
        TEST(a_failure_says_when_to_try_again),
        TEST(a_parsers_refusal_is_a_problem_too),
        TEST(the_canonical_routes_write_protobufs_names_and_rfc3339),
        TEST(profile_t_writes_whole_rows_isoformat_and_fractions),
        TEST(profile_t_puts_the_error_first),
        TEST(path_and_query_arrive_decoded),
        TEST(head_is_get_without_the_body),
        TEST(rows_come_as_one_object_or_one_a_line),
        TEST(a_usable_request_id_comes_back),
        TEST(a_trace_goes_on_in_the_service),
        TEST(without_one_usable_traceparent_a_trace_begins_and_drops_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
