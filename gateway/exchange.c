#include "gateway/exchange.h"

#include "ds/log.h"
#include "gateway/identity.h"
#include "gateway/system.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* JSON is longer than the wire bytes that it is made of: a reply of the largest frame as JSON. */
#define REPLY_JSON_BYTES_MAX ((size_t)4 * 16 * 1024 * 1024)
#define KEPT_BYTES_MAX ((size_t)64 * 1024)
#define ALLOW_BYTES 64
/* Not HTTP's own, but what logs and metrics of other servers call it too. */
#define STATUS_CLIENT_LEFT 499

static void finish_call(struct completion *completion);

static void buffer_reset(struct ds_buffer *buffer)
{
    if (buffer->capacity > KEPT_BYTES_MAX) {
        ds_buffer_deinit(buffer);
    }
    ds_buffer_clear(buffer);
}

static struct exchange *take_idle(struct gateway *gateway)
{
    struct exchange *exchange = gateway->idle_exchanges;
    if (exchange != NULL) {
        gateway->idle_exchanges = exchange->next;
        gateway->idle_exchange_count--;
        return exchange;
    }
    exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        abort();
    }
    ds_buffer_init(&exchange->wire, SIZE_MAX);
    ds_buffer_init(&exchange->scratch, SIZE_MAX);
    return exchange;
}

void exchange_destroy(struct exchange *exchange)
{
    ds_buffer_deinit(&exchange->wire);
    ds_buffer_deinit(&exchange->scratch);
    free(exchange);
}

static struct exchange *begin(struct gateway *gateway, struct http_request *request)
{
    struct exchange *exchange = take_idle(gateway);
    exchange->gateway = gateway;
    exchange->request = request;
    exchange->binding = NULL;
    exchange->system_route = NULL;
    exchange->backend = NULL;
    exchange->principal = NULL;
    exchange->profile = profile_of(ROUTE_PROFILE_CANONICAL);
    exchange->route = http_metrics_extra_route(HTTP_ROUTE_NONE);
    exchange->state = EXCHANGE_READING;
    exchange->abandoned = false;
    exchange->completion.finish = finish_call;
    request->handler_data = exchange;
    request_id_assign(exchange);
    trace_assign(exchange);
    return exchange;
}

/* Queries may carry secrets, so the log has the path only. */
static void log_access(const struct exchange *exchange, int64_t duration_us)
{
    const struct http_request *request = exchange->request;
    char method[16];
    char path[512];
    char trace_id[2 * DS_TRACE_ID_BYTES + 1];
    char span_id[2 * DS_SPAN_ID_BYTES + 1];
    (void)snprintf(method, sizeof method, "%.*s", (int)request->method_text.size,
                   (const char *)request->method_text.data);
    (void)snprintf(path, sizeof path, "%.*s", (int)request->path.size,
                   (const char *)request->path.data);
    ds_trace_write_id(&exchange->trace, trace_id);
    ds_span_write_id(exchange->trace.span_id, span_id);
    ds_log(DS_LOG_INFO, "http_request", DS_LOG_TEXT("method", method), DS_LOG_TEXT("path", path),
           DS_LOG_INT("status", request->status), DS_LOG_INT("duration_us", duration_us),
           DS_LOG_INT("request_bytes", request->body.size),
           DS_LOG_INT("response_bytes", request->reply_body.size),
           DS_LOG_TEXT("request_id", exchange->request_id), DS_LOG_TEXT("peer", request->peer),
           DS_LOG_TEXT("service", system_service_name(exchange)), DS_LOG_TEXT("trace_id", trace_id),
           DS_LOG_TEXT("span_id", span_id));
}

void exchange_begin_reply(struct exchange *exchange, unsigned int status, const char *content_type)
{
    struct http_request *request = exchange->request;
    struct ds_buffer *head = &request->reply_head;
    http_reply_begin(request, status);
    ds_buffer_append_text(head, "Content-Type: ");
    ds_buffer_append_text(head, content_type);
    ds_buffer_append_text(head, "\r\nCache-Control: no-store\r\n"
                                "X-Content-Type-Options: nosniff\r\nX-Request-Id: ");
    ds_buffer_append_text(head, exchange->request_id);
    ds_buffer_append(head, "\r\n", 2);
}

void exchange_end(struct exchange *exchange)
{
    struct gateway *gateway = exchange->gateway;
    struct http_request *request = exchange->request;
    const int64_t duration_us = ds_clock_monotonic_us(gateway->clock) - request->began_us;
    http_metrics_count(gateway->http_metrics, exchange->route, request->status, duration_us);
    if (gateway->access_log) {
        log_access(exchange, duration_us);
    }
    request->handler_data = NULL;
    buffer_reset(&exchange->wire);
    buffer_reset(&exchange->scratch);
    if (gateway->idle_exchange_count < GATEWAY_IDLE_EXCHANGES_MAX) {
        exchange->next = gateway->idle_exchanges;
        gateway->idle_exchanges = exchange;
        gateway->idle_exchange_count++;
    } else {
        exchange_destroy(exchange);
    }
    http_reply_send(request);
}

void exchange_end_abandoned(struct exchange *exchange)
{
    http_reply_begin(exchange->request, STATUS_CLIENT_LEFT);
    exchange_end(exchange);
}

void exchange_fail(struct exchange *exchange, const struct problem *problem)
{
    problem_reply(problem, exchange->profile, exchange->request_id, exchange->request);
    exchange_end(exchange);
}

/* "GET, HEAD, OPTIONS" of what the leaf has. */
static void write_allow(const struct route_leaf *leaf, char allow[ALLOW_BYTES])
{
    size_t size = 0;
    for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (leaf->bindings[i] != NULL) {
            size += (size_t)snprintf(allow + size, ALLOW_BYTES - size, "%s, ",
                                     http_method_name((enum http_method)i));
        }
        if (i == HTTP_METHOD_GET && leaf->bindings[i] != NULL) {
            size += (size_t)snprintf(allow + size, ALLOW_BYTES - size, "HEAD, ");
        }
    }
    (void)snprintf(allow + size, ALLOW_BYTES - size, "OPTIONS");
}

static void reply_options(struct exchange *exchange, const char *allow)
{
    http_reply_begin(exchange->request, 204);
    http_reply_field_text(exchange->request, "Allow", allow);
    http_reply_field_text(exchange->request, "X-Request-Id", exchange->request_id);
    exchange_end(exchange);
}

static void refuse_method(struct exchange *exchange, const char *allow)
{
    if (exchange->request->method == HTTP_METHOD_OPTIONS) {
        reply_options(exchange, allow);
        return;
    }
    struct problem problem;
    problem_set(&problem, DS_REASON(METHOD_NOT_ALLOWED), "this path takes %s", allow);
    problem.code = DS_UNIMPLEMENTED;
    problem.allow = allow;
    exchange_fail(exchange, &problem);
}

/* What holds of every route without a body. */
static bool check_no_body(const struct exchange *exchange, struct problem *ret_problem)
{
    if (!exchange->request->has_body) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(INVALID_REQUEST),
                "this request takes no body: send what it needs in the path and the query");
    return false;
}

static bool check_accept(const struct exchange *exchange, const char *type, const char *subtype,
                         struct problem *ret_problem)
{
    if (negotiate_accepts(exchange->request, type, subtype)) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(NOT_ACCEPTABLE), "the reply is %s/%s", type, subtype);
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Accept"),
                      "it does not allow the reply's type");
    return false;
}

static void take_system_route(struct exchange *exchange, const struct system_route *route)
{
    const struct http_request *request = exchange->request;
    struct problem problem;
    exchange->system_route = route;
    exchange->route = http_metrics_extra_route(route->route);
    if (request->method != HTTP_METHOD_GET && request->method != HTTP_METHOD_HEAD) {
        refuse_method(exchange, "GET, HEAD, OPTIONS");
        return;
    }
    if (request->query.size > 0) {
        problem_set(&problem, DS_REASON(UNKNOWN_PARAMETER), "this path has no query parameters");
        exchange_fail(exchange, &problem);
        return;
    }
    if (!check_no_body(exchange, &problem) ||
        !check_accept(exchange, route->type, route->subtype, &problem)) {
        exchange_fail(exchange, &problem);
    }
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

/* All that can be said of a request before its body. */
static bool check_head(struct exchange *exchange, struct problem *ret_problem)
{
    struct http_request *request = exchange->request;
    const struct route_binding *binding = exchange->binding;
    const struct ds_method *method = binding->method;
    if (!identity_find(exchange->gateway->anonymous, method, &exchange->principal, ret_problem)) {
        return false;
    }
    if (binding->body == ROUTE_BODY_NONE) {
        if (!check_no_body(exchange, ret_problem)) {
            return false;
        }
    } else {
        enum body_form form = BODY_FORM_JSON;
        if (!negotiate_body(request, method->rows != NULL && binding->body == ROUTE_BODY_WHOLE,
                            &form, ret_problem)) {
            return false;
        }
        exchange->form = (uint8_t)form;
        /* The text may be as long as the wire bytes may: it is always the longer of the two, but
         * for lists of single digits. */
        if (request->body_bytes_max > method->request_bytes_max) {
            request->body_bytes_max = method->request_bytes_max;
        }
    }
    return check_accept(exchange, "application", "json", ret_problem);
}

static void take_route(struct exchange *exchange)
{
    char allow[ALLOW_BYTES];
    struct problem problem;
    exchange->profile = leaf_profile(exchange->match.leaf);
    const struct route_binding *binding = find_binding(exchange);
    if (binding == NULL) {
        write_allow(exchange->match.leaf, allow);
        refuse_method(exchange, allow);
        return;
    }
    exchange->binding = binding;
    exchange->profile = profile_of(binding->profile);
    exchange->route = (size_t)(binding - route_bindings);
    if (!check_head(exchange, &problem)) {
        exchange_fail(exchange, &problem);
        return;
    }
    if (exchange->request->content_length > exchange->request->body_bytes_max) {
        problem_set(&problem, DS_REASON(REQUEST_TOO_LARGE),
                    "the body has %llu bytes; this route takes %zu at most",
                    (unsigned long long)exchange->request->content_length,
                    exchange->request->body_bytes_max);
        exchange_fail(exchange, &problem);
        return;
    }
    exchange->backend = gateway_backend_of(exchange->gateway, binding->method->service);
    if (exchange->backend == NULL) {
        problem_set(&problem, DS_REASON(SERVICE_UNAVAILABLE),
                    "the service behind this route is not connected");
        problem.code = DS_UNAVAILABLE;
        exchange_fail(exchange, &problem);
    }
}

void exchange_head(void *context, struct http_request *request)
{
    struct exchange *exchange = begin(context, request);
    const struct system_route *route = system_route_find(request->path);
    if (route != NULL) {
        take_system_route(exchange, route);
    } else if (ds_bytes_equal_text(request->path, "*")) {
        reply_options(exchange, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    } else if (route_find(request->path, &exchange->match)) {
        take_route(exchange);
    } else {
        struct problem problem;
        problem_set(&problem, DS_REASON(NOT_FOUND), "there is nothing at this path");
        problem.code = DS_NOT_FOUND;
        exchange_fail(exchange, &problem);
    }
}

static void call_done(struct ds_client_call *call)
{
    struct exchange *exchange = call->context;
    gateway_complete(exchange->gateway, &exchange->completion);
}

void exchange_request(void *context, struct http_request *request)
{
    struct exchange *exchange = request->handler_data;
    if (exchange->system_route != NULL) {
        exchange->system_route->serve(exchange);
        return;
    }
    /* Asked again since the head: many requests may have come in one turn. */
    const struct http_refusal *busy = http_server_busy(exchange->gateway->server);
    if (busy != NULL) {
        exchange_refuse(context, request, busy);
        return;
    }
    const struct transcode_input input = {
        .binding = exchange->binding,
        .match = &exchange->match,
        .query = request->query,
        .body = ds_buffer_bytes(&request->body),
        .form = (enum body_form)exchange->form,
    };
    struct problem problem;
    if (!transcode_request(&input, &exchange->scratch, &exchange->wire, &problem)) {
        exchange_fail(exchange, &problem);
        return;
    }
    exchange->state = EXCHANGE_CALLING;
    exchange->call = (struct ds_client_call){
        .method = exchange->binding->method,
        .payload = ds_buffer_bytes(&exchange->wire),
        .principal = exchange->principal,
        .peer = request->peer,
        .traceparent = exchange->traceparent,
        .tracestate = exchange->tracestate[0] != '\0' ? exchange->tracestate : NULL,
        .done = call_done,
        .context = exchange,
    };
    gateway_call(exchange->backend, &exchange->call);
    gateway_bound_calls(exchange->gateway);
}

static void reply_success(struct exchange *exchange)
{
    struct http_request *request = exchange->request;
    const struct route_binding *binding = exchange->binding;
    exchange_begin_reply(exchange, binding->success_status, "application/json");
    request->reply_body.limit = REPLY_JSON_BYTES_MAX;
    const ds_code code =
        transcode_response(binding, exchange->call.response, &exchange->profile->style,
                           &exchange->scratch, &request->reply_body);
    if (code == DS_OK) {
        return;
    }
    struct problem problem;
    problem_set(&problem, DS_REASON(INTERNAL), "%s",
                code == DS_RESOURCE_EXHAUSTED ? "the reply is too large; ask for fewer rows"
                                              : "the service's answer can't be read");
    problem.code = DS_INTERNAL;
    problem_reply(&problem, exchange->profile, exchange->request_id, request);
}

static void problem_of_refusal(struct problem *problem, const struct http_refusal *refusal)
{
    problem_set(problem, refusal->reason, "%s", refusal->detail);
    if (refusal->reason == DS_REASON(SERVER_BUSY)) {
        problem->retry_after_ms = 1000;
    }
}

static void finish_call(struct completion *completion)
{
    struct exchange *exchange = (struct exchange *)(void *)completion;
    const struct http_refusal *busy = http_server_busy(exchange->gateway->server);
    if (exchange->abandoned) {
        http_reply_begin(exchange->request, STATUS_CLIENT_LEFT);
    } else if (exchange->call.code != DS_OK) {
        struct problem problem;
        problem_of_call(&problem, &exchange->call, exchange->binding->body != ROUTE_BODY_NONE);
        problem_reply(&problem, exchange->profile, exchange->request_id, exchange->request);
    } else if (busy != NULL && exchange->binding->method->idempotency == DS_NO_SIDE_EFFECTS) {
        struct problem problem;
        problem_of_refusal(&problem, busy);
        problem_reply(&problem, exchange->profile, exchange->request_id, exchange->request);
    } else {
        reply_success(exchange);
    }
    ds_client_call_release(&exchange->call);
    exchange_end(exchange);
}

void exchange_refuse(void *context, struct http_request *request,
                     const struct http_refusal *refusal)
{
    struct exchange *exchange = request->handler_data;
    if (exchange == NULL) {
        exchange = begin(context, request);
    }
    struct problem problem;
    problem_of_refusal(&problem, refusal);
    exchange_fail(exchange, &problem);
}

void exchange_abandon(void *context, struct http_request *request)
{
    (void)context;
    struct exchange *exchange = request->handler_data;
    exchange->abandoned = true;
    if (exchange->state == EXCHANGE_CALLING) {
        ds_channel_cancel(exchange->backend->channel, &exchange->call);
    } else if (exchange->state == EXCHANGE_READING) {
        exchange_end_abandoned(exchange);
    }
}
