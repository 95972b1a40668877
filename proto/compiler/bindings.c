#include "routes.h"
#include "system_routes.h"

#include <string.h>

#define STATUS_DEFAULT 200
#define STATUS_MIN 200
#define STATUS_MAX 299

/* What an option says about a route, before it is checked. */
struct wish {
    const char *method; /* "GET"; what the .proto says, which may be anything */
    const char *path;
    const char *body;
    const char *response_body;
    uint32_t success_status;
    uint32_t profile;
};

/* The binding under check and where to complain of it. */
struct check {
    struct routes *routes;
    const struct model *model;
    struct binding *binding;
    const char *subject; /* "pkg.Service/Method: GET /path" */
    bool has_failed;
};

static void __attribute__((format(printf, 2, 3)))
refuse(struct check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain_with(check->routes->complaints, check->binding->method->service->file->path,
                  check->subject, format, arguments);
    va_end(arguments);
    check->has_failed = true;
}

/* A variable takes text: a scalar, or a message that JSON writes as a string or a scalar. */
static bool is_text_like(const struct field *field)
{
    return field->message == NULL || ds_wellknown_is_text(field->message->wellknown);
}

/* Follows the dotted `path` from the request; complains where it leads nowhere. */
static void variable_bind(struct check *check, const char *path, struct bound_variable *variable)
{
    char *rest = memory_copy_text(check->routes->memory, path, strlen(path));
    const struct message *message = check->binding->method->request;
    const struct field *field = NULL;
    for (char *name = strsep(&rest, "."); name != NULL; name = strsep(&rest, ".")) {
        if (message == NULL) {
            refuse(check, "variable {%s}: %s has no fields; name a field of a message", path,
                   field->descriptor->name);
            return;
        }
        if (variable->depth == ROUTE_FIELD_DEPTH_MAX) {
            refuse(check,
                   "variable {%s} has more than %d names; bind a field nearer to the request", path,
                   ROUTE_FIELD_DEPTH_MAX);
            return;
        }
        field = message_field(message, name);
        if (field == NULL) {
            refuse(check, "variable {%s}: \"%s\" is no field of %s; name one of its fields", path,
                   name, message->full_name);
            return;
        }
        if ((field->flags & DS_FIELD_REPEATED) != 0) {
            refuse(check, "variable {%s}: %s is repeated; a path fills a single value", path, name);
            return;
        }
        variable->path[variable->depth++] = field;
        message = field->message;
    }
    if (!is_text_like(field)) {
        refuse(check, "variable {%s} is of type %s; name a scalar field in it", path,
               field->message->full_name);
    }
}

static bool are_rivals(const struct field *a, const struct field *b)
{
    return a != b && a->oneof >= 0 && a->oneof == b->oneof;
}

/* Complains where one path is the other or leads into it, so that both would fill the same field,
 * and where they fill two members of a oneof. */
static void variables_compare(struct check *check, size_t first, size_t second)
{
    const struct template_variable *names = check->binding->template.variables;
    const struct bound_variable *a = &check->binding->variables[first];
    const struct bound_variable *b = &check->binding->variables[second];
    const size_t depth = a->depth < b->depth ? a->depth : b->depth;
    for (size_t i = 0; i < depth; i++) {
        if (are_rivals(a->path[i], b->path[i])) {
            refuse(check,
                   "variables {%s} and {%s} fill two members of one oneof; name one of them only",
                   names[first].field_path, names[second].field_path);
        }
        if (a->path[i] != b->path[i]) {
            return;
        }
    }
    refuse(check, "variable {%s} fills the same field as {%s}; remove one",
           names[second].field_path, names[first].field_path);
}

static void variables_check(struct check *check)
{
    struct binding *binding = check->binding;
    const struct path_template *template = &binding->template;
    for (size_t i = 0; i < template->variable_count && !check->has_failed; i++) {
        variable_bind(check, template->variables[i].field_path, &binding->variables[i]);
        for (size_t j = 0; j < i && !check->has_failed; j++) {
            variables_compare(check, j, i);
        }
    }
}

static const struct field *body_field_find(struct check *check, const struct message *message,
                                           const char *option, const char *name)
{
    const struct field *field = message_field(message, name);
    if (field == NULL) {
        refuse(check, "%s: \"%s\" is no field of %s; name one of its fields", option, name,
               message->full_name);
        return NULL;
    }
    return field;
}

static void body_and_path_check(struct check *check, const char *body)
{
    const struct binding *binding = check->binding;
    for (size_t i = 0; i < binding->template.variable_count && !check->has_failed; i++) {
        const struct bound_variable *variable = &binding->variables[i];
        if (variable->depth == 1 && variable->path[0] == binding->body_field) {
            refuse(check, "the body and the path both fill \"%s\"; name another field for one",
                   body);
        } else if (are_rivals(variable->path[0], binding->body_field)) {
            refuse(
                check,
                "the body fills \"%s\" and the path {%s}, two members of one oneof; name another "
                "field for one",
                body, binding->template.variables[i].field_path);
        }
    }
}

static void body_check(struct check *check, const char *body)
{
    struct binding *binding = check->binding;
    if (body[0] == '\0') {
        return;
    }
    if (binding->http_method == HTTP_METHOD_GET || binding->http_method == HTTP_METHOD_DELETE) {
        refuse(check, "%s requests have no body; remove body: \"%s\"",
               http_method_name(binding->http_method), body);
        return;
    }
    if (strcmp(body, "*") == 0) {
        binding->body = ROUTE_BODY_WHOLE;
        return;
    }
    binding->body = ROUTE_BODY_FIELD;
    binding->body_field = body_field_find(check, binding->method->request, "body", body);
    if (binding->body_field != NULL) {
        body_and_path_check(check, body);
    }
}

/* The mask of an update, which says what of the body counts: made of the body's own names where the
 * client sends none (AIP-134). A body that is no message has no names. */
static void mask_find(struct binding *binding)
{
    const struct field *body = binding->body_field;
    const bool has_names =
        binding->body == ROUTE_BODY_WHOLE ||
        (body != NULL && body->message != NULL && (body->flags & DS_FIELD_REPEATED) == 0 &&
         body->message->wellknown == DS_WELLKNOWN_NONE);
    const struct field *mask = message_field(binding->method->request, "update_mask");
    if (binding->http_method == HTTP_METHOD_PATCH && has_names && mask != NULL &&
        mask->message != NULL && (mask->flags & DS_FIELD_REPEATED) == 0 &&
        mask->message->wellknown == DS_WELLKNOWN_FIELD_MASK) {
        binding->mask_field = mask;
    }
}

/* What the gateway answers itself: no route may take it. */
static void own_paths_check(struct check *check)
{
    const struct binding *binding = check->binding;
    for (size_t i = 0; i < system_route_row_count; i++) {
        if (template_takes(&binding->template, system_route_rows[i].path)) {
            refuse(check, "takes %s, which the gateway answers itself; begin with another segment",
                   system_route_rows[i].path);
            return;
        }
    }
}

/* Every method answers POST /pkg.Service/Method, as Connect's protocol has it. */
static void connect_paths_check(struct check *check)
{
    const struct model *model = check->model;
    const struct binding *binding = check->binding;
    if (binding->http_method != HTTP_METHOD_POST) {
        return;
    }
    for (size_t i = 0; i < model->service_count; i++) {
        for (size_t j = 0; j < model->services[i].method_count; j++) {
            const char *path = memory_printf(check->routes->memory, "/%s",
                                             model->services[i].methods[j].full_name);
            if (template_takes(&binding->template, path)) {
                refuse(check,
                       "takes POST %s, which is the method's own route; begin with another "
                       "segment",
                       path);
                return;
            }
        }
    }
}

static void status_check(struct check *check, const struct wish *wish)
{
    struct binding *binding = check->binding;
    binding->success_status = wish->success_status == 0 ? STATUS_DEFAULT : wish->success_status;
    if (binding->success_status < STATUS_MIN || binding->success_status > STATUS_MAX) {
        refuse(check, "success_status: %u is no status of a success; write %d to %d",
               wish->success_status, STATUS_MIN, STATUS_MAX);
    }
    binding->profile = wish->profile;
    if (binding->profile >= ROUTE_PROFILE_COUNT) {
        refuse(check, "profile: the gateway has no profile %u; add it to gateway/routes.h",
               wish->profile);
    }
}

static void template_check(struct check *check)
{
    struct binding *binding = check->binding;
    if (strcmp(binding->path, "/") == 0) {
        refuse(check, "takes /, which the gateway answers itself; begin with another segment");
        return;
    }
    const char *problem = template_parse(check->routes->memory, binding->path, &binding->template);
    if (problem != NULL) {
        refuse(check, "the path %s", problem);
    }
}

/* HttpRule.custom takes any word; what would do for those that the standard names. */
static void method_refuse(struct check *check, const char *method)
{
    if (strcmp(method, "HEAD") == 0) {
        refuse(check, "\"HEAD\" is no method of a route: the gateway answers it as GET without the "
                      "body; write get");
    } else if (strcmp(method, "OPTIONS") == 0) {
        refuse(check, "\"OPTIONS\" is no method of a route: the gateway answers it with the path's "
                      "methods; remove the rule");
    } else if (strcmp(method, "*") == 0) {
        refuse(check, "\"*\" is no method of a route: a route says which one it takes; write one "
                      "rule for each, in additional_bindings");
    } else {
        refuse(check, "\"%s\" is no method of a route; write GET, POST, PUT, PATCH or DELETE",
               method);
    }
}

/* What google.api.HttpBody stands for is bytes of any type, which no route has. */
static void raw_bodies_check(struct check *check)
{
    const struct binding *binding = check->binding;
    const struct message *const messages[] = {
        binding->method->request,
        binding->method->response,
        binding->body_field == NULL ? NULL : binding->body_field->message,
        binding->response_field == NULL ? NULL : binding->response_field->message,
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (messages[i] != NULL && strcmp(messages[i]->full_name, "google.api.HttpBody") == 0) {
            refuse(check, "google.api.HttpBody is not supported: bodies are JSON; use a message "
                          "with a bytes field");
            return;
        }
    }
}

static void binding_add(struct routes *routes, const struct model *model,
                        const struct method *method, const struct wish *wish)
{
    struct binding binding = {
        .method = method,
        .http_method = http_method_find(wish->method),
        .path = wish->path,
    };
    struct check check = {
        .routes = routes,
        .model = model,
        .binding = &binding,
        .subject =
            memory_printf(routes->memory, "%s: %s %s", method->full_name, wish->method, wish->path),
    };
    if (binding.http_method == HTTP_METHOD_OTHER) {
        method_refuse(&check, wish->method);
        return;
    }
    template_check(&check);
    if (check.has_failed) {
        return;
    }
    variables_check(&check);
    body_check(&check, wish->body);
    if (wish->response_body[0] != '\0') {
        binding.response_field =
            body_field_find(&check, method->response, "response_body", wish->response_body);
    }
    mask_find(&binding);
    raw_bodies_check(&check);
    status_check(&check, wish);
    own_paths_check(&check);
    connect_paths_check(&check);
    if (check.has_failed) {
        return;
    }
    routes->bindings = memory_grow(routes->memory, routes->bindings, routes->binding_count,
                                   sizeof *routes->bindings);
    routes->bindings[routes->binding_count++] = binding;
}

static void http_rule_add(struct routes *routes, const struct model *model,
                          const struct method *method, const Google__Api__HttpRule *rule)
{
    struct wish wish = {.body = rule->body, .response_body = rule->response_body};
    if (rule->selector[0] != '\0') {
        complain(routes->complaints, method->service->file->path, method->full_name,
                 "selector: \"%s\" belongs into a service's configuration; remove it: a rule in a "
                 ".proto is its method's",
                 rule->selector);
        return;
    }
    switch (rule->pattern_case) {
    case GOOGLE__API__HTTP_RULE__PATTERN_GET:
        wish.method = "GET";
        wish.path = rule->get;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PUT:
        wish.method = "PUT";
        wish.path = rule->put;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_POST:
        wish.method = "POST";
        wish.path = rule->post;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_DELETE:
        wish.method = "DELETE";
        wish.path = rule->delete_;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PATCH:
        wish.method = "PATCH";
        wish.path = rule->patch;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_CUSTOM:
        wish.method = rule->custom->kind;
        wish.path = rule->custom->path;
        break;
    default:
        complain(routes->complaints, method->service->file->path, method->full_name,
                 "option (google.api.http) has a rule without a path; add get: \"/...\" or another "
                 "method's");
        return;
    }
    binding_add(routes, model, method, &wish);
}

static void method_add(struct routes *routes, const struct model *model,
                       const struct method *method)
{
    const Google__Api__HttpRule *rule = method->http_rule;
    if (rule != NULL) {
        http_rule_add(routes, model, method, rule);
    }
    for (size_t i = 0; rule != NULL && i < rule->n_additional_bindings; i++) {
        const Google__Api__HttpRule *additional = rule->additional_bindings[i];
        if (additional->n_additional_bindings > 0) {
            complain(routes->complaints, method->service->file->path, method->full_name,
                     "additional_bindings within additional_bindings; list them side by side");
            continue;
        }
        http_rule_add(routes, model, method, additional);
    }
    for (size_t i = 0; i < method->binding_count; i++) {
        const Deltastream__Binding *binding = method->bindings[i];
        binding_add(routes, model, method,
                    &(struct wish){
                        .method = binding->method,
                        .path = binding->path,
                        .body = binding->body,
                        .response_body = "",
                        .success_status = binding->success_status,
                        .profile = (uint32_t)binding->profile,
                    });
    }
}

void bindings_load(struct routes *routes, const struct model *model)
{
    for (size_t i = 0; i < model->service_count; i++) {
        for (size_t j = 0; j < model->services[i].method_count; j++) {
            method_add(routes, model, &model->services[i].methods[j]);
        }
    }
}
