/* The hub without a gateway: its sources and its calls are the test's. */
#ifndef TESTS_SUPPORT_LIVE_FIXTURE_H
#define TESTS_SUPPORT_LIVE_FIXTURE_H

#include "gateway/live_event.h"
#include "gateway/live_internal.h"
#include "schema.gen.h"
#include "support/standing_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define EPOCH 7
#define NEXT_EPOCH 8
#define ANSWERS_MAX 256
#define TOLD_BYTES 4096

/* A hub whose sources and calls are this file's: what a source tells is put by say_*(), what a call
 * is answered by answer_*(). */
struct scene {
    struct live *live;
    bool is_woken;
    bool has_publisher;
    bool is_paused;
    bool is_stopped;
    size_t cancel_count;
    struct live_listing *listings[ANSWERS_MAX]; /* under way */
    size_t listing_count;
    struct ds_buffer answers[ANSWERS_MAX]; /* given; they stay */
    size_t answer_count;
    size_t render_count;
};

/* Who subscribes, and writes down what it is told. */
struct client {
    struct scene *scene;
    struct live_subscription *subscription;
    size_t ready_count;
    bool is_slow; /* takes nothing by itself */
    void (*on_ready)(struct client *client);
    struct client *other;
    char told[TOLD_BYTES];
};

static inline void wake(void *context)
{
    ((struct scene *)context)->is_woken = true;
}

static inline bool open_source(void *context, enum live_kind kind)
{
    const struct scene *scene = context;
    return scene->has_publisher && kind != LIVE_QUOTES;
}

static inline void list(void *context, struct live_listing *listing, enum live_kind kind)
{
    struct scene *scene = context;
    assert_int_equal(listing->call.method == ds_method_storage_list_events, true);
    assert_true(kind < LIVE_KIND_COUNT && scene->listing_count < ANSWERS_MAX);
    scene->listings[scene->listing_count++] = listing;
}

static inline void cancel(void *context, struct live_listing *listing)
{
    (void)listing;
    ((struct scene *)context)->cancel_count++;
}

static inline void pause_listings(void *context)
{
    ((struct scene *)context)->is_paused = true;
}

static inline void stop(void *context)
{
    ((struct scene *)context)->is_stopped = true;
}

static inline bool is_closed(const void *context)
{
    return ((const struct scene *)context)->is_stopped;
}

static inline void destroy(void *context)
{
    (void)context;
}

static const struct live_ops scene_ops = {wake,           open_source, list,      cancel,
                                          pause_listings, stop,        is_closed, destroy};

static inline void render(const struct live_event *event, struct ds_bytes json,
                          struct ds_buffer *bytes)
{
    ((struct scene *)event->live->context)->render_count++;
    ds_buffer_printf(bytes, "%llu ", (unsigned long long)event->sequence);
    ds_buffer_append(bytes, json.data, json.size);
}

static const live_render_fn scene_renders[LIVE_FORM_COUNT] = {render, render, render};

static inline struct scene *scene_open_limited(uint32_t subscriptions_max,
                                               uint32_t queue_events_max)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->has_publisher = true;
    scene->live = live_open(&scene_ops, scene, &standing_clock, scene_renders,
                            &(struct live_limits){.subscriptions_max = subscriptions_max,
                                                  .queue_events_max = queue_events_max});
    return scene;
}

static inline struct scene *scene_open(void)
{
    return scene_open_limited(1000, 8);
}

/* The loop runs until there is nothing to do. */
static inline void turn(struct scene *scene)
{
    while (scene->is_woken) {
        scene->is_woken = false;
        live_turn(scene->live);
    }
}

static inline void finish(struct scene *scene, size_t place, ds_code code)
{
    struct live_listing *listing = scene->listings[place];
    listing->call.code = code;
    scene->listings[place] = scene->listings[--scene->listing_count];
    live_listing_finish(listing);
}

static inline void scene_close(struct scene *scene)
{
    while (scene->listing_count > 0) {
        finish(scene, 0, DS_CANCELLED);
    }
    assert_int_equal(atomic_load(&scene->live->counts.waiting_events), 0);
    assert_int_equal(scene->live->index.key_count, 0);
    live_destroy(scene->live);
    for (size_t i = 0; i < scene->answer_count; i++) {
        ds_buffer_deinit(&scene->answers[i]);
    }
    free(scene);
}

/* The rest of what a source tells: events whose rows are a price, the number. */
static inline void say_row(struct scene *scene, enum live_kind kind, const char *topic,
                           uint64_t epoch, uint64_t sequence, struct ds_bytes row)
{
    const struct ds_event event = {.topic = ds_bytes_of_text(topic),
                                   .body = row,
                                   .epoch = epoch,
                                   .sequence = sequence,
                                   .published_at_us = 1};
    if (live_inbox_put_event(&scene->live->inbox, kind, &event)) {
        wake(scene);
    }
}

static inline struct ds_bytes tick_row(uint64_t number, uint8_t target[9])
{
    double price = (double)number;
    target[0] = 2 << 3 | 1; /* Tick.price */
    memcpy(target + 1, &price, sizeof price);
    return ds_bytes_of(target, 9);
}

static inline void say_of(struct scene *scene, uint64_t epoch, const char *topic, uint64_t sequence)
{
    uint8_t row[9];
    say_row(scene, LIVE_TICKS, topic, epoch, sequence, tick_row(sequence, row));
}

static inline void say(struct scene *scene, const char *topic, uint64_t sequence)
{
    say_of(scene, EPOCH, topic, sequence);
}

static inline void say_start(struct scene *scene, uint64_t sequence)
{
    if (live_inbox_put_start(&scene->live->inbox, LIVE_TICKS, EPOCH, sequence)) {
        wake(scene);
    }
    turn(scene);
}

static inline void say_gap(struct scene *scene, uint64_t epoch, uint64_t from, uint64_t to)
{
    if (live_inbox_put_gap(
            &scene->live->inbox, LIVE_TICKS,
            &(struct live_gap){
                .epoch = epoch, .from = from, .to = to, .is_new_epoch = epoch != EPOCH})) {
        wake(scene);
    }
}

static inline void say_stale(struct scene *scene, bool is_stale)
{
    if (live_inbox_set_stale(&scene->live->inbox, LIVE_TICKS, is_stale)) {
        wake(scene);
    }
    turn(scene);
}

static inline void note(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void note(struct client *client, const char *format, ...)
{
    const size_t used = strlen(client->told);
    va_list values;
    va_start(values, format);
    const int written = vsnprintf(client->told + used, TOLD_BYTES - used, format, values);
    va_end(values);
    assert_true(written > 0 && (size_t)written < TOLD_BYTES - used);
}

static inline void note_notice(struct client *client, const struct live_notice *notice)
{
    const unsigned long long epoch = notice->epoch;
    const unsigned long long sequence = notice->sequence;
    if (notice->type == LIVE_STARTED) {
        note(client, "start %llu:%llu ", epoch, sequence);
    } else if (notice->type == LIVE_EVENT) {
        assert_int_equal(notice->event->sequence, notice->sequence);
        note(client, "%llu=%.*s ", sequence, (int)notice->event->key.size,
             (const char *)notice->event->key.data);
    } else if (notice->type == LIVE_GAP) {
        note(client, "%s %llu:%llu-%llu ", notice->is_new_epoch ? "anew" : "gap", epoch,
             (unsigned long long)notice->from, (unsigned long long)notice->to);
    } else if (notice->type == LIVE_STALE) {
        note(client, "stale ");
    } else {
        note(client, "%s ", notice->reason);
    }
}

static inline void take_all(struct client *client)
{
    struct live_notice notice;
    while (live_take(client->subscription, &notice)) {
        note_notice(client, &notice);
    }
}

static inline void ready(void *context)
{
    struct client *client = context;
    client->ready_count++;
    if (client->on_ready != NULL) {
        client->on_ready(client);
    } else if (!client->is_slow) {
        take_all(client);
    }
}

/* `keys` with commas between them; NULL: all. */
static inline ds_code subscribe_to(struct client *client, struct scene *scene, enum live_kind kind,
                                   const char *keys, uint64_t epoch, uint64_t after_sequence)
{
    struct ds_bytes views[LIVE_KEYS_MAX + 1];
    size_t count = 0;
    for (const char *next = keys; next != NULL; count++) {
        const char *comma = strchr(next, ',');
        views[count] =
            comma != NULL ? ds_bytes_of(next, (size_t)(comma - next)) : ds_bytes_of_text(next);
        next = comma != NULL ? comma + 1 : NULL;
    }
    client->scene = scene;
    return live_subscribe(scene->live,
                          &(struct live_subscribe_options){.kind = kind,
                                                           .keys = views,
                                                           .key_count = count,
                                                           .epoch = epoch,
                                                           .after_sequence = after_sequence,
                                                           .ready = ready,
                                                           .context = client},
                          &client->subscription);
}

static inline void subscribe(struct client *client, struct scene *scene, const char *keys)
{
    assert_int_equal(subscribe_to(client, scene, LIVE_TICKS, keys, 0, 0), DS_OK);
    turn(scene);
}

static inline void resume(struct client *client, struct scene *scene, const char *keys,
                          uint64_t sequence)
{
    assert_int_equal(subscribe_to(client, scene, LIVE_TICKS, keys, EPOCH, sequence), DS_OK);
    turn(scene);
}

static inline void leave(struct client *client)
{
    live_unsubscribe(client->subscription);
    client->subscription = NULL;
}

static inline void assert_told(struct client *client, const char *told)
{
    assert_string_equal(client->told, told);
    client->told[0] = '\0';
}

static inline struct ds_buffer *new_answer(struct scene *scene)
{
    assert_true(scene->answer_count < ANSWERS_MAX);
    struct ds_buffer *answer = &scene->answers[scene->answer_count++];
    ds_buffer_init(answer, SIZE_MAX);
    return answer;
}

static inline void end_answer(struct scene *scene, size_t place, struct ds_buffer *answer,
                              uint64_t through, uint64_t newest)
{
    ds_event_list_write_end(answer, &(struct ds_event_list){.epoch = EPOCH,
                                                            .newest_sequence = newest,
                                                            .through_sequence = through});
    scene->listings[place]->call.response = ds_buffer_bytes(answer);
    finish(scene, place, DS_OK);
    turn(scene);
}

static inline void answer_event(struct ds_buffer *answer, const char *topic, uint64_t sequence)
{
    uint8_t row[9];
    const struct ds_event_header header = {.topic = ds_bytes_of_text(topic),
                                           .epoch = EPOCH,
                                           .sequence = sequence,
                                           .published_at_us = 1};
    ds_event_list_write_event(answer, &header, tick_row(sequence, row));
}

/* The first call is answered with events `from` to `through` of that topic. */
static inline void answer(struct scene *scene, const char *topic, uint64_t from, uint64_t through,
                          uint64_t newest)
{
    struct ds_buffer *bytes = new_answer(scene);
    assert_true(scene->listing_count > 0);
    for (uint64_t sequence = from; sequence <= through; sequence++) {
        answer_event(bytes, topic, sequence);
    }
    end_answer(scene, 0, bytes, through, newest);
}

static inline void answer_code(struct scene *scene, ds_code code)
{
    assert_true(scene->listing_count > 0);
    finish(scene, 0, code);
    turn(scene);
}

struct asked {
    uint64_t epoch;
    uint64_t after;
    char prefix[256];
};

/* What the first call asks for. */
static inline struct asked asked(const struct scene *scene)
{
    struct asked asked = {.epoch = 0};
    assert_true(scene->listing_count > 0);
    struct ds_wire_reader reader = ds_wire_reader_of(scene->listings[0]->call.payload);
    while (!ds_wire_at_end(&reader)) {
        uint32_t field = 0;
        enum ds_wire_type type;
        struct ds_bytes text;
        assert_true(ds_wire_read_tag(&reader, &field, &type));
        if (field == 2) {
            assert_true(ds_wire_read_fixed64(&reader, &asked.epoch));
        } else if (field == 3) {
            assert_true(ds_wire_read_varint(&reader, &asked.after));
        } else {
            assert_true(ds_wire_read_bytes(&reader, &text));
            if (field == 5) {
                snprintf(asked.prefix, sizeof asked.prefix, "%.*s", (int)text.size,
                         (const char *)text.data);
            }
        }
    }
    return asked;
}

#endif
