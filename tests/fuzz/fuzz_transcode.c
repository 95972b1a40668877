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

/* A path with as many routes as there are methods. */
struct fixture_leaf {
    struct route_binding bindings[HTTP_METHOD_COUNT];
    struct route_leaf leaf;
};

struct fixture_routes {
    struct ds_method method;
    const struct ds_field *string_path[1];
    const struct ds_field *nested_path[3];
    const struct ds_field *choice_path[2];
    struct route_variable variables[3];
    struct fixture_leaf texts;
    struct fixture_leaf fields;
    struct route_edge edges[2];
    struct route_node nodes[6];
};

static struct route_binding *binding_add(struct fixture_leaf *leaf, enum http_method method,
                                         enum route_body body, const char *field)
{
    struct route_binding *binding = &leaf->bindings[method];
    binding->http_method = (uint8_t)method;
    binding->body = (uint8_t)body;
    binding->success_status = 200;
    if (field != NULL) {
        binding->body_field = fixture_field(&fixture_everything, field);
        binding->response_field = binding->body_field;
    }
    leaf->leaf.bindings[method] = binding;
    return binding;
}

static void leaf_finish(struct fixture_routes *routes, struct fixture_leaf *leaf,
                        const struct route_variable *variables, uint8_t variable_count)
{
    leaf->leaf.verb = "";
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        leaf->bindings[i].method = &routes->method;
        leaf->bindings[i].variables = variables;
        leaf->bindings[i].variable_count = variable_count;
    }
}

/*
 * /fixture/{string_value}/{child.message_value.text=**}: GET has no body, POST a whole one, PUT one
 * of a field that is also the field of the response, PATCH the same with a mask, DELETE the field
 * of a list.
 * /kinds/{child.choice_number}: GET without a body, bodies of a map (POST), a oneof's message (PUT)
 * and a double (DELETE), and a whole one with a mask (PATCH).
 */
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
    routes->choice_path[0] = fixture_field(everything, "child");
    routes->choice_path[1] = fixture_field(everything, "choice_number");
    routes->variables[2] = (struct route_variable){.field_path = routes->choice_path,
                                                   .field_depth = 2,
                                                   .segment_first = 1,
                                                   .segment_count = 1};
    const struct ds_field *mask = fixture_field(everything, "mask");
    (void)binding_add(&routes->texts, HTTP_METHOD_GET, ROUTE_BODY_NONE, NULL);
    (void)binding_add(&routes->texts, HTTP_METHOD_POST, ROUTE_BODY_WHOLE, NULL);
    (void)binding_add(&routes->texts, HTTP_METHOD_PUT, ROUTE_BODY_FIELD, "child");
    binding_add(&routes->texts, HTTP_METHOD_PATCH, ROUTE_BODY_FIELD, "child")->mask_field = mask;
    (void)binding_add(&routes->texts, HTTP_METHOD_DELETE, ROUTE_BODY_FIELD, "packed_numbers");
    leaf_finish(routes, &routes->texts, routes->variables, 2);
    (void)binding_add(&routes->fields, HTTP_METHOD_GET, ROUTE_BODY_NONE, NULL);
    (void)binding_add(&routes->fields, HTTP_METHOD_POST, ROUTE_BODY_FIELD, "by_number");
    (void)binding_add(&routes->fields, HTTP_METHOD_PUT, ROUTE_BODY_FIELD, "choice_message");
    (void)binding_add(&routes->fields, HTTP_METHOD_DELETE, ROUTE_BODY_FIELD, "double_value");
    binding_add(&routes->fields, HTTP_METHOD_PATCH, ROUTE_BODY_WHOLE, NULL)->mask_field = mask;
    leaf_finish(routes, &routes->fields, routes->variables + 2, 1);
    routes->edges[0] = (struct route_edge){.segment = "fixture", .segment_bytes = 7, .node = 1};
    routes->edges[1] = (struct route_edge){.segment = "kinds", .segment_bytes = 5, .node = 4};
    const struct route_node none = {.star = ROUTE_NO_NODE, .rest = ROUTE_NO_NODE};
    for (size_t i = 0; i < sizeof routes->nodes / sizeof routes->nodes[0]; i++) {
        routes->nodes[i] = none;
    }
    routes->nodes[0].edges = routes->edges;
    routes->nodes[0].edge_count = 2;
    routes->nodes[1].star = 2;
    routes->nodes[2].rest = 3;
    routes->nodes[3].leaves = &routes->texts.leaf;
    routes->nodes[3].leaf_count = 1;
    routes->nodes[4].star = 5;
    routes->nodes[5].leaves = &routes->fields.leaf;
    routes->nodes[5].leaf_count = 1;
}

static const struct route_node *fixture_nodes(void)
{
    static struct fixture_routes routes;
    if (routes.texts.leaf.verb == NULL) {
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

/* Messages that come in pieces are as good by protobuf's rules, but not to every reader; so are two
 * members of a oneof, of which the last one counts. */
static void check_pieces(const struct ds_message *message, struct ds_bytes wire)
{
    const struct ds_field *seen[64];
    size_t count = 0;
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    while (!ds_wire_at_end(&reader)) {
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        struct ds_bytes content = {0};
        fuzz_require(ds_wire_read_tag(&reader, &number, &type), "what is written is wire");
        const struct ds_field *field = ds_field_by_number(message, number);
        fuzz_require(field != NULL && (type == DS_WIRE_BYTES ? ds_wire_read_bytes(&reader, &content)
                                                             : ds_wire_skip(&reader, type)),
                     "what is written is wire");
        if ((field->flags & DS_FIELD_REPEATED) != 0) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            fuzz_require(seen[i] != field && (field->oneof < 0 || seen[i]->oneof != field->oneof),
                         "a field is written once, and one member of a oneof");
        }
        fuzz_require(count < sizeof seen / sizeof seen[0], "fields are as many as the message has");
        seen[count++] = field;
        if (field->kind == DS_KIND_MESSAGE && field->message->wellknown == DS_WELLKNOWN_NONE) {
            check_pieces(field->message, content);
        }
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
    bool enum_numbers = false;
    const bool taken = transcode_request(input, &scratch, &wire, &enum_numbers, &problem);
    if (taken) {
        fuzz_require(wire.size <= method->request_bytes_max, "a request is within its limit");
        if (ds_wire_check(method->request, ds_buffer_bytes(&wire), &error) == DS_OK) {
            fuzz_check_json_of(method->request, ds_buffer_bytes(&wire));
        } else {
            fuzz_require(false, "what the gateway writes the service takes");
        }
        check_variables(input, ds_buffer_bytes(&wire));
        check_pieces(method->request, ds_buffer_bytes(&wire));
    } else {
        check_problem(&problem);
    }
    /* With buffers that have been used. */
    ds_buffer_append_text(&again, "left over");
    fuzz_require(transcode_request(input, &scratch, &again, &enum_numbers, &problem) == taken,
                 "a request is taken or not, however often");
    fuzz_require(!taken || ds_bytes_equal(ds_buffer_bytes(&wire), ds_buffer_bytes(&again)),
                 "a request is written the same however often");
    ds_buffer_deinit(&scratch);
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&again);
}

/* The body taken for a service's reply, with enums by name and as numbers. */
static void check_response(const struct route_binding *binding, struct ds_bytes wire)
{
    struct ds_json_style style = profile_of(binding->profile)->style;
    for (int i = 0; i < 2; i++) {
        struct ds_buffer json;
        struct ds_buffer whole;
        ds_buffer_init(&json, FUZZ_BYTES_MAX);
        ds_buffer_init(&whole, FUZZ_BYTES_MAX);
        style.enum_numbers = i == 1;
        const ds_code code = transcode_response(binding, wire, &style, &json);
        fuzz_require(code == DS_OK || code == DS_INVALID_ARGUMENT || code == DS_UNIMPLEMENTED,
                     "a reply is written or refused");
        fuzz_require(code != DS_OK || ds_utf8_valid(ds_buffer_bytes(&json)), "JSON is UTF-8");
        if (ds_wire_to_json(binding->method->response, wire, &style, &whole) == DS_OK) {
            fuzz_require(code == DS_OK, "a reply that is well-formed has a well-formed part");
        }
        ds_buffer_deinit(&json);
        ds_buffer_deinit(&whole);
    }
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
