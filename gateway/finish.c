#include "gateway/finish.h"

#include "gateway/cors.h"
#include "gateway/etag.h"
#include "gateway/exchange_protocol.h"
#include "gateway/gzip.h"
#include "gateway/server_timing.h"

#include <stdlib.h>

/* One body that another thread compresses. */
struct gzip_work {
    uv_work_t work;
    struct exchange *exchange;
    struct ds_buffer compressed;
};

bool finish_check_preconditions(const struct exchange *exchange, struct problem *ret_problem)
{
    const struct http_request *request = exchange->request;
    const struct route_leaf *leaf = exchange->match.leaf; /* NULL: a path of Connect's */
    const char *header = NULL;
    if (request->method == HTTP_METHOD_GET || request->method == HTTP_METHOD_HEAD) {
        return true;
    }
    if (request->seen[HTTP_HEADER_IF_MATCH] > 0) {
        header = "If-Match";
    } else if (request->seen[HTTP_HEADER_IF_NONE_MATCH] > 0 && leaf != NULL &&
               leaf->bindings[HTTP_METHOD_GET] != NULL) {
        header = "If-None-Match";
    }
    if (header == NULL) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(PRECONDITION_FAILED),
                "what this request is about has no entity tag to compare with; leave %s out",
                header);
    ret_problem->code = DS_FAILED_PRECONDITION;
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text(header),
                      "it can't be said to hold");
    return false;
}

bool finish_check_encoding(const struct exchange *exchange, struct problem *ret_problem)
{
    const struct http_request *request = exchange->request;
    if (request->seen[HTTP_HEADER_ACCEPT_ENCODING] == 0) {
        return true;
    }
    const bool gzip_is_made = exchange->gateway->gzip != NULL && exchange->method->may_compress;
    const struct negotiated_codings codings = negotiate_codings(request);
    if (codings.identity > 0 || (gzip_is_made && codings.gzip > 0)) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(NOT_ACCEPTABLE), "%s",
                gzip_is_made ? "the reply is compressed by gzip or not at all"
                             : "the reply is not compressed");
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Accept-Encoding"),
                      "it allows none of the reply's codings");
    return false;
}

bool finish_check_body_encoding(const struct exchange *exchange, bool *ret_is_gzip,
                                struct problem *ret_problem)
{
    bool is_gzip = false;
    if (exchange->request->seen[HTTP_HEADER_CONTENT_ENCODING] > 0 &&
        !negotiate_body_coding(exchange->request, exchange->gateway->gzip != NULL, &is_gzip,
                               ret_problem)) {
        return false;
    }
    if (ret_is_gzip != NULL) {
        *ret_is_gzip = is_gzip;
    }
    return true;
}

static bool refuse_body(const struct exchange *exchange, enum gzip_result result,
                        struct problem *ret_problem)
{
    static const char *const faults[] = {
        [GZIP_MALFORMED] = "the body is not gzip, or damaged",
        [GZIP_TRUNCATED] = "the body ends before its gzip does",
        [GZIP_TRAILING] = "the body has bytes behind its gzip",
        [GZIP_TOO_MANY] = "the body is made of too many members of gzip",
    };
    if (result == GZIP_TOO_LARGE) {
        problem_set(ret_problem, DS_REASON(REQUEST_TOO_LARGE),
                    "the body has more than %zu bytes once it is unpacked",
                    exchange->request->body_bytes_max);
        return false;
    }
    problem_set(ret_problem, DS_REASON(INVALID_REQUEST), "%s", faults[result]);
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Content-Encoding"),
                      "the body is not what it says");
    return false;
}

bool finish_decode_body(struct exchange *exchange, struct problem *ret_problem)
{
    struct http_request *request = exchange->request;
    bool is_gzip = false;
    if (!finish_check_body_encoding(exchange, &is_gzip, ret_problem)) {
        return false;
    }
    if (!is_gzip || request->body.size == 0) {
        return true;
    }
    struct ds_buffer body;
    ds_buffer_init(&body, request->body_bytes_max);
    const enum gzip_result result = gzip_decompress(
        exchange->gateway->gzip, ds_buffer_bytes(&request->body), request->body_bytes_max, &body);
    const bool is_decoded = result == GZIP_OK && http_request_replace_body(request, &body);
    ds_buffer_deinit(&body);
    if (is_decoded) {
        return true;
    }
    if (result == GZIP_OK) {
        problem_set(ret_problem, DS_REASON(SERVER_BUSY),
                    "the server has too many large requests in work; try again");
        ret_problem->code = DS_UNAVAILABLE;
        ret_problem->retry_after_ms = EXCHANGE_BUSY_RETRY_MS;
        return false;
    }
    return refuse_body(exchange, result, ret_problem);
}

static void fail_precondition(struct exchange *exchange)
{
    struct problem problem;
    problem_set(&problem, DS_REASON(PRECONDITION_FAILED),
                "If-Match compares strongly, and this has weak entity tags only; If-None-Match "
                "compares weakly");
    problem.code = DS_FAILED_PRECONDITION;
    (void)problem_add(&problem, PROBLEM_AT_HEADER, ds_bytes_of_text("If-Match"),
                      "no tag in it matches");
    exchange->protocol->fail(exchange, &problem);
}

/* Whether the coding of the reply is the client's choice. */
static bool has_codings(const struct exchange *exchange)
{
    return exchange->may_compress && exchange->gateway->gzip != NULL &&
           exchange->request->reply_body.size >= FINISH_GZIP_BYTES_MIN;
}

static void reply_not_modified(struct exchange *exchange, struct ds_bytes tag)
{
    /* What Vary says of the 200 it says of the 304 too. */
    exchange->varies_by_encoding = exchange->varies_by_encoding || has_codings(exchange);
    http_reply_begin(exchange->request, 304);
    exchange_cache_fields(exchange);
    if (tag.size > 0) {
        http_reply_field(exchange->request, "ETag", tag);
    }
}

void finish_etag(struct exchange *exchange)
{
    struct http_request *request = exchange->request;
    char text[ETAG_BYTES];
    struct ds_bytes tag = {0};
    if (!exchange->has_etag || request->status != 200) {
        return;
    }
    if (request->reply_body.size <= FINISH_ETAG_BYTES_MAX) {
        etag_of(ds_buffer_bytes(&request->reply_body), text);
        tag = ds_bytes_of(text, sizeof text);
    }
    if (request->seen[HTTP_HEADER_IF_MATCH] > 0 &&
        !etag_any_is_listed(request, HTTP_HEADER_IF_MATCH)) {
        fail_precondition(exchange);
        return;
    }
    if (request->seen[HTTP_HEADER_IF_NONE_MATCH] > 0 &&
        (etag_any_is_listed(request, HTTP_HEADER_IF_NONE_MATCH) ||
         (tag.size > 0 && etag_is_listed(request, HTTP_HEADER_IF_NONE_MATCH, tag)))) {
        reply_not_modified(exchange, tag);
    } else if (tag.size > 0) {
        http_reply_field(request, "ETag", tag);
    }
}

/* Whether the reply goes out compressed. */
static bool wants_gzip(struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    if (request->status / 100 != 2 || !exchange->may_compress || exchange->gateway->gzip == NULL) {
        return false;
    }
    exchange->varies_by_encoding = exchange->varies_by_encoding || has_codings(exchange);
    if (request->seen[HTTP_HEADER_ACCEPT_ENCODING] == 0 || request->reply_body.size == 0) {
        return false;
    }
    const struct negotiated_codings codings = negotiate_codings(request);
    return codings.gzip > 0 && codings.gzip >= codings.identity &&
           (has_codings(exchange) || codings.identity == 0);
}

/* Whether other threads may be given one more reply of that size. */
static bool has_room_for_work(const struct gateway *gateway, size_t size)
{
    return gateway->gzip_work_count == 0 ||
           (gateway->gzip_work_count < FINISH_GZIP_WORKS_MAX &&
            gateway->gzip_work_bytes + size <= FINISH_GZIP_WORKS_BYTES_MAX);
}

bool finish_encoding(struct exchange *exchange)
{
    struct gateway *gateway = exchange->gateway;
    struct ds_buffer *body = &exchange->request->reply_body;
    if (!wants_gzip(exchange)) {
        return false;
    }
    const bool is_large = body->size > FINISH_GZIP_LOOP_BYTES_MAX;
    if (is_large && !has_room_for_work(gateway, body->size)) {
        return false;
    }
    ds_buffer_append_text(&exchange->request->reply_head, "Content-Encoding: gzip\r\n");
    if (is_large) {
        return true;
    }
    ds_buffer_clear(&gateway->compressed);
    gzip_compress(gateway->gzip, ds_buffer_bytes(body), &gateway->compressed);
    ds_buffer_clear(body);
    ds_buffer_append(body, gateway->compressed.data, gateway->compressed.size);
    return false;
}

/* On one of libuv's threads. The exchange's reply is nobody else's business until it is done. */
static void compress(uv_work_t *request)
{
    struct gzip_work *work = request->data;
    struct gzip *gzip = gzip_create();
    gzip_compress(gzip, ds_buffer_bytes(&work->exchange->request->reply_body), &work->compressed);
    gzip_destroy(gzip);
}

static void after_compress(uv_work_t *request, int status)
{
    (void)status; /* Nobody cancels it. */
    struct gzip_work *work = request->data;
    struct exchange *exchange = work->exchange;
    struct ds_buffer *body = &exchange->request->reply_body;
    exchange->gateway->gzip_work_count--;
    exchange->gateway->gzip_work_bytes -= body->size;
    ds_buffer_deinit(body);
    *body = work->compressed;
    free(work);
    if (exchange->abandoned) {
        exchange_end_abandoned(exchange);
    } else {
        exchange_send(exchange);
    }
}

void finish_encode_later(struct exchange *exchange)
{
    struct gzip_work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        abort();
    }
    work->work.data = work;
    work->exchange = exchange;
    ds_buffer_init(&work->compressed, SIZE_MAX);
    exchange->state = EXCHANGE_COMPRESSING;
    exchange->gateway->gzip_work_count++;
    exchange->gateway->gzip_work_bytes += exchange->request->reply_body.size;
    if (uv_queue_work(&exchange->gateway->loop, &work->work, compress, after_compress) != 0) {
        abort(); /* There is no other reason than a missing function. */
    }
}

void exchange_common_fields(struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    const struct cors *cors = exchange->gateway->cors;
    struct ds_buffer *head = &exchange->request->reply_head;
    ds_buffer_append_text(head, "X-Content-Type-Options: nosniff\r\nX-Request-Id: ");
    ds_buffer_append_text(head, exchange->request_id);
    ds_buffer_append(head, "\r\n", 2);
    if (exchange->is_called) {
        server_timing_write(head, exchange->call.queue_us, exchange->call.execution_us);
    }
    if (cors != NULL) {
        cors_write_fields(cors, request, head);
    }
    if (cors != NULL && exchange->varies_by_encoding) {
        ds_buffer_append_text(head, "Vary: Accept-Encoding, Origin\r\n");
    } else if (cors != NULL || exchange->varies_by_encoding) {
        ds_buffer_append_text(head,
                              cors != NULL ? "Vary: Origin\r\n" : "Vary: Accept-Encoding\r\n");
    }
}
