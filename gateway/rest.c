#include "gateway/exchange_protocol.h"

#include <stdio.h>

/* JSON is longer than the wire bytes that it is made of: a reply of the largest frame as JSON. */
#define REPLY_JSON_BYTES_MAX ((size_t)4 * 16 * 1024 * 1024)

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

static bool check_head(struct exchange *exchange, struct problem *ret_problem)
{
    struct http_request *request = exchange->request;
    const struct route_binding *binding = exchange->binding;
    const struct ds_method *method = binding->method;
    exchange->fields_are_in_body = binding->body != ROUTE_BODY_NONE;
    if (!exchange->fields_are_in_body) {
        return negotiate_no_body(request, ret_problem) &&
               negotiate_reply(request, "application", "json", ret_problem);
    }
    enum body_form form = BODY_FORM_JSON;
    if (!negotiate_body(request, method->rows != NULL && binding->body == ROUTE_BODY_WHOLE, &form,
                        ret_problem)) {
        return false;
    }
    exchange->form = (uint8_t)form;
    /* The text may be as long as the wire bytes may: it is always the longer of the two, but for
     * lists of single digits. */
    if (request->body_bytes_max > method->request_bytes_max) {
        request->body_bytes_max = method->request_bytes_max;
    }
    return negotiate_reply(request, "application", "json", ret_problem);
}

static bool read_request(struct exchange *exchange, struct ds_bytes *ret_payload,
                         struct problem *ret_problem)
{
    const struct http_request *request = exchange->request;
    const struct transcode_input input = {
        .binding = exchange->binding,
        .match = &exchange->match,
        .query = request->query,
        .body = ds_buffer_bytes(&request->body),
        .form = (enum body_form)exchange->form,
    };
    if (!transcode_request(&input, &exchange->scratch, &exchange->wire, ret_problem)) {
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
    request->reply_body.limit = REPLY_JSON_BYTES_MAX;
    const ds_code code =
        transcode_response(binding, exchange->call.response, &exchange->profile->style,
                           &exchange->scratch, &request->reply_body);
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
}

const struct exchange_protocol exchange_rest = {
    .check_head = check_head,
    .read = read_request,
    .write = write_reply,
    .fail = fail,
};
