#include "gateway/websocket_client.h"

#include <stdlib.h>

/* Of answers to control frames, between two reads. */
#define KEPT_BYTES_MAX ((size_t)1024)

static struct websocket_client *client_of(struct live_client *live)
{
    return (struct websocket_client *)(void *)live;
}

void websocket_client_tell(struct websocket_client *client, const struct problem *problem)
{
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX);
    problem_write_message(problem, client->live.request_id, &json);
    const struct live_message message = {.type = "error", .json = ds_buffer_bytes(&json)};
    live_client_send_message(&client->live, &message);
    ds_buffer_deinit(&json);
}

void websocket_client_close(struct websocket_client *client, unsigned int code, const char *reason)
{
    struct ds_buffer frame;
    ds_buffer_init(&frame, SIZE_MAX);
    websocket_close_write(&frame, code, reason);
    live_client_send(&client->live, ds_buffer_bytes(&frame));
    ds_buffer_deinit(&frame);
    if (!client->live.ended) {
        live_client_finish(&client->live);
    }
}

static void end(struct live_client *live)
{
    websocket_client_close(client_of(live), WEBSOCKET_CLOSE_GOING_AWAY, "the server stops");
}

/* A client that takes what is sent is asked whether it lives; one that does not has the time limit
 * of writing: a ping would wait behind all that it does not take. */
static void tick(struct live_client *live, uint64_t now_ms)
{
    struct websocket_client *client = client_of(live);
    if (!live_client_is_idle(live) || client->reading_stopped) {
        client->ping_ms = now_ms;
        client->pong_is_owed = false;
        return;
    }
    if (now_ms - client->ping_ms < live_clients_ping_ms(live->clients)) {
        return;
    }
    if (client->pong_is_owed && !client->pong_is_late) {
        /* It may have come while the loop stood still: it is read before the next tick then. */
        client->pong_is_late = true;
        return;
    }
    if (client->pong_is_owed) {
        websocket_client_close(client, WEBSOCKET_CLOSE_POLICY, "no pong came in time");
        return;
    }
    static const uint8_t ping[] = {0x80 | WEBSOCKET_PING, 0};
    client->pong_is_owed = true;
    client->pong_is_late = false;
    client->ping_ms = now_ms;
    live_client_send(live, ds_bytes_of(ping, sizeof ping));
}

static void on_pong(void *context)
{
    struct websocket_client *client = context;
    client->pong_is_owed = false;
}

/* Counted by the second, as the loop's clock has it. */
static bool may_send(struct websocket_client *client)
{
    const uint64_t now_ms = live_clients_now_ms(client->live.clients);
    if (now_ms - client->second_ms >= 1000) {
        client->second_ms = now_ms;
        client->message_count = 0;
    }
    return ++client->message_count <= WEBSOCKET_MESSAGES_PER_SECOND_MAX;
}

static void send_control(struct websocket_client *client)
{
    live_client_send(&client->live, ds_buffer_bytes(&client->control));
    if (client->control.capacity > KEPT_BYTES_MAX) {
        ds_buffer_deinit(&client->control);
    }
    ds_buffer_clear(&client->control);
}

static bool on_text(void *context, struct ds_bytes text)
{
    struct websocket_client *client = context;
    send_control(client); /* of frames that came before */
    if (may_send(client)) {
        websocket_message_take(client, text);
    } else {
        websocket_client_close(client, WEBSOCKET_CLOSE_POLICY,
                               "there are more than 64 messages a second");
    }
    return !client->live.ended;
}

static void take_bytes(struct live_client *live, struct ds_bytes bytes)
{
    struct websocket_client *client = client_of(live);
    const bool goes_on = websocket_frames_take(client->frames, bytes, &client->control);
    send_control(client);
    if (live->ended) {
        return;
    }
    if (!goes_on) {
        live_client_finish(live);
    } else if (live_client_has_enough(live) && !client->reading_stopped) {
        /* It takes some of its answers first, those to control frames too. */
        client->reading_stopped = true;
        http_stream_stop_reading(live->stream);
        http_stream_await_progress(live->stream);
    }
}

static void take_room(struct live_client *live)
{
    struct websocket_client *client = client_of(live);
    if (client->reading_stopped) {
        client->reading_stopped = false;
        http_stream_start_reading(live->stream);
    }
}

static void destroy(struct live_client *live)
{
    struct websocket_client *client = client_of(live);
    websocket_frames_destroy(client->frames);
    ds_buffer_deinit(&client->control);
    free(client);
}

static const struct live_client_ops ops = {
    .form = LIVE_WEBSOCKET,
    .status = 101,
    .end = end,
    .tick = tick,
    .bytes = take_bytes,
    .room = take_room,
    .destroy = destroy,
};

struct websocket_client *websocket_client_begin(struct exchange *exchange)
{
    static const struct websocket_frames_events events = {.text = on_text, .pong = on_pong};
    struct websocket_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        abort();
    }
    struct live_clients *clients = exchange->gateway->live_clients;
    live_client_init(&client->live, &ops, clients);
    client->frames = websocket_frames_create(&events, client, WEBSOCKET_MESSAGE_BYTES_MAX);
    ds_buffer_init(&client->control, SIZE_MAX);
    client->ping_ms = live_clients_now_ms(clients);
    client->second_ms = client->ping_ms;
    live_client_begin(&client->live, exchange);
    return client;
}
