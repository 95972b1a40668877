/* What each route may fail with. A reason of deltastream.rpc.v1.Reason without a row here fails the
 * build, so that no error is left out of the documents. */
#include "openapi.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define REASONS "deltastream.rpc.v1.Reason"
#define STATUS_DEFAULT 500

enum origin {
    FROM_ANY_ROUTE,
    FROM_A_BODY,       /* routes that take one */
    FROM_A_PAGE_TOKEN, /* requests that have one */
    FROM_A_NAME,       /* paths with a variable */
    FROM_A_CALLER,     /* methods that need a permission */
    FROM_A_CHANGE,     /* methods with side effects */
    FROM_ELSEWHERE,    /* no route of a method */
};

static const struct {
    const char *reason;
    enum origin origin;
    const char *detail;
} origins[] = {
    {"INVALID_REQUEST", FROM_ANY_ROUTE, "limit must be 1 or more"},
    {"INVALID_JSON", FROM_A_BODY, "the body is empty: send a JSON object"},
    {"UNKNOWN_FIELD", FROM_A_BODY, "there is no such field"},
    {"UNKNOWN_PARAMETER", FROM_ANY_ROUTE, "colour: this route has no such query parameter"},
    {"INVALID_PAGE_TOKEN", FROM_A_PAGE_TOKEN, "page_token is not one of this list"},
    {"NOT_FOUND", FROM_A_NAME, "there is no tick of NOTHING"},
    {"METHOD_NOT_ALLOWED", FROM_ELSEWHERE, "this path takes GET, HEAD, OPTIONS"},
    {"NOT_ACCEPTABLE", FROM_ANY_ROUTE, "the reply is application/json"},
    {"REQUEST_TIMEOUT", FROM_ANY_ROUTE, "the request did not come in time"},
    {"LENGTH_REQUIRED", FROM_A_BODY,
     "this route takes a body: send it with Content-Length or chunked"},
    {"REQUEST_TOO_LARGE", FROM_ANY_ROUTE, "the request is larger than this method takes"},
    {"URI_TOO_LONG", FROM_ANY_ROUTE, "the request line is too long"},
    {"UNSUPPORTED_MEDIA_TYPE", FROM_A_BODY,
     "the Content-Type is missing; send application/json in UTF-8"},
    {"HEADERS_TOO_LARGE", FROM_ANY_ROUTE, "the header fields are too long"},
    {"UNAUTHENTICATED", FROM_A_CALLER,
     "this needs a permission which a caller without credentials does not have"},
    {"PERMISSION_DENIED", FROM_A_CALLER, "this needs a permission that you do not have"},
    {"CONFLICT", FROM_A_CHANGE, "another change came first"},
    {"RATE_LIMITED", FROM_ANY_ROUTE, "there are too many requests; try again later"},
    {"INTERNAL", FROM_ANY_ROUTE, "the service's answer can't be read"},
    {"NOT_IMPLEMENTED", FROM_ANY_ROUTE, "this store can't do that"},
    {"SERVER_BUSY", FROM_ANY_ROUTE, "the server is busy; try again"},
    {"STORE_UNAVAILABLE", FROM_ANY_ROUTE, "the store does not answer"},
    {"STORE_FULL", FROM_A_CHANGE, "the store is full"},
    {"SERVICE_UNAVAILABLE", FROM_ANY_ROUTE, "the service behind this route is not connected"},
    {"DEADLINE_EXCEEDED", FROM_ANY_ROUTE, "the call took too long"},
    {"SHARE_OVERFLOW", FROM_ELSEWHERE, "the frame was not executed"},
    {"UNSUPPORTED_HTTP_VERSION", FROM_ANY_ROUTE, "the version is not HTTP/1.0 or HTTP/1.1"},
    {"UNSUPPORTED_EXPECTATION", FROM_ANY_ROUTE, "Expect can only be 100-continue"},
    {"SERVER_STOPPING", FROM_ANY_ROUTE, "the server is shutting down"},
    {"IDEMPOTENCY_KEY_REUSED", FROM_A_CHANGE, "the key came before with another request"},
    {"SERVER_RESTARTED", FROM_A_CHANGE,
     "whether the first attempt was executed is not known: the server has been started anew"},
    {"EVENTS_FORGOTTEN", FROM_ELSEWHERE, "the events are not in memory any more"},
    {"PRECONDITION_FAILED", FROM_ANY_ROUTE,
     "what this request is about has no entity tag to compare with; leave If-Match out"},
    {"IDEMPOTENCY_KEY_INVALID", FROM_A_CHANGE,
     "Idempotency-Key: it is empty; send 1 to 64 visible characters, bare or in quotes, such as a "
     "UUID"},
    {"UPGRADE_REQUIRED", FROM_ELSEWHERE, "this path speaks WebSocket"},
    {"UNSUPPORTED_ENCODING", FROM_A_BODY,
     "the body may be compressed by gzip, once, or not at all"},
    {"FORBIDDEN_ORIGIN", FROM_ELSEWHERE, "pages of that origin may not call"},
    {"TOO_MANY_STREAMS", FROM_ELSEWHERE, "there are too many streams; try again later"},
};
#define ORIGIN_COUNT (sizeof origins / sizeof origins[0])

/* Places in the order of bodies: gateway/profile_rows.h. */
static const char *const member_names[PROBLEM_MEMBER_COUNT] = {
    [PROBLEM_TYPE] = "type",
    [PROBLEM_TITLE] = "title",
    [PROBLEM_STATUS] = "status",
    [PROBLEM_DETAIL] = "detail",
    [PROBLEM_ERROR_CODE] = "error_code",
    [PROBLEM_ERROR] = "error",
    [PROBLEM_REQUEST_ID] = "request_id",
    [PROBLEM_ERRORS] = "errors",
};

const char *openapi_problem_member_name(enum problem_member member)
{
    return member_names[member];
}

/* NULL where the files don't have it. */
static const Google__Protobuf__EnumDescriptorProto *reasons_find(const struct model *model)
{
    for (size_t i = 0; i < model->enumeration_count; i++) {
        if (strcmp(model->enumerations[i].full_name, REASONS) == 0) {
            return model->enumerations[i].descriptor;
        }
    }
    return NULL;
}

static size_t origin_find(const char *reason)
{
    size_t place = 0;
    while (place < ORIGIN_COUNT && strcmp(origins[place].reason, reason) != 0) {
        place++;
    }
    return place;
}

void openapi_problems_check(const struct openapi *openapi)
{
    const Google__Protobuf__EnumDescriptorProto *reasons = reasons_find(openapi->model);
    for (size_t i = 1; reasons != NULL && i < reasons->n_value; i++) {
        if (origin_find(reasons->value[i]->name) == ORIGIN_COUNT) {
            complain(openapi->model->complaints, "proto/compiler/openapi_problems.c",
                     reasons->value[i]->name,
                     "is a reason that no document tells of; add a row for it");
        }
    }
}

static bool has_page_token(const struct message *request)
{
    return message_field(request, "page_token") != NULL;
}

static bool comes_from(enum origin origin, const struct binding *binding)
{
    const struct method *method = binding->method;
    const Google__Protobuf__MethodOptions *options = method->descriptor->options;
    switch (origin) {
    case FROM_ANY_ROUTE:
        return true;
    case FROM_A_BODY:
        return binding->body != ROUTE_BODY_NONE;
    case FROM_A_PAGE_TOKEN:
        return has_page_token(method->request);
    case FROM_A_NAME:
        return binding->template.variable_count > 0;
    case FROM_A_CALLER:
        return !openapi_is_public(method);
    case FROM_A_CHANGE:
        return options == NULL || (int)options->idempotency_level != DS_NO_SIDE_EFFECTS;
    default:
        return false;
    }
}

/* As profile_status() of the gateway. */
static uint32_t status_of(const Google__Protobuf__EnumValueDescriptorProto *reason,
                          const struct profile *profile)
{
    static const char *const malformed[] = {"INVALID_JSON", "UNKNOWN_FIELD"};
    static const char *const invalid[] = {"INVALID_REQUEST", "UNKNOWN_PARAMETER",
                                          "INVALID_PAGE_TOKEN"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        if (strcmp(reason->name, malformed[i]) == 0) {
            return profile->malformed_status;
        }
    }
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        if (strcmp(reason->name, invalid[i]) == 0) {
            return profile->invalid_status;
        }
    }
    const uint32_t status = option_http_status(reason->options);
    return status == 0 ? STATUS_DEFAULT : status;
}

static int problem_compare(const void *a, const void *b)
{
    const struct openapi_problem *one = a;
    const struct openapi_problem *other = b;
    if (one->status != other->status) {
        return one->status < other->status ? -1 : 1;
    }
    return strcmp(one->reason, other->reason);
}

size_t openapi_problems(const struct openapi *openapi, const struct binding *binding,
                        struct openapi_problem **ret_problems)
{
    const Google__Protobuf__EnumDescriptorProto *reasons = reasons_find(openapi->model);
    const size_t count_max = reasons == NULL ? 0 : reasons->n_value;
    struct openapi_problem *problems =
        memory_alloc(openapi->model->memory, (count_max + 1) * sizeof *problems);
    size_t count = 0;
    for (size_t i = 1; i < count_max; i++) {
        const size_t place = origin_find(reasons->value[i]->name);
        if (place < ORIGIN_COUNT && comes_from(origins[place].origin, binding)) {
            problems[count++] = (struct openapi_problem){
                .reason = origins[place].reason,
                .status = status_of(reasons->value[i], profile_of(binding->profile)),
                .detail = origins[place].detail,
                .is_common = origins[place].origin == FROM_ANY_ROUTE,
            };
        }
    }
    qsort(problems, count, sizeof *problems, problem_compare);
    *ret_problems = problems;
    return count;
}

static const char *reason_lower(struct memory *memory, const char *reason)
{
    char *lower = memory_copy_text(memory, reason, strlen(reason));
    for (char *at = lower; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return lower;
}

/* "not_found", "not_found-T": the key among the examples. */
static const char *example_key(struct memory *memory, const char *reason, uint32_t profile)
{
    const char *lower = reason_lower(memory, reason);
    return profile == ROUTE_PROFILE_CANONICAL
               ? lower
               : memory_printf(memory, "%s-%s", lower, profile_of(profile)->name);
}

static void response_headers_write(struct json *json, uint32_t status)
{
    json_object_begin(json, "headers");
    json_reference(json, "X-Request-Id", "headers", "X-Request-Id");
    if (status == 401) {
        json_reference(json, "WWW-Authenticate", "headers", "WWW-Authenticate");
    }
    if (status == 415) {
        json_reference(json, "Accept-Encoding", "headers", "Accept-Encoding");
    }
    if (status == 429 || status == 503) {
        json_reference(json, "Retry-After", "headers", "Retry-After");
    }
    json_object_end(json);
}

static void response_write(struct openapi *openapi, const struct openapi_problem *problems,
                           size_t count, uint32_t profile)
{
    struct json *json = openapi->json;
    struct memory *memory = openapi->model->memory;
    const char *description = reason_lower(memory, problems[0].reason);
    for (size_t i = 1; i < count; i++) {
        description =
            memory_printf(memory, "%s, %s", description, reason_lower(memory, problems[i].reason));
    }
    json_object_begin(json, memory_printf(memory, "%u", problems[0].status));
    json_string(json, "description", description);
    response_headers_write(json, problems[0].status);
    json_object_begin(json, "content");
    json_object_begin(json, "application/problem+json");
    json_reference(json, "schema", "schemas", "Problem");
    json_object_begin(json, "examples");
    for (size_t i = 0; i < count; i++) {
        json_reference(json, reason_lower(memory, problems[i].reason), "examples",
                       example_key(memory, problems[i].reason, profile));
    }
    json_object_end(json);
    json_object_end(json);
    json_object_end(json);
    json_object_end(json);
}

void openapi_problem_responses(struct openapi *openapi, const struct binding *binding)
{
    struct openapi_problem *problems = NULL;
    const size_t count = openapi_problems(openapi, binding, &problems);
    size_t first = 0;
    for (size_t i = 1; i <= count; i++) {
        if (i == count || problems[i].status != problems[first].status) {
            response_write(openapi, problems + first, i - first, binding->profile);
            first = i;
        }
    }
}

void openapi_problem_schemas(struct openapi *openapi)
{
    json_raw(openapi->json, "Problem",
             "{\"description\":\"Any error (RFC 9457). The profiles differ in the order of the "
             "members, and P writes error_code in capitals.\",\"type\":\"object\",\"required\":["
             "\"type\",\"title\",\"status\",\"detail\",\"error_code\",\"error\",\"request_id\","
             "\"errors\"],\"properties\":{"
             "\"type\":{\"type\":\"string\",\"format\":\"uri-reference\",\"description\":"
             "\"/problems/ and the error_code in lower case; stable.\"},"
             "\"title\":{\"type\":\"string\"},"
             "\"status\":{\"type\":\"integer\",\"minimum\":400,\"maximum\":599},"
             "\"detail\":{\"type\":\"string\",\"description\":\"For people; may change.\"},"
             "\"error_code\":{\"type\":\"string\",\"description\":\"For programs; stable.\"},"
             "\"error\":{\"type\":\"string\",\"description\":\"The same text as detail.\"},"
             "\"request_id\":{\"type\":\"string\"},"
             "\"errors\":{\"type\":\"array\",\"items\":{\"$ref\":"
             "\"#/components/schemas/ProblemPlace\"}}}}");
    json_raw(
        openapi->json, "ProblemPlace",
        "{\"description\":\"Where a request is at fault: pointer is a JSON pointer into the "
        "body, offset counts bytes of it, of the line or of a parameter's value, line lines of "
        "an NDJSON body from 1.\","
        "\"type\":\"object\",\"required\":[\"detail\"],\"properties\":{"
        "\"pointer\":{\"type\":\"string\"},\"parameter\":{\"type\":\"string\"},"
        "\"header\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
        "\"line\":{\"type\":\"integer\",\"minimum\":1},"
        "\"offset\":{\"type\":\"integer\",\"minimum\":0}}}");
}

static void member_write(struct json *json, struct memory *memory, const struct profile *profile,
                         enum problem_member member, const struct openapi_problem *problem)
{
    const char *lower = reason_lower(memory, problem->reason);
    const char *name = member_names[member];
    char *title = NULL;
    switch (member) {
    case PROBLEM_TYPE:
        json_printf(json, name, "/problems/%s", lower);
        return;
    case PROBLEM_TITLE:
        title = memory_copy_text(memory, lower, strlen(lower));
        title[0] = (char)toupper((unsigned char)title[0]);
        for (char *at = title; *at != '\0'; at++) {
            *at = *at == '_' ? ' ' : *at;
        }
        json_string(json, name, title);
        return;
    case PROBLEM_STATUS:
        json_integer(json, name, problem->status);
        return;
    case PROBLEM_ERROR_CODE:
        json_string(json, name, profile->error_code_upper ? problem->reason : lower);
        return;
    case PROBLEM_REQUEST_ID:
        json_string(json, name, "6f2a1c3e9b7d4f05-1");
        return;
    case PROBLEM_ERRORS:
        json_array_begin(json, name);
        json_array_end(json);
        return;
    default:
        json_string(json, name, problem->detail);
    }
}

static void example_write(struct openapi *openapi, const struct openapi_problem *problem,
                          uint32_t number)
{
    struct json *json = openapi->json;
    struct memory *memory = openapi->model->memory;
    const struct profile *profile = profile_of(number);
    json_object_begin(json, example_key(memory, problem->reason, number));
    json_object_begin(json, "value");
    for (size_t i = 0; i < PROBLEM_MEMBER_COUNT; i++) {
        member_write(json, memory, profile, (enum problem_member)profile->members[i], problem);
    }
    json_object_end(json);
    json_object_end(json);
}

void openapi_problem_examples(struct openapi *openapi)
{
    const struct routes *routes = openapi->routes;
    bool written[ROUTE_PROFILE_COUNT][ORIGIN_COUNT] = {{false}};
    for (size_t i = 0; i < routes->binding_count; i++) {
        const struct binding *binding = &routes->bindings[i];
        struct openapi_problem *problems = NULL;
        const size_t count = openapi_problems(openapi, binding, &problems);
        for (size_t j = 0; j < count; j++) {
            bool *is_written = &written[binding->profile][origin_find(problems[j].reason)];
            if (!*is_written) {
                *is_written = true;
                example_write(openapi, &problems[j], binding->profile);
            }
        }
    }
}
