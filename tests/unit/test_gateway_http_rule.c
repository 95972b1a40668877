/* google/api/http.proto row by row: gateway_http_rule_rows.h, on the routes of http_rule/. */
#include "ds/json.h"
#include "ds/wire_check.h"
#include "gateway/transcode.h"
#include "gateway_http_rule_rows.h"
#include "http/target.h"
#include "schema.gen.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

extern const struct route_node http_rule_route_nodes[];
extern const struct route_binding http_rule_route_bindings[];
extern const size_t http_rule_route_binding_count;
extern const struct ds_message *const http_rule_ds_messages[];
extern const size_t http_rule_ds_message_count;

static const struct ds_message *find_type(const void *context, struct ds_bytes full_name)
{
    (void)context;
    return ds_message_find_among(http_rule_ds_messages, http_rule_ds_message_count,
                                 (const char *)full_name.data, full_name.size);
}

static const struct ds_json_types types = {.find = find_type};
static const struct ds_json_style style = {
    .proto_names = true, .int64_numbers = true, .types = &types};

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
    assert_non_null(fixture);
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

/* The route of the row's request; NULL where there is none. */
static const struct route_binding *route(const struct http_rule_row *row,
                                         struct http_request *request, struct route_match *match)
{
    request->method_text = ds_bytes_of_text(row->method);
    request->method = (uint8_t)http_method_of(request->method_text);
    const char *fault = http_target_read(request, ds_bytes_of_text(row->target));
    if (fault != NULL) {
        fail_msg("%s: %s", row->target, fault);
    }
    return route_find_in(http_rule_route_nodes, request->path, match)
               ? match->leaf->bindings[request->method]
               : NULL;
}

static bool transcode(struct fixture *fixture, const struct http_rule_row *row,
                      const struct route_binding *binding, const struct route_match *match,
                      const struct http_request *request)
{
    const struct transcode_input input = {
        .binding = binding,
        .match = match,
        .query = request->query,
        .body = row->body == NULL ? (struct ds_bytes){0} : ds_bytes_of_text(row->body),
        .form = BODY_FORM_JSON,
        .types = &types,
    };
    fixture->enum_numbers = false;
    return transcode_request(&input, &fixture->scratch, &fixture->wire, &fixture->enum_numbers,
                             &fixture->problem);
}

/* "parameter name @0; pointer /label" */
static void write_places(const struct problem *problem, char *text, size_t text_bytes)
{
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < problem->item_count; i++) {
        const struct problem_item *item = &problem->items[i];
        size += (size_t)snprintf(text + size, text_bytes - size, "%s%s %s", i == 0 ? "" : "; ",
                                 item->place == PROBLEM_AT_PARAMETER ? "parameter" : "pointer",
                                 item->name);
        if (item->has_offset) {
            size += (size_t)snprintf(text + size, text_bytes - size, " @%zu", item->offset);
        }
        assert_true(size < text_bytes);
    }
}

static void check_refusal(const struct fixture *fixture, const struct http_rule_row *row)
{
    const struct ds_enum_value *reason =
        ds_enum_by_number(&ds_enum_rpc_reason, (int32_t)fixture->problem.reason);
    char places[512];
    write_places(&fixture->problem, places, sizeof places);
    if (row->reason == NULL || strcmp(reason->name, row->reason) != 0 ||
        strcmp(places, row->places) != 0) {
        fail_msg("%s: %s %s %s: %s, %s: %s", row->clause, row->method, row->target,
                 row->body == NULL ? "" : row->body, reason->name, places, fixture->problem.detail);
    }
}

static void check_json(struct fixture *fixture, const struct http_rule_row *row,
                       const struct ds_message *message, struct ds_bytes wire)
{
    ds_buffer_clear(&fixture->json);
    assert_int_equal(ds_wire_to_json(message, wire, &style, &fixture->json), DS_OK);
    if (!ds_bytes_equal_text(ds_buffer_bytes(&fixture->json), row->request)) {
        fail_msg("%s: %s %s %s: %.*s", row->clause, row->method, row->target,
                 row->body == NULL ? "" : row->body, (int)fixture->json.size,
                 (const char *)fixture->json.data);
    }
}

/* As a service sees it: by protobuf-c, which merges what comes in several pieces. */
static void check_unpacked(struct fixture *fixture, const struct http_rule_row *row,
                           const struct ds_message *message)
{
    struct ds_wire_error error;
    assert_int_equal(ds_wire_check(message, ds_buffer_bytes(&fixture->wire), &error), DS_OK);
    ProtobufCMessage *unpacked = protobuf_c_message_unpack(message->descriptor, NULL,
                                                           fixture->wire.size, fixture->wire.data);
    if (unpacked == NULL) {
        fail_msg("%s: %s %s %s: can't be unpacked", row->clause, row->method, row->target,
                 row->body == NULL ? "" : row->body);
    }
    const size_t size = protobuf_c_message_get_packed_size(unpacked);
    uint8_t *packed = malloc(size + 1);
    assert_non_null(packed);
    assert_int_equal(protobuf_c_message_pack(unpacked, packed), size);
    protobuf_c_message_free_unpacked(unpacked, NULL);
    check_json(fixture, row, message, ds_bytes_of(packed, size));
    free(packed);
}

static void check_row(struct fixture *fixture, const struct http_rule_row *row)
{
    struct http_request request = {.method = HTTP_METHOD_OTHER};
    struct route_match match = {.leaf = NULL};
    const struct route_binding *binding = route(row, &request, &match);
    if (row->path_template == NULL) {
        if (binding != NULL) {
            fail_msg("%s: %s is taken by %s", row->clause, row->target, binding->path_template);
        }
        return;
    }
    if (binding == NULL || strcmp(binding->path_template, row->path_template) != 0) {
        fail_msg("%s: %s is taken by %s", row->clause, row->target,
                 binding == NULL ? "nothing" : binding->path_template);
    }
    assert_int_equal(binding->body != ROUTE_BODY_NONE, row->body != NULL);
    if (!transcode(fixture, row, binding, &match, &request)) {
        check_refusal(fixture, row);
        return;
    }
    if (row->request == NULL) {
        fail_msg("%s: %s is taken", row->clause, row->target);
    }
    check_json(fixture, row, binding->method->request, ds_buffer_bytes(&fixture->wire));
    check_unpacked(fixture, row, binding->method->request);
    assert_int_equal(fixture->enum_numbers, strstr(row->target, "enum-encoding") != NULL);
}

static void check_rows(void **state, const struct http_rule_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_row(*state, &rows[i]);
    }
}

static void a_path_is_matched_and_decoded_as_the_standard_says(void **state)
{
    check_rows(state, path_rows, COUNT_OF(path_rows));
}

static void what_the_path_does_not_bind_is_in_the_query(void **state)
{
    check_rows(state, query_rows, COUNT_OF(query_rows));
}

static void a_body_may_be_the_whole_request(void **state)
{
    check_rows(state, whole_body_rows, COUNT_OF(whole_body_rows));
}

/* Around 128 bytes the length of a message takes a byte more, of each message around it too. */
static void a_path_fills_a_message_of_the_body_whatever_its_length(void **state)
{
    for (int size = 0; size <= 140; size++) {
        char body[512];
        char request[512];
        char text[160];
        memset(text, 'x', sizeof text);
        (void)snprintf(body, sizeof body,
                       "{\"number\":1,\"label\":{\"inner\":{\"inner\":{\"words\":[\"%.*s\"]}},"
                       "\"count\":5},\"display_name\":\"d\"}",
                       size, text);
        (void)snprintf(
            request, sizeof request,
            "{\"number\":1,\"label\":{\"count\":5,\"inner\":{\"inner\":{\"text\":\"path\","
            "\"words\":[\"%.*s\"]}}},\"display_name\":\"d\"}",
            size, text);
        const struct http_rule_row row =
            TAKES("ours: path and body fill one message together", "POST",
                  "/v1/act-deep/{label.inner.inner.text}", "/v1/act-deep/path", body, request);
        check_row(*state, &row);
        (void)snprintf(body, sizeof body, "{\"label\":{\"words\":[\"%.*s\"]}}", size, text);
        (void)snprintf(
            request, sizeof request,
            "{\"label\":{\"words\":[\"%.*s\"],\"inner\":{\"inner\":{\"text\":\"path\"}}}}", size,
            text);
        check_row(*state, &row);
    }
}

static void a_body_may_be_one_field_of_any_kind(void **state)
{
    check_rows(state, field_body_rows, COUNT_OF(field_body_rows));
}

static void a_patch_makes_its_mask_of_what_the_body_gives(void **state)
{
    check_rows(state, patch_rows, COUNT_OF(patch_rows));
}

static const struct route_binding *binding_of(const char *path_template)
{
    for (size_t i = 0; i < http_rule_route_binding_count; i++) {
        if (strcmp(http_rule_route_bindings[i].path_template, path_template) == 0) {
            return &http_rule_route_bindings[i];
        }
    }
    fail_msg("no binding for %s", path_template);
    return NULL;
}

static void check_replies(struct fixture *fixture, const struct http_rule_reply_row *rows,
                          size_t count, const struct ds_json_style *its_style)
{
    const struct ds_json_read_options options = {.types = &types};
    for (size_t i = 0; i < count; i++) {
        const struct route_binding *binding = binding_of(rows[i].path_template);
        struct ds_json_error error;
        ds_buffer_clear(&fixture->wire);
        ds_buffer_clear(&fixture->json);
        assert_int_equal(ds_json_to_wire(binding->method->response, ds_bytes_of_text(rows[i].reply),
                                         &options, &fixture->wire, &error),
                         DS_OK);
        const ds_code code =
            transcode_response(binding, ds_buffer_bytes(&fixture->wire), its_style, &fixture->json);
        if (code != DS_OK || !ds_bytes_equal_text(ds_buffer_bytes(&fixture->json), rows[i].body)) {
            fail_msg("%s: %s of %s: %d %.*s", rows[i].clause, rows[i].path_template, rows[i].reply,
                     (int)code, (int)fixture->json.size, (const char *)fixture->json.data);
        }
    }
}

static void a_reply_may_be_one_field_of_any_kind(void **state)
{
    check_replies(*state, reply_rows, COUNT_OF(reply_rows), &style);
}

static void enums_of_a_reply_may_be_numbers(void **state)
{
    struct ds_json_style numbers = style;
    numbers.enum_numbers = true;
    check_replies(*state, number_rows, COUNT_OF(number_rows), &numbers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_path_is_matched_and_decoded_as_the_standard_says),
        TEST(what_the_path_does_not_bind_is_in_the_query),
        TEST(a_body_may_be_the_whole_request),
        TEST(a_path_fills_a_message_of_the_body_whatever_its_length),
        TEST(a_body_may_be_one_field_of_any_kind),
        TEST(a_patch_makes_its_mask_of_what_the_body_gives),
        TEST(a_reply_may_be_one_field_of_any_kind),
        TEST(enums_of_a_reply_may_be_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
