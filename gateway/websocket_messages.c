/* The messages of a WebSocket's client: proto/deltastream/live/v1/live.proto as JSON. */
#include "ds/json.h"
#include "ds/wire.h"
#include "gateway/websocket_client.h"
#include "schema.gen.h"

#define COMMAND_WIRE_BYTES_MAX ((size_t)2 * WEBSOCKET_MESSAGE_BYTES_MAX)

/* A Command; views of its wire. */
struct command {
    struct ds_bytes action;
    struct ds_bytes channel;
    struct ds_bytes last_event_id;
    struct ds_bytes wire; /* for the keys */
    enum live_kind kind;
    struct live_id behind;
};

static void refuse(struct websocket_client *client, const char *pointer, const char *detail)
{
    struct problem problem;
    problem_set(&problem, DS_REASON(INVALID_REQUEST), "%s", detail);
    (void)problem_add(&problem, PROBLEM_AT_POINTER, ds_bytes_of_text(pointer), detail);
    websocket_client_tell(client, &problem);
}

/* Takes the next string of that field; the wire is the codec's, so all of it is strings. */
static bool next_string(struct ds_wire_reader *reader, uint32_t *ret_number,
                        struct ds_bytes *ret_text)
{
    enum ds_wire_type type = DS_WIRE_BYTES;
    return !ds_wire_at_end(reader) && ds_wire_read_tag(reader, ret_number, &type) &&
           ds_wire_read_bytes(reader, ret_text);
}

static struct command command_of(struct ds_bytes wire)
{
    struct command command = {.wire = wire};
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    uint32_t number = 0;
    struct ds_bytes text;
    while (next_string(&reader, &number, &text)) {
        if (number == 1) {
            command.action = text;
        } else if (number == 2) {
            command.channel = text;
        } else if (number == 4) {
            command.last_event_id = text;
        }
    }
    return command;
}

/* Adds the command's keys. NULL, or what is wrong. */
static const char *add_keys(const struct command *command, struct key_set *keys)
{
    struct ds_wire_reader reader = ds_wire_reader_of(command->wire);
    uint32_t number = 0;
    struct ds_bytes text;
    const char *fault = NULL;
    while (fault == NULL && next_string(&reader, &number, &text)) {
        fault = number == 3 ? key_set_add(keys, text) : NULL;
    }
    return fault;
}

static void answer(struct websocket_client *client, const char *type, struct ds_buffer *json)
{
    const struct live_message message = {.type = type, .json = ds_buffer_bytes(json)};
    live_client_send_message(&client->live, &message);
    ds_buffer_deinit(json);
}

static void answer_subscribed(struct websocket_client *client, enum live_kind kind)
{
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX);
    live_json_subscribed(kind, &client->live.channels[kind].keys, (struct live_id){0}, &json);
    answer(client, "subscribed", &json);
}

static void answer_unsubscribed(struct websocket_client *client, enum live_kind kind)
{
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX);
    live_json_unsubscribed(kind, &client->live.channels[kind].keys, &json);
    answer(client, "unsubscribed", &json);
}

static void drop_keys(struct key_set *keys)
{
    key_set_deinit(keys);
    key_set_init(keys);
}

/* `keys` are taken over. What the hub can't give to a new client, it gives to nobody for now. */
static void begin_channel(struct websocket_client *client, const struct command *command,
                          struct key_set *keys)
{
    struct live_channel *channel = &client->live.channels[command->kind];
    struct problem problem;
    key_set_deinit(&channel->keys);
    channel->keys = *keys;
    if (live_client_subscribe(&client->live, command->kind, command->behind, &problem)) {
        live_client_pump(&client->live);
        return;
    }
    drop_keys(&channel->keys);
    websocket_client_tell(client, &problem);
    if (problem.reason == DS_REASON(TOO_MANY_STREAMS)) {
        websocket_client_close(client, WEBSOCKET_CLOSE_TRY_AGAIN, problem.detail);
    }
}

/* The keys of a command; false where they were refused. */
static bool read_keys(struct websocket_client *client, const struct command *command,
                      struct key_set *keys)
{
    const char *fault = add_keys(command, keys);
    if (fault != NULL) {
        refuse(client, "/keys", fault);
    }
    return fault == NULL;
}

/* From some keys to all of them: another subscription, which goes on where this one is. */
static void widen(struct websocket_client *client, struct command *command)
{
    struct key_set all;
    key_set_init(&all);
    command->behind = live_client_position(&client->live, command->kind);
    if (command->behind.epoch == 0) {
        /* It has not begun: the client has not been told where, and is where it said. */
        command->behind = client->live.channels[command->kind].behind;
    }
    live_client_unsubscribe(&client->live, command->kind);
    begin_channel(client, command, &all);
}

/* NULL, or why the channel can't have these keys too. */
static const char *add_to_channel(struct live_channel *channel, const struct key_set *added)
{
    struct ds_bytes views[LIVE_KEYS_MAX];
    const size_t count = key_set_view(added, views);
    const char *fault = NULL;
    size_t new_count = 0;
    for (size_t i = 0; i < count; i++) {
        new_count += key_set_has(&channel->keys, views[i]) ? 0 : 1;
    }
    if (channel->keys.count + new_count > LIVE_KEYS_MAX) {
        return "there are more than 256 keys; without any, all come";
    }
    if (live_add_keys(channel->subscription, views, count) != DS_OK) {
        return "these keys can't be added now";
    }
    for (size_t i = 0; i < count && fault == NULL; i++) {
        fault = key_set_add(&channel->keys, views[i]);
    }
    return fault;
}

/* `keys` stay the caller's. */
static void subscribe_more(struct websocket_client *client, struct command *command,
                           const struct key_set *keys)
{
    struct live_channel *channel = &client->live.channels[command->kind];
    if (command->behind.epoch != 0) {
        refuse(client, "/last_event_id",
               "the channel is subscribed already; unsubscribe first to go on elsewhere");
    } else if (channel->keys.count == 0) {
        answer_subscribed(client, command->kind); /* to all of them already */
    } else if (keys->count == 0) {
        widen(client, command);
    } else {
        const char *fault = add_to_channel(channel, keys);
        if (fault != NULL) {
            refuse(client, "/keys", fault);
        } else {
            answer_subscribed(client, command->kind);
        }
    }
}

static void subscribe(struct websocket_client *client, struct command *command)
{
    struct key_set keys;
    key_set_init(&keys);
    if (read_keys(client, command, &keys)) {
        if (client->live.channels[command->kind].subscription == NULL) {
            begin_channel(client, command, &keys);
            return; /* which has the keys now */
        }
        subscribe_more(client, command, &keys);
    }
    key_set_deinit(&keys);
}

static void end_channel(struct websocket_client *client, enum live_kind kind)
{
    live_client_unsubscribe(&client->live, kind);
    drop_keys(&client->live.channels[kind].keys);
    answer_unsubscribed(client, kind);
}

static void take_keys_away(struct websocket_client *client, enum live_kind kind,
                           const struct key_set *dropped)
{
    struct live_channel *channel = &client->live.channels[kind];
    struct ds_bytes views[LIVE_KEYS_MAX];
    const size_t count = key_set_view(dropped, views);
    for (size_t i = 0; i < count; i++) {
        (void)key_set_remove(&channel->keys, views[i]);
    }
    if (channel->keys.count == 0) {
        end_channel(client, kind);
        return;
    }
    live_remove_keys(channel->subscription, views, count);
    answer_unsubscribed(client, kind);
}

static void unsubscribe(struct websocket_client *client, const struct command *command)
{
    const struct live_channel *channel = &client->live.channels[command->kind];
    struct key_set dropped;
    key_set_init(&dropped);
    if (!read_keys(client, command, &dropped)) {
        /* It has been told. */
    } else if (dropped.count == 0 || channel->subscription == NULL) {
        end_channel(client, command->kind);
    } else if (channel->keys.count == 0) {
        refuse(client, "/keys", "all keys are subscribed to: unsubscribe without keys");
    } else {
        take_keys_away(client, command->kind, &dropped);
    }
    key_set_deinit(&dropped);
}

static void run(struct websocket_client *client, struct command *command)
{
    const bool subscribes = ds_bytes_equal_text(command->action, "subscribe");
    if (ds_bytes_equal_text(command->action, "ping")) {
        struct ds_buffer json;
        ds_buffer_init(&json, SIZE_MAX);
        ds_buffer_append_text(&json, "{\"type\":\"pong\"}");
        answer(client, "pong", &json);
    } else if (!subscribes && !ds_bytes_equal_text(command->action, "unsubscribe")) {
        refuse(client, "/action", "the action is none of subscribe, unsubscribe and ping");
    } else if (!live_kind_find(command->channel, &command->kind)) {
        refuse(client, "/channel", "the channel is none of ticks, quotes and chains");
    } else if (command->last_event_id.size > 0 &&
               !live_id_read(command->last_event_id, &command->behind)) {
        refuse(client, "/last_event_id",
               "send epoch and sequence of the last event as they came, EPOCH-SEQUENCE");
    } else if (subscribes) {
        subscribe(client, command);
    } else {
        unsubscribe(client, command);
    }
}

void websocket_message_take(struct websocket_client *client, struct ds_bytes text)
{
    static const struct ds_json_read_options options = {0};
    struct ds_buffer wire;
    struct ds_json_error error;
    ds_buffer_init(&wire, COMMAND_WIRE_BYTES_MAX);
    if (ds_json_to_wire(&ds_message_live_command, text, &options, &wire, &error) != DS_OK) {
        struct problem problem;
        problem_set(&problem,
                    error.is_unknown_field ? DS_REASON(UNKNOWN_FIELD) : DS_REASON(INVALID_JSON),
                    "%s", error.message);
        struct problem_item *item = problem_add(&problem, PROBLEM_AT_POINTER,
                                                ds_bytes_of_text(error.pointer), error.message);
        item->has_offset = true;
        item->offset = error.offset;
        websocket_client_tell(client, &problem);
    } else {
        struct command command = command_of(ds_buffer_bytes(&wire));
        run(client, &command);
    }
    ds_buffer_deinit(&wire);
}
