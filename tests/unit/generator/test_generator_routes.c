/* What ds-proto-compiler refuses of REST routes, and what comes close and is accepted. */
#include "generator/refusal.h"

#include <stdio.h>

static void a_path_that_is_malformed_is_refused(void **state)
{
    static const struct {
        const char *path;
        const char *advice;
    } table[] = {
        {"", "does not begin with '/'"},
        {"v1/a", "does not begin with '/'; write an absolute path"},
        {"/v1//a", "has an empty segment; remove the extra '/'"},
        {"/v1/", "has an empty segment"},
        {"/:verb", "has an empty segment"},
        {"/v1/**/a", "has something behind **; ** takes the rest of the path and stands last"},
        {"/v1/{name=**}/a", "has something behind **"},
        {"/v1/{name=**/a}", "has something behind **"},
        {"/v1/{name", "has a { that is not closed; write {field} or {field=pattern}"},
        {"/v1/{name=*", "has a { that is not closed"},
        {"/v1/{name/a}", "has a { that is not closed"},
        {"/v1/{name=a", "has a { that is not closed"},
        {"/v1/name}", "has a } without a {; remove it"},
        {"/v1/{name}}", "has a } without a {"},
        {"/v1/{}", "has a variable without a name"},
        {"/v1/{=*}", "has a variable without a name"},
        {"/v1/{name=}", "has an empty segment"},
        {"/v1/{name={other}}", "has a variable within a variable"},
        {"/v1/{name=a:b}", "has a verb inside of a variable"},
        {"/v1/a{name}", "has a variable beside other characters"},
        {"/v1/{name}a", "has a character that no path has as it is"},
        {"/v1/a*", "has a wildcard beside other characters"},
        {"/v1/***", "has a wildcard beside other characters"},
        {"/v1/*a", "has a character that no path has as it is"},
        {"/v1/a b", "has a character that no path has as it is; percent-encode it"},
        {"/v1/a?b=c", "has a character that no path has as it is"},
        {"/v1/a:", "has a ':' without a plain verb behind it"},
        {"/v1/a:b/c", "has a ':' without a plain verb behind it"},
        {"/v1/a:b:c", "has a ':' without a plain verb behind it"},
        {"/v1/a:*", "has a ':' without a plain verb behind it"},
        {"/v1/%4", "has a '%' without two hexadecimal digits"},
        {"/v1/%4g", "has a '%' without two hexadecimal digits"},
        {"/v1/%00", "has a '%' without two hexadecimal digits (or %00)"},
        {"/v1/../a", "has the segment . or .."},
        {"/v1/%2e", "has the segment . or .."},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        path_is_refused(state, table[i].path, table[i].advice);
    }
}

static void a_path_beyond_the_limits_is_refused(void **state)
{
    path_is_refused(state, "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
                    "has too many segments (ROUTE_SEGMENTS_MAX");
    path_is_refused(state, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
                    "has too many variables (ROUTE_VARIABLES_MAX");
    path_is_refused(state, "/v1/{inner.child.child.child.child.child.child.child.name}",
                    "has more than 8 names; bind a field nearer to the request");
    assert_accepted(state, "option (google.api.http) = {get: "
                           "\"/v1/{inner.child.child.child.child.child.child.name}\"};");
    assert_accepted(state,
                    "option (google.api.http) = {get: "
                    "\"/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a\"};");
}

static void a_variable_names_a_single_scalar(void **state)
{
    path_is_refused(state, "/v1/{nothing}",
                    "variable {nothing}: \"nothing\" is no field of refused.v1.Request");
    path_is_refused(state, "/v1/{inner.nothing}",
                    "variable {inner.nothing}: \"nothing\" is no field of refused.v1.Inner");
    path_is_refused(state, "/v1/{name.x}", "variable {name.x}: name has no fields");
    path_is_refused(state, "/v1/{inner}",
                    "variable {inner} is of type refused.v1.Inner; name a scalar field in it");
    path_is_refused(state, "/v1/{words}", "variable {words}: words is repeated");
    path_is_refused(state, "/v1/{rows.name}", "variable {rows.name}: rows is repeated");
    path_is_refused(state, "/v1/{map.key}", "variable {map.key}: map is repeated");
    path_is_refused(state, "/v1/{inner.}", "\"\" is no field of refused.v1.Inner");
    path_is_refused(state, "/v1/{.name}", "\"\" is no field of refused.v1.Request");
    assert_accepted(state, "option (google.api.http) = {get: \"/v2/{time}/{inner.name}\"};");
}

static void two_variables_fill_two_fields(void **state)
{
    path_is_refused(state, "/v1/{name}/{name}", "variable {name} fills the same field as {name}");
    path_is_refused(state, "/v1/{time}/{time.seconds}",
                    "variable {time.seconds} fills the same field as {time}; remove one");
}

static void a_body_names_a_field_of_the_request_of_whatever_kind(void **state)
{
    static const char *const strangers[] = {"nothing", "inner.name", "**", "Inner"};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        char options[256];
        char advice[128];
        snprintf(options, sizeof options,
                 "option (google.api.http) = {post: \"/v1\" body: \"%s\"};", strangers[i]);
        snprintf(advice, sizeof advice, "body: \"%s\" is no field of refused.v1.Request",
                 strangers[i]);
        routes_are_refused(state, options, "POST /v1: ", advice);
    }
    static const char *const fields[] = {"inner", "name", "rows", "map", "words", "time", "left"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char options[256];
        snprintf(options, sizeof options,
                 "option (google.api.http) = {post: \"/v1\" body: \"%s\"};", fields[i]);
        assert_accepted(state, options);
    }
}

static void a_response_body_names_a_field_of_the_response_of_whatever_kind(void **state)
{
    routes_are_refused(
        state, "option (google.api.http) = {get: \"/v1\" response_body: \"nothing\"};",
        "GET /v1: ", "response_body: \"nothing\" is no field of refused.v1.Response");
    routes_are_refused(
        state, "option (google.api.http) = {get: \"/v1\" response_body: \"inner.name\"};",
        "GET /v1: ", "response_body: \"inner.name\" is no field of refused.v1.Response");
    routes_are_refused(state, "option (google.api.http) = {get: \"/v1\" response_body: \"*\"};",
                       "GET /v1: ", "response_body: \"*\" is no field of refused.v1.Response");
    assert_accepted(state, "option (google.api.http) = {get: \"/v1\" response_body: \"text\" "
                           "additional_bindings {get: \"/v2\" response_body: \"list\"}"
                           "additional_bindings {get: \"/v3\" response_body: \"inner\"}};");
}

static void a_path_fills_one_member_of_a_choice(void **state)
{
    path_is_refused(state, "/v1/{left}/{right}",
                    "variables {left} and {right} fill two members of one oneof");
    path_is_refused(state, "/v1/{left}/{pair.left}",
                    "variables {left} and {pair.left} fill two members of one oneof");
    path_is_refused(state, "/v1/{pair.left}/{pair.right}",
                    "variables {pair.left} and {pair.right} fill two members of one oneof");
    routes_are_refused(state, "option (google.api.http) = {post: \"/v1/{left}\" body: \"pair\"};",
                       "POST /v1/{left}: ",
                       "the body fills \"pair\" and the path {left}, two "
                       "members of one oneof; name another field for one");
    assert_accepted(state, "option (google.api.http) = {post: \"/v1/{left}\" body: \"inner\""
                           "additional_bindings {post: \"/v2/{pair.left}\" body: \"pair\"}"
                           "additional_bindings {post: \"/v3/{left}/{name}\" body: \"*\"}};");
}

/* google.api.HttpBody as its standard has it: a reader would expect bytes of any type. */
static void raw_bodies_are_refused(void **state)
{
    static const char *const methods[] = {
        "rpc Get(HttpBody) returns (Reply) { %s option (google.api.http) = {post: \"/v1\" "
        "body: \"*\"}; }",
        "rpc Get(Reply) returns (HttpBody) { %s option (google.api.http) = {get: \"/v1\"}; }",
        "rpc Get(Reply) returns (Reply) { %s option (google.api.http) = {post: \"/v1\" body: "
        "\"raw\"}; }",
        "rpc Get(Reply) returns (Reply) { %s option (google.api.http) = {get: \"/v1\" "
        "response_body: \"raw\"}; }",
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char method[512];
        char text[1024];
        snprintf(method, sizeof method, methods[i], refusal_rules);
        snprintf(text, sizeof text,
                 "syntax = \"proto3\"; package google.api; import \"deltastream/options.proto\"; "
                 "import \"google/api/annotations.proto\"; message HttpBody { string content_type "
                 "= 1; bytes data = 2; } message Reply { HttpBody raw = 1; } service Sample { %s }",
                 method);
        file_is_refused(state, text, "google.api.Sample/Get: ",
                        "google.api.HttpBody is not supported: bodies are JSON");
    }
}

static void a_rule_in_a_proto_names_no_method(void **state)
{
    routes_are_refused(
        state, "option (google.api.http) = {selector: \"refused.v1.Sample.Get\" get: \"/v1\"};",
        "selector: \"refused.v1.Sample.Get\"", "belongs into a service's configuration; remove it");
}

static void a_get_or_a_delete_has_no_body(void **state)
{
    routes_are_refused(state, "option (google.api.http) = {get: \"/v1\" body: \"*\"};",
                       "GET /v1: ", "GET requests have no body; remove body: \"*\"");
    routes_are_refused(state, "option (google.api.http) = {delete: \"/v1\" body: \"inner\"};",
                       "DELETE /v1: ", "DELETE requests have no body; remove body: \"inner\"");
    routes_are_refused(
        state, "option (deltastream.binding) = {method: \"GET\" path: \"/v1\" body: \"*\"};",
        "GET /v1: ", "GET requests have no body");
}

static void the_body_and_the_path_fill_different_fields(void **state)
{
    routes_are_refused(state, "option (google.api.http) = {post: \"/v1/{time}\" body: \"time\"};",
                       "POST /v1/{time}: ", "the body and the path both fill \"time\"");
    /* A name inside of the body's message is what updates are made of. */
    assert_accepted(state,
                    "option (google.api.http) = {patch: \"/v1/{inner.name}\" body: \"inner\"};");
}

static void routes_that_cannot_be_told_apart_are_refused(void **state)
{
    routes_are_refused(state,
                       "option (google.api.http) = {get: \"/v1/{name}\" "
                       "additional_bindings {get: \"/v1/{other}\"}};",
                       "GET /v1/{other} takes the same requests as /v1/{name} of "
                       "refused.v1.Sample/Get",
                       "change one of the paths");
    routes_are_refused(state,
                       "option (google.api.http) = {get: \"/v1/{name=a/*}\"};"
                       "option (deltastream.binding) = {method: \"GET\" path: \"/v1/a/{other}\"};",
                       "GET /v1/a/{other} takes the same requests as ", "change one of the paths");
    routes_are_refused(state,
                       "option (google.api.http) = {post: \"/v1/a:run\" additional_bindings "
                       "{custom {kind: \"POST\" path: \"/v1/%61:run\"}}};",
                       "POST /v1/%61:run takes the same requests as /v1/a:run",
                       "change one of the paths");
    assert_accepted(state, "option (google.api.http) = {get: \"/v1/{name}\" "
                           "additional_bindings {post: \"/v1/{other}\"}"
                           "additional_bindings {get: \"/v1/{other}:run\"}"
                           "additional_bindings {get: \"/v1/{name=a/**}\"}"
                           "additional_bindings {get: \"/v1/a\"}};");
}

static void routes_of_two_methods_that_meet_are_refused_by_both_names(void **state)
{
    char methods[2048];
    snprintf(methods, sizeof methods,
             "rpc One(Request) returns (Response) { %s option (google.api.http) = {get: "
             "\"/v1/{name}\"}; }"
             "rpc Two(Request) returns (Response) { %s option (google.api.http) = {get: "
             "\"/v1/{other}\"}; }",
             refusal_rules, refusal_rules);
    methods_are_refused(state, methods, "refused.v1.Sample/Two: GET /v1/{other}",
                        "takes the same requests as /v1/{name} of refused.v1.Sample/One");
}

static void a_route_leaves_the_gateways_own_paths_alone(void **state)
{
    static const char *const paths[] = {
        "/",     "/health",        "/health/ready",     "/health/live", "/metrics", "/openapi.json",
        "/docs", "/docs/{name}",   "/docs/license.txt", "/redoc",       "/{name}",  "/**",
        "/*",    "/health/{name}", "/{name=*}/ready",   "/health/**",   "/d%6Fcs",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        path_is_refused(state, paths[i], "which the gateway answers itself; begin with another");
    }
    assert_accepted(state, "option (google.api.http) = {get: \"/healthy\" "
                           "additional_bindings {get: \"/health:check\"}"
                           "additional_bindings {get: \"/docs/{name}/more\"}};");
}

static void a_route_leaves_the_methods_own_paths_alone(void **state)
{
    routes_are_refused(state, "option (google.api.http) = {post: \"/refused.v1.Sample/Get\"};",
                       "POST /refused.v1.Sample/Get: ",
                       "takes POST /refused.v1.Sample/Get, which is the method's own route");
    routes_are_refused(state, "option (google.api.http) = {post: \"/refused.v1.Sample/{name}\"};",
                       "POST /refused.v1.Sample/{name}: ", "which is the method's own route");
    assert_accepted(state, "option (google.api.http) = {get: \"/refused.v1.Sample/Get\"};");
}

static void additional_bindings_are_one_level_deep(void **state)
{
    routes_are_refused(state,
                       "option (google.api.http) = {get: \"/v1\" additional_bindings {get: "
                       "\"/v2\" additional_bindings {get: \"/v3\"}}};",
                       "additional_bindings within additional_bindings", "list them side by side");
}

static void a_rule_needs_a_path(void **state)
{
    routes_are_refused(state, "option (google.api.http) = {body: \"*\"};",
                       "option (google.api.http) has a rule without a path", "add get: ");
}

static void an_http_method_is_one_that_routes_have(void **state)
{
    static const struct {
        const char *method;
        const char *advice;
    } table[] = {
        {"", "\"\" is no method of a route; write GET, POST, PUT, PATCH or DELETE"},
        {"get", "\"get\" is no method of a route; write GET, POST, PUT"},
        {"FETCH", "\"FETCH\" is no method of a route; write GET, POST, PUT"},
        {"CONNECT", "\"CONNECT\" is no method of a route; write GET, POST, PUT"},
        {"HEAD",
         "\"HEAD\" is no method of a route: the gateway answers it as GET without the body; "
         "write get"},
        {"OPTIONS", "\"OPTIONS\" is no method of a route: the gateway answers it with the path's "
                    "methods; remove the rule"},
        {"*", "\"*\" is no method of a route: a route says which one it takes; write one rule for "
              "each, in additional_bindings"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char options[256];
        snprintf(options, sizeof options,
                 "option (deltastream.binding) = {method: \"%s\" path: \"/v1\"};", table[i].method);
        routes_are_refused(state, options, table[i].method, table[i].advice);
        snprintf(options, sizeof options,
                 "option (google.api.http) = {custom {kind: \"%s\" path: \"/v1\"}};",
                 table[i].method);
        routes_are_refused(state, options, table[i].method, table[i].advice);
    }
    assert_accepted(state, "option (google.api.http) = {custom {kind: \"PATCH\" path: \"/v1\"}};");
}

static void a_success_has_a_status_of_a_success(void **state)
{
    routes_are_refused(state,
                       "option (deltastream.binding) = {method: \"POST\" path: \"/v1\" "
                       "success_status: 404};",
                       "POST /v1: ", "success_status: 404 is no status of a success; write 200 to");
    assert_accepted(state, "option (deltastream.binding) = {method: \"POST\" path: \"/v1\" "
                           "success_status: 202};");
}

static void a_profile_is_one_that_the_gateway_has(void **state)
{
    routes_are_refused(
        state, "option (deltastream.binding) = {method: \"POST\" path: \"/v1\" profile: 99};",
        "POST /v1: ", "profile: the gateway has no profile 99; add it to");
    routes_are_refused(
        state, "option (deltastream.binding) = {method: \"POST\" path: \"/v1\" profile: 4};",
        "POST /v1: ", "profile: the gateway has no profile 4; add it to");
    assert_accepted(state, "option (deltastream.binding) = {method: \"POST\" path: \"/v1\" "
                           "profile: 3};");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REFUSAL(a_profile_is_one_that_the_gateway_has),
        REFUSAL(a_path_that_is_malformed_is_refused),
        REFUSAL(a_path_beyond_the_limits_is_refused),
        REFUSAL(a_variable_names_a_single_scalar),
        REFUSAL(two_variables_fill_two_fields),
        REFUSAL(a_body_names_a_field_of_the_request_of_whatever_kind),
        REFUSAL(a_response_body_names_a_field_of_the_response_of_whatever_kind),
        REFUSAL(a_path_fills_one_member_of_a_choice),
        REFUSAL(raw_bodies_are_refused),
        REFUSAL(a_rule_in_a_proto_names_no_method),
        REFUSAL(a_get_or_a_delete_has_no_body),
        REFUSAL(the_body_and_the_path_fill_different_fields),
        REFUSAL(routes_that_cannot_be_told_apart_are_refused),
        REFUSAL(routes_of_two_methods_that_meet_are_refused_by_both_names),
        REFUSAL(a_route_leaves_the_gateways_own_paths_alone),
        REFUSAL(a_route_leaves_the_methods_own_paths_alone),
        REFUSAL(additional_bindings_are_one_level_deep),
        REFUSAL(a_rule_needs_a_path),
        REFUSAL(an_http_method_is_one_that_routes_have),
        REFUSAL(a_success_has_a_status_of_a_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
