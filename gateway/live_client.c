#include "gateway/live_client.h"

#include "ds/log.h"
#include "gateway/system.h"
#include "http/reply.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TICKS_PER_PING 8
#define TICK_MS_MAX 1000
#define RETRY_AFTER_MS 1000

struct live_clients {
    struct gateway *gateway;
    uint32_t clients_max;
    uint32_t ping_ms;
    uv_timer_t timer; /* runs while there are clients */
    struct live_client *first;
    uint32_t count;
    /* Any thread reads them. */
    atomic_uint_fast64_t open[LIVE_FORM_COUNT];
    atomic_uint_fast64_t events[LIVE_FORM_COUNT];
};

struct live_clients *live_clients_create(struct gateway *gateway, uint32_t clients_max,
                                         uint32_t ping_ms)
{
    struct live_clients *clients = calloc(1, sizeof *clients);
    if (clients == NULL) {
        abort();
    }
    clients->gateway = gateway;
    clients->clients_max = clients_max;
    clients->ping_ms = ping_ms;
    uv_timer_init(&gateway->loop, &clients->timer);
    clients->timer.data = clients;
    return clients;
}

void live_clients_close(struct live_clients *clients)
{
    assert(clients->first == NULL);
    uv_close((uv_handle_t *)&clients->timer, NULL);
}

void live_clients_destroy(struct live_clients *clients)
{
    free(clients);
}

uint32_t live_clients_ping_ms(const struct live_clients *clients)
{
    return clients->ping_ms;
}

uint64_t live_clients_now_ms(const struct live_clients *clients)
{
    return uv_now(&clients->gateway->loop);
}

static void refuse_for_now(struct problem *problem)
{
    problem_set(problem, DS_REASON(TOO_MANY_STREAMS),
                "there are too many clients of live data; try again later");
    problem->code = DS_RESOURCE_EXHAUSTED;
    problem->retry_after_ms = RETRY_AFTER_MS;
}

bool live_clients_have_room(const struct live_clients *clients, struct problem *ret_problem)
{
    if (clients->count < clients->clients_max) {
        return true;
    }
    refuse_for_now(ret_problem);
    return false;
}

static void on_timer(uv_timer_t *timer)
{
    struct live_clients *clients = timer->data;
    const uint64_t now_ms = live_clients_now_ms(clients);
    /* Clients go with their connections, at the end of a turn: none goes within this loop. */
    for (struct live_client *client = clients->first; client != NULL; client = client->next) {
        if (!client->ended) {
            client->ops->tick(client, now_ms);
        }
    }
}

static void link_client(struct live_clients *clients, struct live_client *client)
{
    client->next = clients->first;
    if (clients->first != NULL) {
        clients->first->previous = client;
    }
    clients->first = client;
    atomic_fetch_add_explicit(&clients->open[client->ops->form], 1, memory_order_relaxed);
    if (clients->count++ == 0) {
        const uint32_t part_ms = clients->ping_ms / TICKS_PER_PING + 1;
        const uint32_t tick_ms = part_ms < TICK_MS_MAX ? part_ms : TICK_MS_MAX;
        uv_timer_start(&clients->timer, on_timer, tick_ms, tick_ms);
    }
}

static void unlink_client(struct live_client *client)
{
    struct live_clients *clients = client->clients;
    if (client->previous == NULL) {
        clients->first = client->next;
    } else {
        client->previous->next = client->next;
    }
    if (client->next != NULL) {
        client->next->previous = client->previous;
    }
    atomic_fetch_sub_explicit(&clients->open[client->ops->form], 1, memory_order_relaxed);
    if (--clients->count == 0) {
        uv_timer_stop(&clients->timer);
    }
}

static void log_access(const struct live_client *client, int64_t duration_us)
{
    char trace_id[2 * DS_TRACE_ID_BYTES + 1];
    char span_id[2 * DS_SPAN_ID_BYTES + 1];
    ds_trace_write_id(&client->trace, trace_id);
    ds_span_write_id(client->trace.span_id, span_id);
    ds_log(DS_LOG_INFO, "http_stream", DS_LOG_TEXT("method", "GET"),
           DS_LOG_TEXT("path", client->path), DS_LOG_INT("status", client->ops->status),
           DS_LOG_INT("duration_us", duration_us), DS_LOG_INT("response_bytes", client->sent_bytes),
           DS_LOG_INT("events", client->event_count), DS_LOG_TEXT("request_id", client->request_id),
           DS_LOG_TEXT("peer", client->peer), DS_LOG_TEXT("client", client->address),
           DS_LOG_TEXT("service", client->service), DS_LOG_TEXT("trace_id", trace_id),
           DS_LOG_TEXT("span_id", span_id));
}

void live_client_init(struct live_client *client, const struct live_client_ops *ops,
                      struct live_clients *clients)
{
    *client = (struct live_client){.ops = ops, .clients = clients};
    ds_buffer_init(&client->held, LIVE_HELD_BYTES_MAX);
    for (int kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        key_set_init(&client->channels[kind].keys);
    }
}

void live_client_deinit(struct live_client *client)
{
    for (int kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        live_client_unsubscribe(client, (enum live_kind)kind);
        key_set_deinit(&client->channels[kind].keys);
    }
    http_piece_unref(client->waiting);
    ds_buffer_deinit(&client->held);
}

/* The stream is no more. */
static void on_closed(void *context)
{
    struct live_client *client = context;
    struct gateway *gateway = client->clients->gateway;
    const int64_t duration_us = ds_clock_monotonic_us(gateway->clock) - client->began_us;
    http_metrics_count(gateway->http_metrics, client->route, client->ops->status, duration_us);
    if (gateway->access_log) {
        log_access(client, duration_us);
    }
    unlink_client(client);
    live_client_deinit(client);
    client->ops->destroy(client);
}

bool live_client_is_held_up(const struct live_client *client)
{
    return client->waiting != NULL || client->held.size > 0;
}

bool live_client_is_idle(const struct live_client *client)
{
    return !live_client_is_held_up(client) && http_stream_unsent_bytes(client->stream) == 0;
}

/* The client does not even take what answers its own messages. */
static void hang_up(struct live_client *client)
{
    client->ended = true;
    http_stream_abort(client->stream);
}

static void send_piece(struct live_client *client, struct http_piece *piece)
{
    client->sent_bytes += piece->size;
    client->sent_ms = live_clients_now_ms(client->clients);
    if (live_client_is_held_up(client)) {
        ds_buffer_append(&client->held, piece->data, piece->size);
        if (client->held.overflow) {
            hang_up(client);
        }
    } else if (!http_stream_send(client->stream, piece)) {
        client->waiting = http_piece_ref(piece);
    }
}

/* Hands over what the stream had no room for. */
static void send_waiting(struct live_client *client)
{
    if (client->waiting != NULL && http_stream_send(client->stream, client->waiting)) {
        http_piece_unref(client->waiting);
        client->waiting = NULL;
    }
    if (client->waiting == NULL && client->held.size > 0) {
        client->waiting = http_piece_create(ds_buffer_bytes(&client->held));
        ds_buffer_deinit(&client->held);
        send_waiting(client);
    }
}

void live_client_send(struct live_client *client, struct ds_bytes bytes)
{
    if (client->ended || bytes.size == 0) {
        return;
    }
    struct http_piece *piece = http_piece_create(bytes);
    send_piece(client, piece);
    http_piece_unref(piece);
}

void live_client_send_message(struct live_client *client, const struct live_message *message)
{
    struct ds_buffer bytes;
    ds_buffer_init(&bytes, SIZE_MAX);
    live_message_wrap(client->ops->form, message, &bytes);
    live_client_send(client, ds_buffer_bytes(&bytes));
    ds_buffer_deinit(&bytes);
}

static void tell(struct live_client *client, struct live_message *message, struct ds_buffer *json)
{
    message->json = ds_buffer_bytes(json);
    live_client_send_message(client, message);
    ds_buffer_deinit(json);
}

static void tell_gap(struct live_client *client, const struct live_notice *notice)
{
    struct ds_buffer json;
    struct live_message message = {.type = "gap",
                                   .id = {.epoch = notice->epoch, .sequence = notice->to}};
    ds_buffer_init(&json, SIZE_MAX);
    live_json_gap(notice, &json);
    tell(client, &message, &json);
}

static void take_event(struct live_client *client, const struct live_notice *notice)
{
    struct live_clients *clients = client->clients;
    const enum live_form form = client->ops->form;
    struct http_piece *piece = live_event_piece(notice->event, form);
    if (piece == NULL) {
        /* A row that can't be shown is missing as much as one that was lost. */
        struct live_notice gap = *notice;
        gap.from = gap.to = notice->sequence;
        gap.is_new_epoch = false;
        tell_gap(client, &gap);
        return;
    }
    client->event_count++;
    atomic_fetch_add_explicit(&clients->events[form], 1, memory_order_relaxed);
    send_piece(client, piece);
}

static void take_notice(struct live_client *client, const struct live_notice *notice)
{
    struct ds_buffer json;
    struct live_message message = {0};
    ds_buffer_init(&json, SIZE_MAX);
    switch (notice->type) {
    case LIVE_STARTED:
        message.type = "subscribed";
        message.id = (struct live_id){.epoch = notice->epoch, .sequence = notice->sequence};
        live_json_subscribed(notice->kind, &client->channels[notice->kind].keys, message.id, &json);
        tell(client, &message, &json);
        break;
    case LIVE_EVENT:
        take_event(client, notice);
        break;
    case LIVE_GAP:
        tell_gap(client, notice);
        break;
    case LIVE_STALE:
        message.type = "stale";
        live_json_stale(notice->kind, &json);
        tell(client, &message, &json);
        break;
    case LIVE_FAILED:
        client->ops->end(client); /* The hub fails nobody but when the gateway stops. */
        break;
    }
}

bool live_client_has_enough(const struct live_client *client)
{
    const struct http_server *server = client->clients->gateway->server;
    const uint64_t streams = http_server_counters(server)->streams_open;
    const uint64_t share = LIVE_UNSENT_TOTAL_BYTES_MAX / (streams > 0 ? streams : 1);
    const uint64_t unsent_bytes = http_stream_unsent_bytes(client->stream);
    return live_client_is_held_up(client) || unsent_bytes >= LIVE_UNSENT_BYTES_MAX ||
           unsent_bytes >= share;
}

static bool has_room(const struct live_client *client)
{
    return !client->ended && !live_client_has_enough(client);
}

void live_client_pump(struct live_client *client)
{
    /* One of each kind in turn: none keeps another waiting. */
    for (bool found = true; found && has_room(client);) {
        found = false;
        for (int kind = 0; kind < LIVE_KIND_COUNT && has_room(client); kind++) {
            struct live_subscription *subscription = client->channels[kind].subscription;
            struct live_notice notice;
            if (subscription != NULL && live_take(subscription, &notice)) {
                found = true;
                take_notice(client, &notice);
            }
        }
    }
    if (!client->ended && !has_room(client)) {
        http_stream_await_progress(client->stream);
    }
}

static void on_ready(void *context)
{
    struct live_client *client = context;
    if (client->stream != NULL) {
        live_client_pump(client);
    }
}

static void on_writable(void *context)
{
    struct live_client *client = context;
    if (client->ended) {
        return;
    }
    send_waiting(client);
    live_client_pump(client);
    if (!client->ended && !live_client_has_enough(client) && client->ops->room != NULL) {
        client->ops->room(client);
    }
}

static void on_bytes(void *context, struct ds_bytes bytes)
{
    struct live_client *client = context;
    if (!client->ended) {
        client->ops->bytes(client, bytes);
    }
}

static void on_drain(void *context)
{
    struct live_client *client = context;
    if (!client->ended) {
        /* Events that came before the stop are the client's. */
        live_client_pump(client);
    }
    if (!client->ended) {
        client->ops->end(client);
    }
}

static void remember(struct live_client *client, const struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    assert(request->path.size < sizeof client->path);
    memcpy(client->path, request->path.data, request->path.size);
    memcpy(client->peer, request->peer, sizeof client->peer);
    memcpy(client->address, request->client, sizeof client->address);
    memcpy(client->request_id, exchange->request_id, sizeof client->request_id);
    client->trace = exchange->trace;
    client->service = system_service_name(exchange);
    client->route = exchange->route;
    client->began_us = request->began_us;
}

void live_client_begin(struct live_client *client, struct exchange *exchange)
{
    static const struct http_stream_events events = {
        .writable = on_writable, .bytes = on_bytes, .drain = on_drain, .closed = on_closed};
    struct http_request *request = exchange->request;
    const bool upgrades = client->ops->bytes != NULL;
    remember(client, exchange);
    link_client(client->clients, client);
    client->sent_ms = live_clients_now_ms(client->clients);
    exchange_common_fields(exchange);
    exchange_release(exchange);
    client->stream = upgrades ? http_stream_upgrade(request, &events, client)
                              : http_stream_begin(request, &events, client);
    /* It is the connection's newest request, in the turn in which it came. */
    assert(client->stream != NULL);
}

bool live_client_subscribe(struct live_client *client, enum live_kind kind, struct live_id behind,
                           struct problem *ret_problem)
{
    struct live_channel *channel = &client->channels[kind];
    struct ds_bytes views[LIVE_KEYS_MAX];
    const struct live_subscribe_options options = {
        .kind = kind,
        .keys = views,
        .key_count = key_set_view(&channel->keys, views),
        .epoch = behind.epoch,
        .after_sequence = behind.sequence,
        .ready = on_ready,
        .context = client,
    };
    const ds_code code =
        live_subscribe(client->clients->gateway->live, &options, &channel->subscription);
    if (code == DS_OK) {
        channel->behind = behind;
        return true;
    }
    if (code == DS_RESOURCE_EXHAUSTED) {
        refuse_for_now(ret_problem);
    } else if (code == DS_INVALID_ARGUMENT) {
        problem_set(ret_problem, DS_REASON(INVALID_REQUEST),
                    "keys: a key has U+0000 or is no UTF-8");
    } else {
        problem_set(ret_problem, DS_REASON(SERVICE_UNAVAILABLE), "no service here publishes %s",
                    live_kind_name(kind));
        ret_problem->code = DS_UNAVAILABLE;
    }
    return false;
}

void live_client_unsubscribe(struct live_client *client, enum live_kind kind)
{
    struct live_channel *channel = &client->channels[kind];
    live_unsubscribe(channel->subscription);
    channel->subscription = NULL;
}

struct live_id live_client_position(const struct live_client *client, enum live_kind kind)
{
    const struct live_subscription *subscription = client->channels[kind].subscription;
    struct live_id id = {0};
    if (subscription == NULL || !live_position(subscription, &id.epoch, &id.sequence)) {
        return (struct live_id){0};
    }
    return id;
}

void live_client_finish(struct live_client *client)
{
    client->ended = true;
    for (int kind = 0; kind < LIVE_KIND_COUNT; kind++) {
        live_client_unsubscribe(client, (enum live_kind)kind);
    }
    if (!live_client_is_held_up(client)) {
        http_stream_end(client->stream);
    } else {
        /* The goodbye would wait behind what the client does not take. */
        http_stream_abort(client->stream);
    }
}

void live_clients_write_metrics(const struct live_clients *clients, struct ds_buffer *text)
{
    static const char *const forms[LIVE_FORM_COUNT] = {
        [LIVE_WEBSOCKET] = "websocket", [LIVE_SSE] = "sse", [LIVE_NDJSON] = "ndjson"};
    ds_buffer_append_text(text, "# HELP ds_live_clients Clients of live data now.\n"
                                "# TYPE ds_live_clients gauge\n");
    for (int form = 0; form < LIVE_FORM_COUNT; form++) {
        ds_buffer_printf(
            text, "ds_live_clients{form=\"%s\"} %" PRIu64 "\n", forms[form],
            (uint64_t)atomic_load_explicit(&clients->open[form], memory_order_relaxed));
    }
    ds_buffer_append_text(text, "# HELP ds_live_events_sent_total Events handed to clients.\n"
                                "# TYPE ds_live_events_sent_total counter\n");
    for (int form = 0; form < LIVE_FORM_COUNT; form++) {
        ds_buffer_printf(
            text, "ds_live_events_sent_total{form=\"%s\"} %" PRIu64 "\n", forms[form],
            (uint64_t)atomic_load_explicit(&clients->events[form], memory_order_relaxed));
    }
}
