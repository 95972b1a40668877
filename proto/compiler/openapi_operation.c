#include "openapi_operation.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "ListTicks" as "List ticks". */
static const char *title_of(struct memory *memory, const char *name)
{
    const char *title = "";
    for (const char *at = name; *at != '\0'; at++) {
        const bool begins_word = isupper((unsigned char)*at) && at > name;
        title = memory_printf(memory, "%s%s%c", title, begins_word ? " " : "",
                              begins_word ? tolower((unsigned char)*at) : *at);
    }
    return title;
}

static const char *idempotency_of(const struct method *method)
{
    const Google__Protobuf__MethodOptions *options = method->descriptor->options;
    switch (options == NULL ? 0 : (int)options->idempotency_level) {
    case DS_NO_SIDE_EFFECTS:
        return "no_side_effects";
    case DS_IDEMPOTENT:
        return "idempotent";
    default:
        return "unknown";
    }
}

static bool has_side_effects(const struct method *method)
{
    const Google__Protobuf__MethodOptions *options = method->descriptor->options;
    return options == NULL || (int)options->idempotency_level != DS_NO_SIDE_EFFECTS;
}

/* As the gateway's finish.h gives replies entity tags. */
static bool has_entity_tag(const struct binding *binding)
{
    return binding->http_method == HTTP_METHOD_GET && !has_side_effects(binding->method);
}

static void method_members(struct openapi *openapi, const struct method *method)
{
    struct json *json = openapi->json;
    const char *comment = comment_of(openapi->comments, method->descriptor);
    json_string(json, "summary", title_of(openapi->model->memory, method->descriptor->name));
    if (comment[0] != '\0') {
        json_string(json, "description", comment);
    }
    json_string(json, "x-deltastream-method", method->full_name);
    json_string(json, "x-deltastream-permission", method->rules->permission);
    json_string(json, "x-deltastream-idempotency", idempotency_of(method));
    json_integer(json, "x-deltastream-timeout-ms", method->rules->timeout_ms);
    json_integer(json, "x-deltastream-request-bytes-max", method->rules->request_bytes_max);
}

static void security_write(struct json *json, const struct method *method)
{
    if (openapi_is_public(method)) {
        json_raw(json, "security", "[]");
    } else if (openapi_needs_credentials(method)) {
        json_raw(json, "security", "[{\"bearer\":[]},{\"apiKey\":[]}]");
    } else {
        json_raw(json, "security", "[{\"bearer\":[]},{\"apiKey\":[]},{}]");
    }
}

static void parameter_write(struct openapi *openapi, const char *name, const struct field *field,
                            bool in_path)
{
    struct json *json = openapi->json;
    const char *comment = comment_of(openapi->comments, field->descriptor);
    json_object_begin(json, NULL);
    json_string(json, "name", name);
    json_string(json, "in", in_path ? "path" : "query");
    if (comment[0] != '\0') {
        json_string(json, "description", comment);
    }
    if (in_path) {
        json_bool(json, "required", true);
        json_string(json, "style", "simple");
    } else {
        if (openapi_field_is_required(field, SHAPE_REQUEST)) {
            json_bool(json, "required", true);
        }
        json_string(json, "style", "form");
        json_bool(json, "explode", true);
    }
    openapi_text_schema(openapi, "schema", field);
    if (openapi_field_has_example(openapi, field)) {
        openapi_field_example(openapi, "example", field, SHAPE_REQUEST);
    }
    json_object_end(json);
}

static void parameters_write(struct openapi *openapi, const struct binding *binding)
{
    struct json *json = openapi->json;
    json_array_begin(json, "parameters");
    for (size_t i = 0; i < binding->template.variable_count; i++) {
        const struct bound_variable *variable = &binding->variables[i];
        parameter_write(openapi, binding->template.variables[i].field_path,
                        variable->path[variable->depth - 1], true);
    }
    struct openapi_parameter *parameters = NULL;
    const size_t count = openapi_query_parameters(openapi, binding, &parameters);
    for (size_t i = 0; i < count; i++) {
        parameter_write(openapi, parameters[i].name, parameters[i].field, false);
    }
    json_reference(json, NULL, "parameters", "X-Request-Id");
    if (has_side_effects(binding->method)) {
        json_reference(json, NULL, "parameters", "Idempotency-Key");
    }
    if (has_entity_tag(binding)) {
        json_reference(json, NULL, "parameters", "If-None-Match");
    }
    json_array_end(json);
}

static void json_body_write(struct openapi *openapi, const struct binding *binding)
{
    struct json *json = openapi->json;
    json_object_begin(json, "application/json");
    if (binding->body == ROUTE_BODY_WHOLE) {
        openapi_message_schema(openapi, "schema", binding->method->request, SHAPE_REQUEST);
        openapi_message_example(openapi, "example", binding->method->request, SHAPE_REQUEST);
    } else {
        openapi_field_schema(openapi, "schema", binding->body_field, SHAPE_REQUEST);
        openapi_field_example(openapi, "example", binding->body_field, SHAPE_REQUEST);
    }
    json_object_end(json);
}

/* One row a line. */
static void lines_body_write(struct openapi *openapi, const struct field *rows)
{
    struct json *json = openapi->json;
    char *line = NULL;
    size_t line_bytes = 0;
    struct json text = {.file = open_memstream(&line, &line_bytes)};
    if (text.file == NULL) {
        abort();
    }
    openapi->json = &text;
    openapi_message_example(openapi, NULL, rows->message, SHAPE_REQUEST);
    openapi->json = json;
    fclose(text.file);
    json_object_begin(json, "application/x-ndjson");
    json_object_begin(json, "schema");
    json_string(json, "type", "string");
    json_string(json, "description", "A JSON object a line, which is one of the rows.");
    json_string(json, "contentMediaType", "application/x-ndjson");
    openapi_message_schema(openapi, "contentSchema", rows->message, SHAPE_REQUEST);
    json_object_end(json);
    json_printf(json, "example", "%s\n", line);
    json_object_end(json);
    free(line);
}

static void body_write(struct openapi *openapi, const struct binding *binding)
{
    struct json *json = openapi->json;
    if (binding->body == ROUTE_BODY_NONE) {
        return;
    }
    json_object_begin(json, "requestBody");
    if (binding->mask_field != NULL) {
        json_printf(json, "description",
                    "Without %s, what the body gives is what is changed; null clears.",
                    binding->mask_field->descriptor->name);
    }
    json_bool(json, "required", true);
    json_object_begin(json, "content");
    json_body_write(openapi, binding);
    if (binding->body == ROUTE_BODY_WHOLE && binding->method->rows != NULL) {
        lines_body_write(openapi, binding->method->rows);
    }
    json_object_end(json);
    json_object_end(json);
}

static void success_write(struct openapi *openapi, const struct binding *binding)
{
    struct json *json = openapi->json;
    struct memory *memory = openapi->model->memory;
    const struct field *field = binding->response_field;
    const struct message *message = field == NULL ? binding->method->response : field->message;
    const enum shape shape = message == NULL
                                 ? openapi_reply_shape(binding->profile, binding->method->response)
                                 : openapi_reply_shape(binding->profile, message);
    const char *comment = message == NULL ? "" : comment_of(openapi->comments, message->descriptor);
    json_object_begin(json, memory_printf(memory, "%" PRIu32, binding->success_status));
    json_string(json, "description", comment[0] == '\0' ? "OK" : comment);
    json_object_begin(json, "headers");
    json_reference(json, "X-Request-Id", "headers", "X-Request-Id");
    json_reference(json, "Server-Timing", "headers", "Server-Timing");
    if (has_entity_tag(binding)) {
        json_reference(json, "ETag", "headers", "ETag");
    }
    json_object_end(json);
    json_object_begin(json, "content");
    json_object_begin(json, "application/json");
    if (field == NULL) {
        openapi_message_schema(openapi, "schema", message, shape);
        openapi_message_example(openapi, "example", message, shape);
    } else {
        openapi_field_schema(openapi, "schema", field, shape);
        openapi_field_example(openapi, "example", field, shape);
    }
    json_object_end(json);
    json_object_end(json);
    json_object_end(json);
}

static void tag_write(struct json *json, const struct binding *binding)
{
    const char *service = binding->method->service->descriptor->name;
    json_array_begin(json, "tags");
    if (binding->profile == ROUTE_PROFILE_CANONICAL) {
        json_string(json, NULL, service);
    } else {
        json_printf(json, NULL, "%s, profile %s", service, openapi_family(binding));
    }
    json_array_end(json);
}

void openapi_operation(struct openapi *openapi, const struct binding *binding)
{
    static const char *const members[HTTP_METHOD_COUNT] = {
        [HTTP_METHOD_GET] = "get",     [HTTP_METHOD_POST] = "post",     [HTTP_METHOD_PUT] = "put",
        [HTTP_METHOD_PATCH] = "patch", [HTTP_METHOD_DELETE] = "delete",
    };
    struct json *json = openapi->json;
    json_object_begin(json, members[binding->http_method]);
    tag_write(json, binding);
    json_string(json, "operationId", openapi_operation_id(openapi, binding));
    method_members(openapi, binding->method);
    json_string(json, "x-deltastream-profile", openapi_family(binding));
    json_string(json, "x-deltastream-template", binding->path);
    parameters_write(openapi, binding);
    body_write(openapi, binding);
    json_object_begin(json, "responses");
    success_write(openapi, binding);
    if (has_entity_tag(binding)) {
        json_reference(json, "304", "responses", "NotModified");
    }
    openapi_problem_responses(openapi, binding);
    json_reference(json, "default", "responses", "Problem");
    json_object_end(json);
    security_write(json, binding->method);
    json_object_end(json);
}

static void connect_responses_write(struct openapi *openapi, const struct method *method)
{
    struct json *json = openapi->json;
    json_object_begin(json, "responses");
    json_object_begin(json, "200");
    json_string(json, "description", "OK");
    json_object_begin(json, "content");
    json_object_begin(json, "application/json");
    openapi_message_schema(openapi, "schema", method->response, SHAPE_CONNECT);
    openapi_message_example(openapi, "example", method->response, SHAPE_CONNECT);
    json_object_end(json);
    json_raw(json, "application/proto", "{}");
    json_object_end(json);
    json_object_end(json);
    json_reference(json, "default", "responses", "ConnectError");
    json_object_end(json);
}

static void connect_head_write(struct openapi *openapi, const struct method *method,
                               const char *member)
{
    struct json *json = openapi->json;
    json_object_begin(json, member);
    json_array_begin(json, "tags");
    json_printf(json, NULL, "%s, Connect", method->service->descriptor->name);
    json_array_end(json);
    json_printf(json, "operationId", "%s_%s_Connect_%s", method->service->symbol,
                method->descriptor->name, member);
    method_members(openapi, method);
    json_string(json, "x-deltastream-profile", "Connect");
}

static void connect_post_write(struct openapi *openapi, const struct method *method)
{
    struct json *json = openapi->json;
    connect_head_write(openapi, method, "post");
    json_array_begin(json, "parameters");
    json_reference(json, NULL, "parameters", "Connect-Protocol-Version");
    json_reference(json, NULL, "parameters", "Connect-Timeout-Ms");
    json_reference(json, NULL, "parameters", "X-Request-Id");
    if (has_side_effects(method)) {
        json_reference(json, NULL, "parameters", "Idempotency-Key");
    }
    json_array_end(json);
    json_object_begin(json, "requestBody");
    json_bool(json, "required", true);
    json_object_begin(json, "content");
    json_object_begin(json, "application/json");
    openapi_message_schema(openapi, "schema", method->request, SHAPE_REQUEST);
    openapi_message_example(openapi, "example", method->request, SHAPE_REQUEST);
    json_object_end(json);
    json_raw(json, "application/proto", "{}");
    json_object_end(json);
    json_object_end(json);
    connect_responses_write(openapi, method);
    security_write(json, method);
    json_object_end(json);
}

/* The request in the query, as JSON has it. */
static void connect_message_write(struct openapi *openapi, const struct method *method)
{
    struct json *json = openapi->json;
    json_object_begin(json, NULL);
    json_string(json, "name", "message");
    json_string(json, "in", "query");
    json_string(json, "description", "The request, as encoding, base64 and compression say.");
    json_bool(json, "required", true);
    json_object_begin(json, "content");
    json_object_begin(json, "application/json");
    openapi_message_schema(openapi, "schema", method->request, SHAPE_REQUEST);
    openapi_message_example(openapi, "example", method->request, SHAPE_REQUEST);
    json_object_end(json);
    json_object_end(json);
    json_object_end(json);
}

static void connect_get_write(struct openapi *openapi, const struct method *method)
{
    struct json *json = openapi->json;
    connect_head_write(openapi, method, "get");
    json_array_begin(json, "parameters");
    connect_message_write(openapi, method);
    static const char *const names[] = {"connect", "encoding", "base64", "compression"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_reference(json, NULL, "parameters",
                       memory_printf(openapi->model->memory, "Connect-get-%s", names[i]));
    }
    json_reference(json, NULL, "parameters", "Connect-Timeout-Ms");
    json_array_end(json);
    connect_responses_write(openapi, method);
    security_write(json, method);
    json_object_end(json);
}

void openapi_connect_path(struct openapi *openapi, const struct method *method)
{
    const Google__Protobuf__MethodOptions *options = method->descriptor->options;
    json_object_begin(openapi->json,
                      memory_printf(openapi->model->memory, "/%s", method->full_name));
    connect_post_write(openapi, method);
    if (options != NULL && (int)options->idempotency_level == DS_NO_SIDE_EFFECTS) {
        connect_get_write(openapi, method);
    }
    json_object_end(openapi->json);
}
