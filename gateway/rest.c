#include "gateway/exchange_protocol.h"
#include "gateway/finish.h"

#include <stdio.h>

/* "GET, HEAD, OPTIONS" of what the leaf has. */
static void write_allow(const struct route_leaf *leaf, char allow[REST_ALLOW_BYTES])
{
    size_t size = 0;
    for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (leaf->bindings[i] != NULL) {
            size += (size_t)snprintf(allow + size, REST_ALLOW_BYTES - size, "%s, ",
                                     http_method_name((enum http_method)i));
        }
        if (i == HTTP_METHOD_GET && leaf->bindings[i] != NULL) {
            size += (size_t)snprintf(allow + size, REST_ALLOW_BYTES - size, "HEAD, ");
        }
    }
    (void)snprintf(allow + size, REST_ALLOW_BYTES - size, "OPTIONS");
}

static const struct route_binding *find_binding(const struct exchange *exchange)
{
    const unsigned int method = exchange->request->method;
    if (method == HTTP_METHOD_HEAD) {
        return exchange->match.leaf->bindings[HTTP_METHOD_GET];
    }
    return method < HTTP_METHOD_COUNT ? exchange->match.leaf->bindings[method] : NULL;
}

/* The profile of a path whose method is not known yet: that of what it does have. */
static const struct profile *leaf_profile(const struct route_leaf *leaf)
{
    for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (leaf->bindings[i] != NULL) {
            return profile_of(leaf->bindings[i]->profile);
        }
    }
    return profile_of(ROUTE_PROFILE_CANONICAL);
}

bool rest_find(struct exchange *exchange, char ret_allow[REST_ALLOW_BYTES])
{
    const struct route_binding *binding = find_binding(exchange);
    if (binding == NULL) {
        exchange->profile = leaf_profile(exchange->match.leaf);
        write_allow(exchange->match.leaf, ret_allow);
        return false;
    }
    exchange->binding = binding;
    exchange->method = binding->method;
    exchange->profile = profile_of(binding->profile);
    exchange->route = (size_t)(binding - exchange->gateway->tables.bindings);
    return true;
}

static bool takes_rows(const struct route_binding *binding)
{
    return binding->method->rows != NULL && binding->body == ROUTE_BODY_WHOLE;
}

void rest_write_accepted(struct exchange *exchange)
{
    static const char *const fields[HTTP_METHOD_COUNT] = {
        [HTTP_METHOD_POST] = "Accept-Post",
        [HTTP_METHOD_PATCH] = "Accept-Patch",
    };
    const struct route_leaf *leaf = exchange->match.leaf;
    for (int i = 0; leaf != NULL && i < HTTP_METHOD_COUNT; i++) {
        const struct route_binding *binding = leaf->bindings[i];
        if (fields[i] != NULL && binding != NULL && binding->body != ROUTE_BODY_NONE) {
            http_reply_field_text(exchange->request, fields[i],
                                  takes_rows(binding) ? "application/json, application/x-ndjson"
                                                      : "application/json");
        }
    }
}

static bool check_reply(const struct exchange *exchange, struct problem *ret_problem)
{
    return negotiate_reply(exchange->request, "application", "json", ret_problem) &&
           finish_check_encoding(exchange, ret_problem) &&
           finish_check_preconditions(exchange, ret_problem);
}

static bool check_head(struct exchange *exchange, struct problem *ret_problem)
{
    struct http_request *request = exchange->request;
    const struct route_binding *binding = exchange->binding;
    const struct ds_method *method = binding->method;
    if (binding->body == ROUTE_BODY_NONE) {
        return negotiate_no_body(request, ret_problem) && check_reply(exchange, ret_problem);
    }
    enum body_form form = BODY_FORM_JSON;
    if (!negotiate_length(request, ret_problem) ||
        !finish_check_body_encoding(exchange, NULL, ret_problem) ||
        !negotiate_body(request, takes_rows(binding), &form, ret_problem)) {
        return false;
    }
    exchange->form = (uint8_t)form;
    /* The text may be as long as the wire bytes may: it is always the longer of the two, but for
     * lists of single digits. */
    if (request->body_bytes_max > method->request_bytes_max) {
        request->body_bytes_max = method->request_bytes_max;
    }
    return check_reply(exchange, ret_problem);
}

static bool read_request(struct exchange *exchange, struct ds_bytes *ret_payload,
                         struct problem *ret_problem)
{
    const struct http_request *request = exchange->request;
    if (!finish_decode_body(exchange, ret_problem)) {
        return false;
    }
    const struct ds_json_types types = gateway_tables_types(&exchange->gateway->tables);
    const struct transcode_input input = {
        .binding = exchange->binding,
        .match = &exchange->match,
        .query = request->query,
        .body = ds_buffer_bytes(&request->body),
        .form = (enum body_form)exchange->form,
        .types = &types,
    };
    if (!transcode_request(&input, &exchange->scratch, &exchange->wire, &exchange->enum_numbers,
                           ret_problem)) {
        return false;
    }
    *ret_payload = ds_buffer_bytes(&exchange->wire);
    return true;
}

static bool write_reply(struct exchange *exchange, struct problem *ret_problem)
{
    struct http_request *request = exchange->request;
    const struct route_binding *binding = exchange->binding;
    exchange_begin_reply(exchange, binding->success_status, "application/json");
    request->reply_body.limit = EXCHANGE_REPLY_BYTES_MAX;
    struct ds_json_style style = exchange->profile->style;
    const struct ds_json_types types = gateway_tables_types(&exchange->gateway->tables);
    style.enum_numbers = exchange->enum_numbers;
    style.types = &types;
    const ds_code code =
        transcode_response(binding, exchange->call.response, &style, &request->reply_body);
    if (code == DS_OK) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(INTERNAL), "%s",
                code == DS_RESOURCE_EXHAUSTED ? "the reply is too large; ask for fewer rows"
                                              : "the service's answer can't be read");
    ret_problem->code = DS_INTERNAL;
    return false;
}

static void fail(struct exchange *exchange, const struct problem *problem)
{
    problem_reply(problem, exchange->profile, exchange->request_id, exchange->request);
    if (problem->reason == DS_REASON(UNSUPPORTED_MEDIA_TYPE)) {
        rest_write_accepted(exchange);
    } else if (problem->reason == DS_REASON(UNSUPPORTED_ENCODING)) {
        http_reply_field_text(exchange->request, "Accept-Encoding",
                              exchange->gateway->gzip != NULL ? "gzip, identity" : "identity");
    }
}

const struct exchange_protocol exchange_rest = {
    .check_head = check_head,
    .read = read_request,
    .write = write_reply,
    .fail = fail,
};
