#include "gateway/exchange.h"

#include "ds/log.h"
#include "gateway/exchange_protocol.h"
#include "gateway/identity.h"
#include "gateway/system.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT_BYTES_MAX ((size_t)64 * 1024)
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
    exchange->protocol = &exchange_rest;
    exchange->method = NULL;
    exchange->binding = NULL;
    exchange->system_route = NULL;
    exchange->backend = NULL;
    exchange->principal = NULL;
    exchange->profile = profile_of(ROUTE_PROFILE_CANONICAL);
    exchange->route = http_metrics_extra_route(exchange->gateway->http_metrics, HTTP_ROUTE_NONE);
    exchange->state = EXCHANGE_READING;
    exchange->fields_are_in_body = false;
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
           DS_LOG_TEXT("client", request->client),
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
    exchange->protocol->fail(exchange, problem);
    exchange_end(exchange);
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

static void take_system_route(struct exchange *exchange, const struct system_route *route)
{
    const struct http_request *request = exchange->request;
    struct problem problem;
    exchange->system_route = route;
    exchange->route = http_metrics_extra_route(exchange->gateway->http_metrics, route->route);
    if (request->method != HTTP_METHOD_GET && request->method != HTTP_METHOD_HEAD) {
        refuse_method(exchange, "GET, HEAD, OPTIONS");
        return;
    }
    if (request->query.size > 0) {
        problem_set(&problem, DS_REASON(UNKNOWN_PARAMETER), "this path has no query parameters");
        exchange_fail(exchange, &problem);
        return;
    }
    if (!negotiate_no_body(request, &problem) ||
        !negotiate_reply(request, route->type, route->subtype, &problem)) {
        exchange_fail(exchange, &problem);
    }
}

/* All that can be said of a call before the request's body. */
static bool check_call(struct exchange *exchange, struct problem *ret_problem)
{
    const struct http_request *request = exchange->request;
    if (!identity_find(exchange->gateway->anonymous, exchange->method, &exchange->principal,
                       ret_problem) ||
        !exchange->protocol->check_head(exchange, ret_problem)) {
        return false;
    }
    if (request->content_length > request->body_bytes_max) {
        problem_set(ret_problem, DS_REASON(REQUEST_TOO_LARGE),
                    "the body has %llu bytes; this route takes %zu at most",
                    (unsigned long long)request->content_length, request->body_bytes_max);
        return false;
    }
    exchange->backend = gateway_backend_of(exchange->gateway, exchange->method->service);
    if (exchange->backend == NULL) {
        problem_set(ret_problem, DS_REASON(SERVICE_UNAVAILABLE),
                    "the service behind this route is not connected");
        ret_problem->code = DS_UNAVAILABLE;
        return false;
    }
    return true;
}

static void take_route(struct exchange *exchange)
{
    char allow[REST_ALLOW_BYTES];
    struct problem problem;
    if (!rest_find(exchange, allow)) {
        refuse_method(exchange, allow);
    } else if (!check_call(exchange, &problem)) {
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
        refuse_method(exchange, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    } else if (route_find_in(exchange->gateway->tables.nodes, request->path, &exchange->match)) {
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
        system_route_serve(exchange);
        return;
    }
    /* Asked again since the head: many requests may have come in one turn. */
    const struct http_refusal *busy = http_server_busy(exchange->gateway->server);
    if (busy != NULL) {
        exchange_refuse(context, request, busy);
        return;
    }
    exchange->call = (struct ds_client_call){
        .method = exchange->method,
        .principal = exchange->principal,
        .peer = request->client,
        .traceparent = exchange->traceparent,
        .tracestate = exchange->tracestate[0] != '\0' ? exchange->tracestate : NULL,
        .done = call_done,
        .context = exchange,
    };
    struct problem problem;
    if (!exchange->protocol->read(exchange, &exchange->call.payload, &problem)) {
        exchange_fail(exchange, &problem);
        return;
    }
    exchange->state = EXCHANGE_CALLING;
    gateway_call(exchange->backend, &exchange->call);
    gateway_bound_calls(exchange->gateway);
}

static void problem_of_refusal(struct problem *problem, const struct http_refusal *refusal)
{
    problem_set(problem, refusal->reason, "%s", refusal->detail);
    if (refusal->reason == DS_REASON(SERVER_BUSY)) {
        problem->retry_after_ms = 1000;
    }
}

/* Begins the reply to a call that has ended. False: ret_problem says what is to be replied. */
static bool begin_outcome(struct exchange *exchange, struct problem *ret_problem)
{
    const struct http_refusal *busy = http_server_busy(exchange->gateway->server);
    if (exchange->call.code != DS_OK) {
        problem_of_call(ret_problem, &exchange->call, exchange->fields_are_in_body);
        return false;
    }
    if (busy != NULL && exchange->method->idempotency == DS_NO_SIDE_EFFECTS) {
        problem_of_refusal(ret_problem, busy);
        return false;
    }
    return exchange->protocol->write(exchange, ret_problem);
}

static void finish_call(struct completion *completion)
{
    struct exchange *exchange = (struct exchange *)(void *)completion;
    struct problem problem;
    if (exchange->abandoned) {
        http_reply_begin(exchange->request, STATUS_CLIENT_LEFT);
    } else if (!begin_outcome(exchange, &problem)) {
        exchange->protocol->fail(exchange, &problem);
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
