#include "ds/json.h"
#include "gateway/transcode.h"
#include "http/target.h"
#include "schema.gen.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* A method that takes a message with nested and repeated fields; no route of ours has one yet. */
static const struct ds_method method = {
    .full_name = "test.Test/Call",
    .request = &ds_message_rpc_request_header,
    .response = &ds_message_rpc_request_header,
    .request_bytes_max = 400,
};

static const struct ds_json_style style = {.proto_names = true, .int64_numbers = true};

struct fixture {
    struct ds_buffer scratch;
    struct ds_buffer wire;
    struct ds_buffer json;
    struct problem problem;
    bool enum_numbers;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    ds_buffer_init(&fixture->scratch, SIZE_MAX);
    ds_buffer_init(&fixture->wire, SIZE_MAX);
    ds_buffer_init(&fixture->json, SIZE_MAX);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ds_buffer_deinit(&fixture->scratch);
    ds_buffer_deinit(&fixture->wire);
    ds_buffer_deinit(&fixture->json);
    free(fixture);
    return 0;
}

/* Splits a path as route_find_in() does. */
static struct route_match match_of(const char *path)
{
    struct route_match match = {.leaf = NULL};
    struct ds_bytes rest = ds_bytes_of_text(path + 1);
    struct ds_bytes segment;
    while (http_list_next(&rest, '/', &segment)) {
        match.segments[match.segment_count++] = segment;
    }
    return match;
}

static bool transcode(struct fixture *fixture, const struct route_binding *binding,
                      const char *path, const char *query, const char *body)
{
    const struct route_match match = match_of(path);
    const struct transcode_input input = {.binding = binding,
                                          .match = &match,
                                          .query = ds_bytes_of_text(query),
                                          .body = ds_bytes_of_text(body),
                                          .form = BODY_FORM_JSON};
    return transcode_request(&input, &fixture->scratch, &fixture->wire, &fixture->enum_numbers,
                             &fixture->problem);
}

/* Requires that the request becomes the message that `expected` shows. */
static void becomes(struct fixture *fixture, const struct route_binding *binding, const char *path,
                    const char *query, const char *body, const char *expected)
{
    if (!transcode(fixture, binding, path, query, body)) {
        fail_msg("%s?%s: %s", path, query, fixture->problem.detail);
    }
    ds_buffer_clear(&fixture->json);
    assert_int_equal(ds_wire_to_json(binding->method->request, ds_buffer_bytes(&fixture->wire),
                                     &style, &fixture->json),
                     DS_OK);
    ds_buffer_append_byte(&fixture->json, '\0');
    assert_string_equal((const char *)fixture->json.data, expected);
}

static const struct ds_field *field_of(const struct ds_message *message, const char *name)
{
    return ds_field_by_name(message, name, strlen(name));
}

static void dotted_parameters_fill_nested_messages_once(void **state)
{
    const struct route_binding binding = {.method = &method};
    becomes(*state, &binding, "/a",
            "principal.permissions=a&timeout_ms=5&principal.subject=x+y&method=m&"
            "principal.permissions=b%2Cc",
            "",
            "{\"method\":\"m\",\"timeout_ms\":5,\"principal\":{\"subject\":\"x y\","
            "\"permissions\":[\"a\",\"b,c\"]}}");
    /* One submessage on the wire, not one for each parameter. */
    becomes(*state, &binding, "/a", "principal.subject=x&principal.authenticationMethod=none", "",
            "{\"principal\":{\"subject\":\"x\",\"authentication_method\":\"none\"}}");
    const struct fixture *fixture = *state;
    assert_int_equal(fixture->wire.data[1], fixture->wire.size - 2);
}

static void a_yes_or_no_in_the_query_is_read_in_any_case(void **state)
{
    static const char name[] = "deltastream.storage.v1.Storage/GetPcr";
    const struct route_binding binding = {.method = ds_method_find(name, sizeof name - 1)};
    static const char *const yes[] = {"history=true", "history=True", "history=TRUE"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        becomes(*state, &binding, "/a", yes[i], "", "{\"history\":true}");
    }
    becomes(*state, &binding, "/a", "history=False", "", "{}");
    static const char *const neither[] = {"history=", "history=1", "history=tru", "history=truer"};
    for (size_t i = 0; i < sizeof neither / sizeof neither[0]; i++) {
        struct fixture *fixture = *state;
        assert_false(transcode(fixture, &binding, "/a", neither[i], ""));
        assert_string_equal(fixture->problem.items[0].name, "history");
    }
}

static void a_variable_of_one_segment_is_decoded_whole(void **state)
{
    const struct ds_field *path[] = {field_of(&ds_message_rpc_request_header, "method")};
    const struct route_variable variable = {
        .field_path = path, .field_depth = 1, .segment_first = 1, .segment_count = 1};
    const struct route_binding binding = {
        .method = &method, .variables = &variable, .variable_count = 1};
    becomes(*state, &binding, "/v1/a%2Fb+c%25", "", "", "{\"method\":\"a/b+c%\"}");
}

static void a_variable_of_more_segments_keeps_its_encoded_slashes(void **state)
{
    const struct ds_field *path[] = {field_of(&ds_message_rpc_request_header, "method")};
    struct route_variable variable = {.field_path = path,
                                      .field_depth = 1,
                                      .segment_first = 1,
                                      .segment_count = 2,
                                      .multiple = true};
    const struct route_binding binding = {
        .method = &method, .variables = &variable, .variable_count = 1};
    becomes(*state, &binding, "/v1/a%2fb/c%20d/e", "", "", "{\"method\":\"a%2fb/c d\"}");
    variable.segment_count = 0;
    becomes(*state, &binding, "/v1/a/b/c", "", "", "{\"method\":\"a/b/c\"}");
    /* Zero segments are an empty text. */
    assert_true(transcode(*state, &binding, "/v1", "", ""));
}

static void a_variable_may_fill_a_nested_field(void **state)
{
    const struct ds_field *path[] = {field_of(&ds_message_rpc_request_header, "principal"),
                                     field_of(&ds_message_rpc_principal, "subject")};
    const struct route_variable variable = {
        .field_path = path, .field_depth = 2, .segment_first = 0, .segment_count = 1};
    const struct route_binding binding = {
        .method = &method, .variables = &variable, .variable_count = 1};
    becomes(*state, &binding, "/me", "principal.permissions=a", "",
            "{\"principal\":{\"subject\":\"me\",\"permissions\":[\"a\"]}}");
    struct fixture *fixture = *state;
    assert_false(transcode(fixture, &binding, "/me", "principal.subject=you", ""));
    assert_int_equal(fixture->problem.reason, DS_REASON(INVALID_REQUEST));
    assert_string_equal(fixture->problem.items[0].name, "principal.subject");
}

static void parameters_that_are_no_fields_are_refused_by_name(void **state)
{
    static const char *const queries[] = {
        "nothing=1",  "principal=x",          "principal.x=1", "method.x=1",
        "metadata=1", "metadata.key=1",       "principal.=1",  ".method=1",
        "=1",         "principal..subject=1", "Method=1"};
    const struct route_binding binding = {.method = &method};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        assert_false(transcode(fixture, &binding, "/a", queries[i], ""));
        assert_int_equal(fixture->problem.reason, DS_REASON(UNKNOWN_PARAMETER));
        assert_int_equal(fixture->problem.items[0].place, PROBLEM_AT_PARAMETER);
        assert_int_equal(
            strncmp(fixture->problem.items[0].name, queries[i], strcspn(queries[i], "=")), 0);
    }
}

static void a_singular_field_is_given_once(void **state)
{
    const struct route_binding binding = {.method = &method};
    struct fixture *fixture = *state;
    assert_false(transcode(fixture, &binding, "/a", "attempt=1&attempt=1", ""));
    assert_string_equal(fixture->problem.items[0].name, "attempt");
    /* Both name styles mean one field. */
    assert_false(transcode(fixture, &binding, "/a", "timeout_ms=1&timeoutMs=1", ""));
    assert_string_equal(fixture->problem.items[0].name, "timeoutMs");
}

static void a_query_of_too_many_parameters_is_refused(void **state)
{
    const struct route_binding binding = {.method = &method};
    struct fixture *fixture = *state;
    char query[TRANSCODE_PARAMETERS_MAX * 32 + 64] = "";
    for (int i = 0; i < TRANSCODE_PARAMETERS_MAX; i++) {
        strcat(query, "principal.permissions=a&");
    }
    assert_true(transcode(fixture, &binding, "/a", query, ""));
    strcat(query, "principal.permissions=a");
    assert_false(transcode(fixture, &binding, "/a", query, ""));
    assert_int_equal(fixture->problem.reason, DS_REASON(INVALID_REQUEST));
}

static void a_body_may_fill_one_field_and_the_query_the_rest(void **state)
{
    const struct route_binding binding = {
        .method = &method,
        .body = ROUTE_BODY_FIELD,
        .body_field = field_of(&ds_message_rpc_request_header, "principal"),
    };
    becomes(*state, &binding, "/a", "attempt=2", "{\"subject\":\"s\"}",
            "{\"attempt\":2,\"principal\":{\"subject\":\"s\"}}");
    struct fixture *fixture = *state;
    assert_false(transcode(fixture, &binding, "/a", "principal.subject=x", "{}"));
    assert_int_equal(fixture->problem.reason, DS_REASON(UNKNOWN_PARAMETER));
}

static void the_body_may_repeat_the_path_but_not_contradict_it(void **state)
{
    const struct ds_field *path[] = {field_of(&ds_message_rpc_request_header, "method")};
    const struct route_variable variable = {
        .field_path = path, .field_depth = 1, .segment_first = 0, .segment_count = 1};
    const struct route_binding binding = {
        .method = &method, .variables = &variable, .variable_count = 1, .body = ROUTE_BODY_WHOLE};
    becomes(*state, &binding, "/path", "", "{\"method\":\"path\",\"attempt\":1}",
            "{\"method\":\"path\",\"attempt\":1}");
    struct fixture *fixture = *state;
    assert_false(transcode(fixture, &binding, "/path", "", "{\"method\":\"body\",\"attempt\":1}"));
    assert_string_equal(fixture->problem.detail,
                        "method and /method of the body: the path and the body give different "
                        "values; leave it out of the body");
}

static void a_request_beyond_the_methods_size_is_refused(void **state)
{
    const struct route_binding binding = {.method = &method};
    struct fixture *fixture = *state;
    char query[512] = "method=";
    memset(query + 7, 'x', 450);
    query[457] = '\0';
    assert_false(transcode(fixture, &binding, "/a", query, ""));
    assert_int_equal(fixture->problem.reason, DS_REASON(REQUEST_TOO_LARGE));
}

static void a_reply_may_be_one_field_of_the_response(void **state)
{
    struct fixture *fixture = *state;
    const struct route_binding binding = {
        .method = &method,
        .response_field = field_of(&ds_message_rpc_request_header, "principal"),
    };
    static const char wire[] = "\x12\x01m\x72\x03\x0a\x01"
                               "a\x72\x03\x12\x01"
                               "b";
    assert_int_equal(
        transcode_response(&binding, ds_bytes_of(wire, sizeof wire - 1), &style, &fixture->json),
        DS_OK);
    assert_true(ds_bytes_equal_text(ds_buffer_bytes(&fixture->json),
                                    "{\"subject\":\"a\",\"authentication_method\":\"b\"}"));
}

/* Requires the refusal of the body, in these words. */
static void is_refused(struct fixture *fixture, const struct route_binding *binding,
                       const char *path, const char *body, const char *detail)
{
    assert_false(transcode(fixture, binding, path, "", body));
    assert_string_equal(fixture->problem.detail, detail);
}

static void an_empty_body_is_refused_with_what_would_do(void **state)
{
    static const struct {
        const char *field;
        const char *detail;
    } table[] = {
        {"principal", "the body is empty: send a JSON object"},
        {"metadata", "the body is empty: send a JSON array"},
        {"method", "the body is empty: send a JSON value"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct route_binding binding = {
            .method = &method,
            .body = ROUTE_BODY_FIELD,
            .body_field = field_of(&ds_message_rpc_request_header, table[i].field)};
        is_refused(*state, &binding, "/a", " \r\n", table[i].detail);
    }
    const struct ds_field field = {.name = "id",
                                   .json_name = "id",
                                   .name_bytes = 2,
                                   .json_name_bytes = 2,
                                   .kind = DS_KIND_STRING,
                                   .number = 1,
                                   .oneof = -1};
    const struct ds_message only_id = {.full_name = "test.Id", .fields = &field, .field_count = 1};
    const struct ds_method run = {.full_name = "test.Test/Run",
                                  .request = &only_id,
                                  .response = &only_id,
                                  .request_bytes_max = 400};
    const struct ds_field *path[] = {&field};
    const struct route_variable variable = {
        .field_path = path, .field_depth = 1, .segment_first = 0, .segment_count = 1};
    struct route_binding binding = {.method = &run, .body = ROUTE_BODY_WHOLE};
    is_refused(*state, &binding, "/a", "", "the body is empty: send a JSON object");
    binding.variables = &variable;
    binding.variable_count = 1;
    is_refused(*state, &binding, "/a", "",
               "the body is empty: send {}, as the path gives all that this request has");
    becomes(*state, &binding, "/a", "", "{}", "{\"id\":\"a\"}");
}

static void a_mask_counts_towards_the_size_of_the_request(void **state)
{
    static const struct ds_field paths = {.name = "paths",
                                          .json_name = "paths",
                                          .name_bytes = 5,
                                          .json_name_bytes = 5,
                                          .kind = DS_KIND_STRING,
                                          .flags = DS_FIELD_REPEATED,
                                          .number = 1,
                                          .oneof = -1};
    static const struct ds_message field_mask = {.full_name = "google.protobuf.FieldMask",
                                                 .fields = &paths,
                                                 .field_count = 1,
                                                 .wellknown = DS_WELLKNOWN_FIELD_MASK};
    static const struct ds_field fields[] = {
        {.name = "book",
         .json_name = "book",
         .name_bytes = 4,
         .json_name_bytes = 4,
         .kind = DS_KIND_MESSAGE,
         .flags = DS_FIELD_PRESENCE,
         .number = 1,
         .oneof = -1,
         .message = &ds_message_rpc_principal},
        {.name = "update_mask",
         .json_name = "updateMask",
         .name_bytes = 11,
         .json_name_bytes = 10,
         .kind = DS_KIND_MESSAGE,
         .flags = DS_FIELD_PRESENCE,
         .number = 2,
         .oneof = -1,
         .message = &field_mask},
    };
    static const struct ds_message request = {
        .full_name = "test.Update", .fields = fields, .field_count = 2};
    struct ds_method update = {.full_name = "test.Test/Update", .request = &request};
    const struct route_binding binding = {.method = &update,
                                          .body = ROUTE_BODY_FIELD,
                                          .body_field = &fields[0],
                                          .mask_field = &fields[1],
                                          .http_method = HTTP_METHOD_PATCH};
    static const char body[] = "{\"subject\":\"s\",\"authenticationMethod\":null}";
    struct fixture *fixture = *state;
    update.request_bytes_max = 100;
    becomes(fixture, &binding, "/a", "", body,
            "{\"book\":{\"subject\":\"s\"},\"update_mask\":\"subject,authenticationMethod\"}");
    const uint32_t size = (uint32_t)fixture->wire.size;
    update.request_bytes_max = size;
    assert_true(transcode(fixture, &binding, "/a", "", body));
    for (uint32_t less = 1; less < size; less++) {
        ds_buffer_deinit(&fixture->wire); /* What has capacity may be filled beyond the limit. */
        update.request_bytes_max = size - less;
        assert_false(transcode(fixture, &binding, "/a", "", body));
        assert_int_equal(fixture->problem.reason, DS_REASON(REQUEST_TOO_LARGE));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dotted_parameters_fill_nested_messages_once),
        TEST(a_yes_or_no_in_the_query_is_read_in_any_case),
        TEST(a_variable_of_one_segment_is_decoded_whole),
        TEST(a_variable_of_more_segments_keeps_its_encoded_slashes),
        TEST(a_variable_may_fill_a_nested_field),
        TEST(parameters_that_are_no_fields_are_refused_by_name),
        TEST(a_singular_field_is_given_once),
        TEST(a_query_of_too_many_parameters_is_refused),
        TEST(a_body_may_fill_one_field_and_the_query_the_rest),
        TEST(the_body_may_repeat_the_path_but_not_contradict_it),
        TEST(a_request_beyond_the_methods_size_is_refused),
        TEST(a_reply_may_be_one_field_of_the_response),
        TEST(an_empty_body_is_refused_with_what_would_do),
        TEST(a_mask_counts_towards_the_size_of_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
