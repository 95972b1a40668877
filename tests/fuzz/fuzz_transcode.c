/*
 * Method, target and body to the wire form of a request. The first line is "METHOD TARGET", or
 * "METHOD TARGET ndjson" for a body of rows; what follows it is the body. Targets below /fixture
 * are those of a message that has every kind of field.
 */
#include "ds/utf8.h"
#include "ds/wire.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"
#include "gateway/transcode.h"
#include "http/target.h"

#define INPUT_BYTES_MAX 16384
#define FIXTURE_REQUEST_BYTES_MAX 512

struct fixture_routes {
    struct ds_method method;
    const struct ds_field *string_path[1];
    const struct ds_field *nested_path[3];
    struct route_variable variables[2];
    struct route_binding bindings[HTTP_METHOD_COUNT];
    struct route_leaf leaf;
    struct route_edge edge;
    struct route_node nodes[4];
};

/* /fixture/{string_value}/{child.message_value.text=**}: GET has no body, POST a whole one, PUT one
 * of a field that is also the field of the response. */
static void fixture_routes_fill(struct fixture_routes *routes)
{
    const struct ds_message *everything = &fixture_everything;
    routes->method = (struct ds_method){.full_name = "fixture.Fixture/Call",
                                        .name = "Call",
                                        .request = everything,
                                        .response = everything,
                                        .rows = fixture_field(everything, "items"),
                                        .request_bytes_max = FIXTURE_REQUEST_BYTES_MAX};
    routes->string_path[0] = fixture_field(everything, "string_value");
    routes->nested_path[0] = fixture_field(everything, "child");
    routes->nested_path[1] = fixture_field(everything, "message_value");
    routes->nested_path[2] = fixture_field(&fixture_inner, "text");
    routes->variables[0] = (struct route_variable){.field_path = routes->string_path,
                                                   .field_depth = 1,
                                                   .segment_first = 1,
                                                   .segment_count = 1};
    routes->variables[1] = (struct route_variable){
        .field_path = routes->nested_path, .field_depth = 3, .segment_first = 2, .multiple = true};
    const struct route_binding binding = {.method = &routes->method,
                                          .variables = routes->variables,
                                          .success_status = 200,
                                          .variable_count = 2};
    const enum http_method methods[] = {HTTP_METHOD_GET, HTTP_METHOD_POST, HTTP_METHOD_PUT};
    const enum route_body bodies[] = {ROUTE_BODY_NONE, ROUTE_BODY_WHOLE, ROUTE_BODY_FIELD};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct route_binding *own = &routes->bindings[methods[i]];
        *own = binding;
        own->http_method = (uint8_t)methods[i];
        own->body = (uint8_t)bodies[i];
        routes->leaf.bindings[methods[i]] = own;
    }
    routes->bindings[HTTP_METHOD_PUT].body_field = fixture_field(everything, "child");
    routes->bindings[HTTP_METHOD_PUT].response_field = fixture_field(everything, "child");
    routes->leaf.verb = "";
    routes->edge = (struct route_edge){.segment = "fixture", .segment_bytes = 7, .node = 1};
    const struct route_node none = {.star = ROUTE_NO_NODE, .rest = ROUTE_NO_NODE};
    for (size_t i = 0; i < sizeof routes->nodes / sizeof routes->nodes[0]; i++) {
        routes->nodes[i] = none;
    }
    routes->nodes[0].edges = &routes->edge;
    routes->nodes[0].edge_count = 1;
    routes->nodes[1].star = 2;
    routes->nodes[2].rest = 3;
    routes->nodes[3].leaves = &routes->leaf;
    routes->nodes[3].leaf_count = 1;
}

static const struct route_node *fixture_nodes(void)
{
    static struct fixture_routes routes;
    if (routes.leaf.verb == NULL) {
        fixture_routes_fill(&routes);
    }
    return routes.nodes;
}

static void check_match(struct ds_bytes path, const struct route_match *match)
{
    const uint8_t *at = path.data;
    fuzz_require(match->leaf != NULL && match->segment_count >= 1 &&
                     match->segment_count <= ROUTE_PATH_SEGMENTS_MAX,
                 "a match has a leaf and segments");
    for (size_t i = 0; i < match->segment_count; i++) {
        const struct ds_bytes segment = match->segments[i];
        fuzz_require(segment.size > 0 && segment.data == at + 1 && *at == '/' &&
                         memchr(segment.data, '/', segment.size) == NULL,
                     "segments are the path's, without its slashes");
        at = segment.data + segment.size;
    }
    fuzz_require(at == path.data + path.size || *at == ':', "behind the segments is the verb only");
}

static const struct route_binding *find_binding(const struct http_request *request,
                                                struct route_match *match)
{
    if ((!route_find_in(route_nodes, request->path, match) &&
         !route_find_in(fixture_nodes(), request->path, match))) {
        return NULL;
    }
    check_match(request->path, match);
    return request->method < HTTP_METHOD_COUNT ? match->leaf->bindings[request->method] : NULL;
}

static void check_problem(const struct problem *problem)
{
    static const unsigned int profiles[] = {ROUTE_PROFILE_CANONICAL, ROUTE_PROFILE_T};
    fuzz_require(problem->reason != DS_REASON(REASON_UNSPECIFIED) && problem->detail[0] != '\0',
                 "a problem says what is wrong");
    fuzz_require(problem->item_count <= PROBLEM_ITEMS_MAX, "places are within their limit");
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        const struct ds_json_read_options options = {0};
        struct ds_json_error error;
        struct ds_buffer json;
        struct ds_buffer wire;
        ds_buffer_init(&json, FUZZ_BYTES_MAX);
        ds_buffer_init(&wire, FUZZ_BYTES_MAX);
        problem_write(problem, profile_of(profiles[i]), "request", &json);
        fuzz_require(ds_utf8_valid(ds_buffer_bytes(&json)), "a problem is UTF-8");
        fuzz_require(ds_json_to_wire(&fixture_struct, ds_buffer_bytes(&json), &options, &wire,
                                     &error) == DS_OK,
                     "a problem is JSON");
        ds_buffer_deinit(&json);
        ds_buffer_deinit(&wire);
    }
}

/* The last occurrence of a field of bytes; empty where there is none. */
static struct ds_bytes last_of(struct ds_bytes wire, uint32_t wanted)
{
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    struct ds_bytes last = {0};
    while (!ds_wire_at_end(&reader)) {
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        fuzz_require(ds_wire_read_tag(&reader, &number, &type), "what is written is wire");
        const bool read = number == wanted && type == DS_WIRE_BYTES
                              ? ds_wire_read_bytes(&reader, &last)
                              : ds_wire_skip(&reader, type);
        fuzz_require(read, "what is written is wire");
    }
    return last;
}

/* A string that the path binds is in the request, whatever query and body say. */
static void check_variables(const struct transcode_input *input, struct ds_bytes wire)
{
    for (uint8_t i = 0; i < input->binding->variable_count; i++) {
        const struct route_variable *variable = &input->binding->variables[i];
        const struct route_match *match = input->match;
        struct ds_bytes found = wire;
        for (uint8_t level = 0; level < variable->field_depth; level++) {
            found = last_of(found, variable->field_path[level]->number);
        }
        if (variable->field_path[variable->field_depth - 1]->kind != DS_KIND_STRING) {
            continue;
        }
        struct ds_buffer expected;
        ds_buffer_init(&expected, FUZZ_BYTES_MAX);
        const size_t end = variable->segment_count == 0
                               ? match->segment_count
                               : (size_t)variable->segment_first + variable->segment_count;
        for (size_t at = variable->segment_first; at < end; at++) {
            ds_buffer_append_text(&expected, at > variable->segment_first ? "/" : "");
            http_target_decode(match->segments[at], variable->multiple, false, &expected);
        }
        fuzz_require(ds_bytes_equal(found, ds_buffer_bytes(&expected)),
                     "the path's value is the request's");
        ds_buffer_deinit(&expected);
    }
}

static void check_request(const struct transcode_input *input)
{
    struct problem problem = {.reason = DS_REASON(REASON_UNSPECIFIED)};
    struct ds_wire_error error;
    struct ds_buffer scratch;
    struct ds_buffer wire;
    struct ds_buffer again;
    ds_buffer_init(&scratch, FUZZ_BYTES_MAX);
    ds_buffer_init(&wire, FUZZ_BYTES_MAX);
    ds_buffer_init(&again, FUZZ_BYTES_MAX);
    const struct ds_method *method = input->binding->method;
    const bool taken = transcode_request(input, &scratch, &wire, &problem);
    if (taken) {
        fuzz_require(wire.size <= method->request_bytes_max, "a request is within its limit");
        if (ds_wire_check(method->request, ds_buffer_bytes(&wire), &error) == DS_OK) {
            fuzz_check_json_of(method->request, ds_buffer_bytes(&wire));
        } else {
            fuzz_require(false, "what the gateway writes the service takes");
        }
        check_variables(input, ds_buffer_bytes(&wire));
    } else {
        check_problem(&problem);
    }
    /* With buffers that have been used. */
    ds_buffer_append_text(&again, "left over");
    fuzz_require(transcode_request(input, &scratch, &again, &problem) == taken,
                 "a request is taken or not, however often");
    fuzz_require(!taken || ds_bytes_equal(ds_buffer_bytes(&wire), ds_buffer_bytes(&again)),
                 "a request is written the same however often");
    ds_buffer_deinit(&scratch);
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&again);
}

/* The body taken for a service's reply. */
static void check_response(const struct route_binding *binding, struct ds_bytes wire)
{
    struct ds_buffer scratch;
    struct ds_buffer json;
    struct ds_buffer whole;
    ds_buffer_init(&scratch, FUZZ_BYTES_MAX);
    ds_buffer_init(&json, FUZZ_BYTES_MAX);
    ds_buffer_init(&whole, FUZZ_BYTES_MAX);
    const struct ds_json_style *style = &profile_of(binding->profile)->style;
    const ds_code code = transcode_response(binding, wire, style, &scratch, &json);
    fuzz_require(code == DS_OK || code == DS_INVALID_ARGUMENT || code == DS_UNIMPLEMENTED,
                 "a reply is written or refused");
    fuzz_require(code != DS_OK || ds_utf8_valid(ds_buffer_bytes(&json)), "JSON is UTF-8");
    if (ds_wire_to_json(binding->method->response, wire, style, &whole) == DS_OK) {
        fuzz_require(code == DS_OK, "a reply that is well-formed has a well-formed part");
    }
    ds_buffer_deinit(&scratch);
    ds_buffer_deinit(&json);
    ds_buffer_deinit(&whole);
}

static bool read_line(struct ds_bytes line, struct http_request *request, bool *ret_rows)
{
    struct ds_bytes target;
    struct ds_bytes word;
    if (!http_list_next(&line, ' ', &request->method_text) ||
        !http_list_next(&line, ' ', &target) || target.size == 0) {
        return false;
    }
    request->method = (uint8_t)http_method_of(request->method_text);
    *ret_rows = http_list_next(&line, ' ', &word) && ds_bytes_equal_text(word, "ndjson");
    return http_target_read(request, target) == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line_end = size == 0 ? NULL : memchr(data, '\n', size);
    if (line_end == NULL || size > INPUT_BYTES_MAX) {
        return 0;
    }
    struct http_request request = {.method = HTTP_METHOD_OTHER};
    struct route_match match = {.leaf = NULL};
    bool rows = false;
    if (!read_line(ds_bytes_of(data, (size_t)(line_end - data)), &request, &rows)) {
        return 0;
    }
    const struct route_binding *binding = find_binding(&request, &match);
    if (binding == NULL) {
        return 0;
    }
    const struct transcode_input input = {
        .binding = binding,
        .match = &match,
        .query = request.query,
        .body = ds_bytes_of(line_end + 1, size - (size_t)(line_end + 1 - data)),
        .form = rows && binding->method->rows != NULL && binding->body == ROUTE_BODY_WHOLE
                    ? BODY_FORM_NDJSON
                    : BODY_FORM_JSON,
    };
    check_request(&input);
    check_response(binding, input.body);
    return 0;
}
