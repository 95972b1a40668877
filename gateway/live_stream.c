#include "gateway/live_stream.h"

#include "gateway/exchange_protocol.h"
#include "gateway/live_client.h"
#include "gateway/live_query.h"
#include "gateway/negotiate.h"
#include "gateway/system.h"
#include "http/reply.h"

#include <stdlib.h>

#define RETRY_MS "1000" /* when an EventSource is to come back */

/* A comment, which moves the place to come back to on while the keys are quiet. */
static void send_comment(struct live_client *client, struct live_id place)
{
    char id[LIVE_ID_BYTES_MAX];
    struct ds_buffer text;
    ds_buffer_init(&text, SIZE_MAX);
    ds_buffer_append_text(&text, ":\n");
    if (place.epoch != 0) {
        live_id_write(place, id);
        ds_buffer_printf(&text, "id: %s\n", id);
    }
    ds_buffer_append_byte(&text, '\n');
    live_client_send(client, ds_buffer_bytes(&text));
    ds_buffer_deinit(&text);
}

static void send_ping(struct live_client *client, struct live_id place)
{
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX);
    live_json_ping(place, &json);
    const struct live_message message = {.type = "ping", .json = ds_buffer_bytes(&json)};
    live_client_send_message(client, &message);
    ds_buffer_deinit(&json);
}

static struct live_id place_of(const struct live_client *client)
{
    struct live_id place = {0};
    for (int kind = 0; kind < LIVE_KIND_COUNT && place.epoch == 0; kind++) {
        place = live_client_position(client, (enum live_kind)kind);
    }
    return place;
}

/* Lets proxies and the client see that the stream lives, and shows us whether the client does. */
static void tick(struct live_client *client, uint64_t now_ms)
{
    const uint64_t quiet_ms = (uint64_t)live_clients_ping_ms(client->clients) * 3 / 4;
    if (now_ms - client->sent_ms < quiet_ms || !live_client_is_idle(client)) {
        return;
    }
    if (client->ops->form == LIVE_SSE) {
        send_comment(client, place_of(client));
    } else {
        send_ping(client, place_of(client));
    }
}

/* Every stream that is not cut off ends with this. */
static void end(struct live_client *client)
{
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX);
    live_json_end("the server stops; come back behind the last event", &json);
    const struct live_message message = {.type = "end", .json = ds_buffer_bytes(&json)};
    live_client_send_message(client, &message);
    ds_buffer_deinit(&json);
    live_client_finish(client);
}

static void destroy(struct live_client *client)
{
    free(client);
}

static const struct live_client_ops sse_ops = {
    .form = LIVE_SSE, .status = 200, .end = end, .tick = tick, .destroy = destroy};
static const struct live_client_ops ndjson_ops = {
    .form = LIVE_NDJSON, .status = 200, .end = end, .tick = tick, .destroy = destroy};

static enum live_kind kind_of(const struct exchange *exchange)
{
    return exchange->system_route->route == HTTP_ROUTE_STREAM_TICKS    ? LIVE_TICKS
           : exchange->system_route->route == HTTP_ROUTE_STREAM_QUOTES ? LIVE_QUOTES
                                                                       : LIVE_CHAINS;
}

/* Whether Accept names the type itself. */
static bool accept_names(const struct http_request *request, const char *type)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes range;
        struct ds_bytes name;
        while (request->headers[i].id == HTTP_HEADER_ACCEPT && http_list_next(&list, ',', &range)) {
            if (http_list_next(&range, ';', &name) && http_text_equal(name, type)) {
                return true;
            }
        }
    }
    return false;
}

/* NULL fills ret_problem (406). */
static const struct live_client_ops *negotiate(const struct http_request *request,
                                               struct problem *ret_problem)
{
    const bool sse = negotiate_accepts(request, "text", "event-stream");
    const bool ndjson = negotiate_accepts(request, "application", "x-ndjson");
    if (!sse && !ndjson) {
        problem_set(ret_problem, DS_REASON(NOT_ACCEPTABLE),
                    "the stream is text/event-stream or application/x-ndjson");
        (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Accept"),
                          "it allows neither");
        return NULL;
    }
    const bool prefers_ndjson = accept_names(request, "application/x-ndjson") &&
                                !accept_names(request, "text/event-stream");
    return ndjson && (!sse || prefers_ndjson) ? &ndjson_ops : &sse_ops;
}

/* Where EventSource comes back, the field is newer than the URL. */
static bool read_place(const struct http_request *request, struct live_id *place,
                       struct problem *ret_problem)
{
    if (request->seen[HTTP_HEADER_LAST_EVENT_ID] == 0 ||
        http_request_header(request, HTTP_HEADER_LAST_EVENT_ID).size == 0) {
        return true;
    }
    if (request->seen[HTTP_HEADER_LAST_EVENT_ID] == 1 &&
        live_id_read(http_request_header(request, HTTP_HEADER_LAST_EVENT_ID), place)) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(INVALID_REQUEST), "Last-Event-ID is not one of this stream");
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Last-Event-ID"),
                      "send the id of an event as it came, EPOCH-SEQUENCE");
    return false;
}

static void begin_stream(struct exchange *exchange, struct live_client *client)
{
    static const char retry[] = "retry: " RETRY_MS "\n\n";
    const bool is_sse = client->ops->form == LIVE_SSE;
    exchange_begin_reply(exchange, 200, is_sse ? "text/event-stream" : "application/x-ndjson");
    /* nginx passes the stream on as it comes. */
    http_reply_field_text(exchange->request, "X-Accel-Buffering", "no");
    live_client_begin(client, exchange);
    if (is_sse) {
        live_client_send(client, ds_bytes_of(retry, sizeof retry - 1));
    }
    live_client_pump(client);
}

/* Reads what is asked for and subscribes. False fills ret_problem. */
static bool subscribe(struct exchange *exchange, struct live_client *client,
                      struct problem *ret_problem)
{
    const enum live_kind kind = kind_of(exchange);
    struct live_id behind = {0};
    return live_query_read_stream(exchange->request, &client->channels[kind].keys, &behind,
                                  ret_problem) &&
           read_place(exchange->request, &behind, ret_problem) &&
           (exchange->request->method == HTTP_METHOD_HEAD ||
            live_client_subscribe(client, kind, behind, ret_problem));
}

void live_stream_serve(struct exchange *exchange)
{
    struct problem problem;
    struct live_clients *clients = exchange->gateway->live_clients;
    const struct live_client_ops *ops = negotiate(exchange->request, &problem);
    if (ops == NULL || !live_clients_have_room(clients, &problem)) {
        exchange_fail(exchange, &problem);
        return;
    }
    struct live_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        abort();
    }
    live_client_init(client, ops, clients);
    if (!subscribe(exchange, client, &problem)) {
        live_client_deinit(client);
        free(client);
        exchange_fail(exchange, &problem);
        return;
    }
    begin_stream(exchange, client);
}
