#include "gateway/exchange.h"

#include "ds/log.h"
#include "gateway/connect.h"
#include "gateway/cors.h"
#include "gateway/exchange_protocol.h"
#include "gateway/finish.h"
#include "gateway/idempotency_key.h"
#include "gateway/identity.h"
#include "gateway/live_routes.h"
#include "gateway/system.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Not HTTP's own, but what logs and metrics of other servers call it too. */
#define STATUS_CLIENT_LEFT 499

static void finish_call(struct completion *completion);

static struct exchange *take_idle(struct gateway *gateway)
{
    struct exchange *exchange = gateway->idle_exchanges;
    if (exchange != NULL) {
        gateway->idle_exchanges = exchange->next;
        gateway->idle_exchange_count--;
        gateway->kept_budget_bytes += exchange->kept_bytes;
        return exchange;
    }
    exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        abort();
    }
    ds_buffer_init(&exchange->wire, SIZE_MAX);
    ds_buffer_init(&exchange->scratch, SIZE_MAX);
    ds_buffer_init(&exchange->metadata, SIZE_MAX);
    return exchange;
}

void exchange_destroy(struct exchange *exchange)
{
    ds_buffer_deinit(&exchange->wire);
    ds_buffer_deinit(&exchange->scratch);
    ds_buffer_deinit(&exchange->metadata);
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
    exchange->match.leaf = NULL;
    exchange->backend = NULL;
    exchange->principal = NULL;
    exchange->profile = profile_of(ROUTE_PROFILE_CANONICAL);
    exchange->route = http_metrics_extra_route(exchange->gateway->http_metrics, HTTP_ROUTE_NONE);
    exchange->state = EXCHANGE_READING;
    exchange->abandoned = false;
    exchange->is_called = false;
    exchange->may_compress = false;
    exchange->has_etag = false;
    exchange->may_be_kept = false;
    exchange->varies_by_encoding = false;
    exchange->idempotency_key_bytes = 0;
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

void exchange_cache_fields(struct exchange *exchange)
{
    ds_buffer_append_text(&exchange->request->reply_head,
                          exchange->may_be_kept ? "Cache-Control: private, no-cache\r\n"
                                                : "Cache-Control: no-store\r\n");
}

void exchange_begin_reply(struct exchange *exchange, unsigned int status, const char *content_type)
{
    struct http_request *request = exchange->request;
    http_reply_begin(request, status);
    http_reply_field_text(request, "Content-Type", content_type);
    exchange_cache_fields(exchange);
}

static size_t recycle_buffers(struct exchange *exchange, size_t *budget_bytes)
{
    size_t kept_bytes = ds_buffer_recycle(&exchange->wire, budget_bytes);
    kept_bytes += ds_buffer_recycle(&exchange->scratch, budget_bytes);
    kept_bytes += ds_buffer_recycle(&exchange->metadata, budget_bytes);
    return kept_bytes;
}

void exchange_release(struct exchange *exchange)
{
    struct gateway *gateway = exchange->gateway;
    exchange->request->handler_data = NULL;
    if (gateway->idle_exchange_count < GATEWAY_IDLE_EXCHANGES_MAX) {
        exchange->kept_bytes = recycle_buffers(exchange, &gateway->kept_budget_bytes);
        exchange->next = gateway->idle_exchanges;
        gateway->idle_exchanges = exchange;
        gateway->idle_exchange_count++;
    } else {
        exchange_destroy(exchange);
    }
}

void exchange_send(struct exchange *exchange)
{
    struct gateway *gateway = exchange->gateway;
    struct http_request *request = exchange->request;
    const int64_t duration_us = ds_clock_monotonic_us(gateway->clock) - request->began_us;
    http_metrics_count(gateway->http_metrics, exchange->route, request->status, duration_us);
    if (gateway->access_log) {
        log_access(exchange, duration_us);
    }
    exchange_release(exchange);
    http_reply_send(request);
}

void exchange_end(struct exchange *exchange)
{
    bool is_owed = false;
    if (!exchange->abandoned) {
        finish_etag(exchange);
        is_owed = finish_encoding(exchange);
        exchange_common_fields(exchange);
    }
    if (exchange->is_called) {
        ds_client_call_release(&exchange->call);
    }
    if (is_owed) {
        finish_encode_later(exchange);
    } else {
        exchange_send(exchange);
    }
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
    struct http_request *request = exchange->request;
    const struct cors *cors = exchange->gateway->cors;
    struct problem problem;
    http_reply_begin(request, 204);
    http_reply_field_text(request, "Allow", allow);
    rest_write_accepted(exchange);
    if (cors != NULL && cors_is_preflight(request) &&
        !cors_write_preflight(cors, request, allow, &request->reply_head, &problem)) {
        exchange_fail(exchange, &problem);
        return;
    }
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
    if (route->is_live) {
        if (!live_routes_check_head(exchange, &problem)) {
            exchange_fail(exchange, &problem);
        }
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
        !idempotency_key_take(exchange, ret_problem) ||
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

static void take_connect(struct exchange *exchange)
{
    const char *allow = NULL;
    struct problem problem;
    exchange->protocol = &exchange_connect;
    exchange->match.leaf = NULL;
    if (exchange->method == NULL) {
        problem_set(&problem, DS_REASON(NOT_FOUND), "the service has no such method");
        exchange_fail(exchange, &problem);
        return;
    }
    exchange->route = http_metrics_method_route(exchange->gateway->http_metrics, exchange->method);
    if (!connect_takes(exchange, &allow)) {
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
    } else if (connect_find(exchange->gateway, request->path, &exchange->method)) {
        take_connect(exchange);
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
        .idempotency_key = ds_bytes_of(exchange->idempotency_key, exchange->idempotency_key_bytes),
        .done = call_done,
        .context = exchange,
    };
    struct problem problem;
    if (!exchange->protocol->read(exchange, &exchange->call.payload, &problem)) {
        exchange_fail(exchange, &problem);
        return;
    }
    exchange->state = EXCHANGE_CALLING;
    exchange->is_called = true;
    gateway_call(exchange->backend, &exchange->call);
    gateway_bound_calls(exchange->gateway);
}

static void problem_of_refusal(struct problem *problem, const struct http_refusal *refusal)
{
    problem_set(problem, refusal->reason, "%s", refusal->detail);
    if (refusal->reason == DS_REASON(SERVER_BUSY) || refusal->reason == DS_REASON(RATE_LIMITED)) {
        problem->retry_after_ms = EXCHANGE_BUSY_RETRY_MS;
    }
}

/* What may become of the reply follows from its method. */
static void allow_finish(struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    exchange->may_compress = exchange->method->may_compress;
    exchange->has_etag =
        exchange->method->idempotency == DS_NO_SIDE_EFFECTS &&
        (request->method == HTTP_METHOD_GET || request->method == HTTP_METHOD_HEAD);
    exchange->may_be_kept = exchange->has_etag && exchange->may_compress;
}

/* Begins the reply to a call that has ended. False: ret_problem says what is to be replied. */
static bool begin_outcome(struct exchange *exchange, struct problem *ret_problem)
{
    const struct http_refusal *busy = http_server_busy(exchange->gateway->server);
    if (exchange->call.code != DS_OK) {
        problem_of_call(ret_problem, &exchange->call, exchange->binding);
        return false;
    }
    if (busy != NULL && exchange->method->idempotency == DS_NO_SIDE_EFFECTS) {
        problem_of_refusal(ret_problem, busy);
        return false;
    }
    allow_finish(exchange);
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
