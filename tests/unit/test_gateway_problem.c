#include "ds/wire.h"
#include "gateway/negotiate.h"
#include "gateway/problem.h"
#include "support/request_with.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* The body of a problem under a profile, in a static place that the next call overwrites. */
static const char *written(const struct problem *problem, enum route_profile profile)
{
    static char text[4096];
    struct ds_buffer json;
    ds_buffer_init(&json, sizeof text - 1);
    problem_write(problem, profile_of(profile), "id-1", &json);
    assert_false(json.overflow);
    memcpy(text, json.data, json.size);
    text[json.size] = '\0';
    ds_buffer_deinit(&json);
    return text;
}

static void each_profile_has_its_own_order_of_members(void **state)
{
    (void)state;
    struct problem problem;
    problem_set(&problem, DS_REASON(UNKNOWN_PARAMETER), "x: no \"such\" thing");
    struct problem_item *item =
        problem_add(&problem, PROBLEM_AT_PARAMETER, ds_bytes_of_text("x"), "what?");
    item->has_offset = true;
    item->offset = 3;
    assert_string_equal(
        written(&problem, ROUTE_PROFILE_CANONICAL),
        "{\"type\":\"/problems/unknown_parameter\",\"title\":\"Unknown parameter\",\"status\":400,"
        "\"detail\":\"x: no \\\"such\\\" thing\",\"error_code\":\"unknown_parameter\","
        "\"error\":\"x: no \\\"such\\\" thing\",\"request_id\":\"id-1\","
        "\"errors\":[{\"parameter\":\"x\",\"detail\":\"what?\",\"offset\":3}]}");
    assert_string_equal(
        written(&problem, ROUTE_PROFILE_T),
        "{\"error\":\"x: no \\\"such\\\" thing\",\"type\":\"/problems/unknown_parameter\","
        "\"title\":\"Unknown parameter\",\"status\":400,\"detail\":\"x: no \\\"such\\\" thing\","
        "\"error_code\":\"unknown_parameter\",\"request_id\":\"id-1\","
        "\"errors\":[{\"parameter\":\"x\",\"detail\":\"what?\",\"offset\":3}]}");
    assert_string_equal(
        written(&problem, ROUTE_PROFILE_P),
        "{\"detail\":\"x: no \\\"such\\\" thing\",\"error_code\":\"UNKNOWN_PARAMETER\","
        "\"type\":\"/problems/unknown_parameter\",\"title\":\"Unknown parameter\",\"status\":422,"
        "\"error\":\"x: no \\\"such\\\" thing\",\"request_id\":\"id-1\","
        "\"errors\":[{\"parameter\":\"x\",\"detail\":\"what?\",\"offset\":3}]}");
}

static void a_reason_decides_the_status_else_the_code(void **state)
{
    (void)state;
    static const struct {
        enum route_profile profile;
        ds_reason reason;
        ds_code code;
        unsigned int status;
    } rows[] = {
        {ROUTE_PROFILE_CANONICAL, DS_REASON(STORE_FULL), DS_RESOURCE_EXHAUSTED, 507},
        {ROUTE_PROFILE_T, DS_REASON(RATE_LIMITED), DS_RESOURCE_EXHAUSTED, 429},
        {ROUTE_PROFILE_CANONICAL, DS_REASON(REASON_UNSPECIFIED), DS_UNAVAILABLE, 503},
        {ROUTE_PROFILE_CANONICAL, DS_REASON(REASON_UNSPECIFIED), DS_INVALID_ARGUMENT, 400},
        {ROUTE_PROFILE_P, DS_REASON(REASON_UNSPECIFIED), DS_INVALID_ARGUMENT, 422},
        {ROUTE_PROFILE_P, DS_REASON(INVALID_JSON), DS_INVALID_ARGUMENT, 422},
        {ROUTE_PROFILE_U, DS_REASON(INVALID_JSON), DS_INVALID_ARGUMENT, 400},
        {ROUTE_PROFILE_U, DS_REASON(INVALID_REQUEST), DS_INVALID_ARGUMENT, 422},
        {ROUTE_PROFILE_T, DS_REASON(INVALID_PAGE_TOKEN), DS_INVALID_ARGUMENT, 400},
        {ROUTE_PROFILE_T, DS_REASON(REASON_UNSPECIFIED), DS_DEADLINE_EXCEEDED, 504},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(profile_status(profile_of(rows[i].profile), rows[i].reason, rows[i].code),
                         rows[i].status);
    }
}

static void a_code_without_a_reason_names_the_error(void **state)
{
    (void)state;
    struct problem problem;
    problem_set(&problem, DS_REASON(REASON_UNSPECIFIED), "gone");
    problem.code = DS_DATA_LOSS;
    assert_non_null(strstr(written(&problem, ROUTE_PROFILE_CANONICAL),
                           "\"type\":\"/problems/data_loss\",\"title\":\"Data loss\","
                           "\"status\":500,\"detail\":\"gone\",\"error_code\":\"data_loss\""));
}

static void long_texts_are_cut_and_too_many_places_left_out(void **state)
{
    (void)state;
    struct problem problem;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    problem_set(&problem, DS_REASON(INVALID_REQUEST), "%s", text);
    assert_int_equal(strlen(problem.detail), PROBLEM_DETAIL_BYTES - 1);
    for (size_t i = 0; i < PROBLEM_ITEMS_MAX; i++) {
        assert_non_null(problem_add(&problem, PROBLEM_AT_POINTER, ds_bytes_of_text(text), text));
    }
    assert_null(problem_add(&problem, PROBLEM_AT_POINTER, ds_bytes_of_text("x"), "x"));
    assert_int_equal(problem.item_count, PROBLEM_ITEMS_MAX);
}

static void put_any(struct ds_buffer *status, const char *type, struct ds_bytes value)
{
    struct ds_buffer any;
    ds_buffer_init(&any, SIZE_MAX);
    ds_wire_write_bytes_field(&any, 1, ds_bytes_of_text(type));
    ds_wire_write_bytes_field(&any, 2, value);
    ds_wire_write_bytes_field(status, 3, ds_buffer_bytes(&any));
    ds_buffer_deinit(&any);
}

#define BYTES(text) ds_bytes_of(text, sizeof text - 1)

static void the_details_of_a_call_become_reason_places_and_time(void **state)
{
    (void)state;
    struct ds_buffer status;
    struct problem problem;
    ds_buffer_init(&status, SIZE_MAX);
    /* ErrorInfo {reason, domain}, BadRequest {{field, description}}, RetryInfo {1.5 s}. */
    put_any(&status, "type.googleapis.com/google.rpc.ErrorInfo",
            BYTES("\x0a\x0aSTORE_FULL\x12\x0b"
                  "deltastream"));
    put_any(&status, "type.googleapis.com/google.rpc.BadRequest",
            BYTES("\x0a\x15\x0a\x0eticks[3].price\x12\x03"
                  "low"));
    put_any(&status, "type.googleapis.com/google.rpc.RetryInfo",
            BYTES("\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01"));
    struct ds_client_call call = {.code = DS_RESOURCE_EXHAUSTED,
                                  .message = "no room",
                                  .status_details = ds_buffer_bytes(&status)};
    const struct route_binding whole = {.body = ROUTE_BODY_WHOLE};
    problem_of_call(&problem, &call, &whole);
    assert_int_equal(problem.reason, DS_REASON(STORE_FULL));
    assert_string_equal(problem.detail, "no room");
    assert_int_equal(problem.retry_after_ms, 1500);
    assert_int_equal(problem.item_count, 1);
    assert_int_equal(problem.items[0].place, PROBLEM_AT_POINTER);
    assert_string_equal(problem.items[0].name, "/ticks/3/price");
    assert_string_equal(problem.items[0].detail, "low");
    problem_of_call(&problem, &call, NULL);
    assert_int_equal(problem.items[0].place, PROBLEM_AT_PARAMETER);
    assert_string_equal(problem.items[0].name, "ticks[3].price");
    ds_buffer_deinit(&status);
}

/* A call that failed for that field of its request. */
static void fail_of(struct problem *problem, const char *field, const struct route_binding *binding)
{
    struct ds_buffer violation;
    struct ds_buffer request;
    struct ds_buffer status;
    ds_buffer_init(&violation, SIZE_MAX);
    ds_buffer_init(&request, SIZE_MAX);
    ds_buffer_init(&status, SIZE_MAX);
    ds_wire_write_bytes_field(&violation, 1, ds_bytes_of_text(field));
    ds_wire_write_bytes_field(&request, 1, ds_buffer_bytes(&violation));
    put_any(&status, "type.googleapis.com/google.rpc.BadRequest", ds_buffer_bytes(&request));
    const struct ds_client_call call = {
        .code = DS_INVALID_ARGUMENT, .message = "", .status_details = ds_buffer_bytes(&status)};
    problem_of_call(problem, &call, binding);
    ds_buffer_deinit(&violation);
    ds_buffer_deinit(&request);
    ds_buffer_deinit(&status);
}

static void a_field_is_told_where_the_route_takes_it_from(void **state)
{
    (void)state;
    static const struct ds_field book = {.name = "book", .name_bytes = 4};
    static const struct ds_field name = {.name = "name", .name_bytes = 4};
    static const struct ds_field *const nested[] = {&book, &name};
    static const struct ds_field *const flat[] = {&name};
    static const struct route_variable variables[] = {{.field_path = nested, .field_depth = 2},
                                                      {.field_path = flat, .field_depth = 1}};
    static const struct route_binding whole = {
        .body = ROUTE_BODY_WHOLE, .variables = variables, .variable_count = 2};
    static const struct route_binding field = {
        .body = ROUTE_BODY_FIELD, .body_field = &book, .variables = variables, .variable_count = 2};
    static const struct route_binding none = {
        .body = ROUTE_BODY_NONE, .variables = variables, .variable_count = 2};
    static const struct {
        const struct route_binding *binding;
        const char *field;
        enum problem_place place;
        const char *name;
    } table[] = {
        {&whole, "pages[2].text", PROBLEM_AT_POINTER, "/pages/2/text"},
        {&whole, "name", PROBLEM_AT_PARAMETER, "name"},
        {&whole, "names", PROBLEM_AT_POINTER, "/names"},
        {&whole, "book", PROBLEM_AT_POINTER, "/book"},
        {&whole, "book.name", PROBLEM_AT_PARAMETER, "book.name"},
        {&whole, "book.name.x", PROBLEM_AT_POINTER, "/book/name/x"},
        {&field, "book", PROBLEM_AT_POINTER, ""},
        {&field, "book.title", PROBLEM_AT_POINTER, "/title"},
        {&field, "book[1].title", PROBLEM_AT_POINTER, "/1/title"},
        {&field, "book.name", PROBLEM_AT_PARAMETER, "book.name"},
        {&field, "bookish", PROBLEM_AT_PARAMETER, "bookish"},
        {&field, "boo", PROBLEM_AT_PARAMETER, "boo"},
        {&field, "limit", PROBLEM_AT_PARAMETER, "limit"},
        {&none, "book.title", PROBLEM_AT_PARAMETER, "book.title"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct problem problem;
        fail_of(&problem, table[i].field, table[i].binding);
        assert_int_equal(problem.item_count, 1);
        assert_int_equal(problem.items[0].place, table[i].place);
        assert_string_equal(problem.items[0].name, table[i].name);
    }
}

static void damaged_details_are_left_out(void **state)
{
    (void)state;
    static const char *const damaged[] = {"\x0a", "\x1a\x7f", "\x1a\x02\x0a\x05", "\xff\xff"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct problem problem;
        const struct ds_client_call call = {
            .code = DS_UNAVAILABLE, .message = "", .status_details = ds_bytes_of_text(damaged[i])};
        problem_of_call(&problem, &call, NULL);
        assert_int_equal(problem.reason, DS_REASON(REASON_UNSPECIFIED));
        assert_int_equal(problem.item_count, 0);
        assert_true(problem.detail[0] != '\0');
    }
}

static void accept_is_weighed_as_rfc_9110_says(void **state)
{
    (void)state;
    static const struct {
        const char *lines[2];
        bool allowed;
    } rows[] = {
        {{"accept: application/json"}, true},
        {{"accept: Application/JSON; charset=utf-8"}, true},
        {{"accept: */*"}, true},
        {{"accept: application/*;q=0.1"}, true},
        {{"accept: text/html, */*;q=0.1"}, true},
        {{"accept: text/html", "accept: application/json"}, true},
        {{"accept:"}, true},
        {{"accept: ,"}, true},
        {{"accept: text/html"}, false},
        {{"accept: application/jsonx"}, false},
        {{"accept: application/problem+json"}, false},
        {{"accept: application/json;q=0"}, false},
        {{"accept: application/json;q=0.000, */*"}, false},
        {{"accept: */*;q=0"}, false},
        {{"accept: nonsense"}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_request *request =
            request_with(rows[i].lines, rows[i].lines[1] == NULL ? 1 : 2);
        if (negotiate_accepts(request, "application", "json") != rows[i].allowed) {
            fail_msg("%s", rows[i].lines[0]);
        }
        http_request_destroy(request);
    }
}

static void content_types_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int form; /* -1: refused */
    } rows[] = {
        {"content-type: application/json", BODY_FORM_JSON},
        {"content-type: APPLICATION/JSON ; charset=UTF-8", BODY_FORM_JSON},
        {"content-type: application/json;charset=\"utf-8\"", BODY_FORM_JSON},
        {"content-type: application/json; profile=x", BODY_FORM_JSON},
        {"content-type: application/x-ndjson", BODY_FORM_NDJSON},
        {"content-type: application/json; charset=utf-16", -1},
        {"content-type: application/jsonp", -1},
        {"content-type: text/json", -1},
        {"content-type:", -1},
        {"x-other: 1", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_request *request = request_with(&rows[i].line, 1);
        struct problem problem;
        enum body_form form = BODY_FORM_JSON;
        request->has_body = true;
        const bool taken = negotiate_body(request, true, &form, &problem);
        if (taken != (rows[i].form >= 0) || (taken && (int)form != rows[i].form)) {
            fail_msg("%s", rows[i].line);
        }
        assert_true(taken || problem.reason == DS_REASON(UNSUPPORTED_MEDIA_TYPE));
        http_request_destroy(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_profile_has_its_own_order_of_members),
        cmocka_unit_test(a_reason_decides_the_status_else_the_code),
        cmocka_unit_test(a_code_without_a_reason_names_the_error),
        cmocka_unit_test(long_texts_are_cut_and_too_many_places_left_out),
        cmocka_unit_test(the_details_of_a_call_become_reason_places_and_time),
        cmocka_unit_test(a_field_is_told_where_the_route_takes_it_from),
        cmocka_unit_test(damaged_details_are_left_out),
        cmocka_unit_test(accept_is_weighed_as_rfc_9110_says),
        cmocka_unit_test(content_types_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
