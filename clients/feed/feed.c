#include "clients/feed/feed.h"

#include "clients/feed/walk.h"
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/log.h"
#include "ds/wire.h"
#include "ds/wire_check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INGEST_TICKS "deltastream.storage.v1.Storage/IngestTicks"
#define LATEST_TICK "deltastream.storage.v1.Storage/LatestTick"
#define DEFAULT_INTERVAL_MS 250
#define DEFAULT_BACKFILL_ROWS 300
#define BACKFILL_STEP_US 1000000
#define BACKFILL_ROWS_MAX 2000
#define REQUEST_BYTES_MAX (1024 * 1024)
#define REPLY_ARENA_BYTES_MAX (64 * 1024)

struct feed {
    struct feed_options options;
    const struct ds_method *ingest;
    const struct ds_method *latest;
    struct walk walks[WALK_PRODUCT_COUNT];
    struct ds_buffer request;
    bool was_failing; /* so that a long outage is one line in the log */
    pthread_t thread;

    pthread_mutex_t lock; /* guards must_stop */
    pthread_cond_t wake;
    bool must_stop;
};

/* The feed's own rights where the transport carries trust. */
static const char *const feed_permissions[] = {"market:read", "market:write"};
static const struct ds_principal feed_principal = {
    .subject = "service:feed",
    .authentication_method = "none",
    .permissions = feed_permissions,
    .permission_count = 2,
};

static ds_code make_call(struct feed *feed, const struct ds_method *method,
                         struct ds_client_call *call)
{
    *call = (struct ds_client_call){
        .method = method, .payload = ds_buffer_bytes(&feed->request), .principal = &feed_principal};
    return ds_channel_call_wait(feed->options.channel, call);
}

/* Appends a message's packed form to the request as field `number` of it, or as all of it for 0. */
static void append_message(struct ds_buffer *request, uint32_t number,
                           const ProtobufCMessage *message)
{
    const size_t bytes = protobuf_c_message_get_packed_size(message);
    if (number != 0) {
        ds_wire_write_tag(request, number, DS_WIRE_BYTES);
        ds_wire_write_varint(request, bytes);
    }
    uint8_t *room = ds_buffer_reserve(request, bytes);
    if (room != NULL) {
        protobuf_c_message_pack(message, room);
        ds_buffer_commit(request, bytes);
    }
}

static void append_tick(struct feed *feed, struct walk *walk, int64_t timestamp_us)
{
    const struct walk_tick step = walk_next(walk, timestamp_us);
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    timestamp.seconds = timestamp_us / 1000000;
    timestamp.nanos = (int32_t)(timestamp_us % 1000000) * 1000;
    Storage__Tick tick = STORAGE__TICK__INIT;
    tick.product = (char *)(uintptr_t)walk->product->name;
    tick.timestamp = &timestamp;
    tick._price_case = STORAGE__TICK___PRICE_PRICE;
    tick.price = step.price;
    tick._tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
    tick.tick_id = step.tick_id;
    tick._volume_case = STORAGE__TICK___VOLUME_VOLUME;
    tick.volume = step.volume;
    tick._open_case = STORAGE__TICK___OPEN_OPEN;
    tick.open = step.open;
    tick._high_case = STORAGE__TICK___HIGH_HIGH;
    tick.high = step.high;
    tick._low_case = STORAGE__TICK___LOW_LOW;
    tick.low = step.low;
    tick._close_case = STORAGE__TICK___CLOSE_CLOSE;
    tick.close = step.close;
    tick._change_case = STORAGE__TICK___CHANGE_CHANGE;
    tick.change = step.change;
    append_message(&feed->request, 1, &tick.base);
}

static ds_code send_ticks(struct feed *feed)
{
    struct ds_client_call call;
    const ds_code code = make_call(feed, feed->ingest, &call);
    if (code != DS_OK && !feed->was_failing) {
        ds_log(DS_LOG_WARNING, "feed_failed", DS_LOG_TEXT("code", ds_code_name(code)),
               DS_LOG_TEXT("message", call.message));
    }
    feed->was_failing = code != DS_OK;
    ds_client_call_release(&call);
    return code;
}

static void read_latest(struct walk *walk, struct ds_arena *arena, struct ds_bytes response)
{
    const Storage__Tick *tick =
        storage__tick__unpack(ds_arena_allocator(arena), response.size, response.data);
    if (tick == NULL) {
        return;
    }
    if (tick->_price_case == STORAGE__TICK___PRICE_PRICE && tick->price > 0) {
        walk_resume(walk, tick->price);
    }
    if (tick->_tick_id_case == STORAGE__TICK___TICK_ID_TICK_ID && tick->tick_id > 0) {
        walk->tick_id = tick->tick_id;
    }
}

/* Goes on where the product's newest stored tick is; DS_NOT_FOUND where it has none. */
static ds_code resume(struct feed *feed, struct walk *walk)
{
    Storage__LatestTickRequest request = STORAGE__LATEST_TICK_REQUEST__INIT;
    request.product = (char *)(uintptr_t)walk->product->name;
    ds_buffer_clear(&feed->request);
    append_message(&feed->request, 0, &request.base);
    struct ds_client_call call;
    struct ds_wire_error error;
    const ds_code code = make_call(feed, feed->latest, &call);
    if (code == DS_OK && ds_wire_check(feed->latest->response, call.response, &error) == DS_OK) {
        struct ds_arena *arena = ds_arena_create(REPLY_ARENA_BYTES_MAX);
        read_latest(walk, arena, call.response);
        ds_arena_destroy(arena);
    } else if (code != DS_OK && code != DS_NOT_FOUND) {
        ds_log(DS_LOG_WARNING, "feed_failed", DS_LOG_TEXT("code", ds_code_name(code)),
               DS_LOG_TEXT("message", call.message));
    }
    ds_client_call_release(&call);
    return code;
}

static ds_code backfill(struct feed *feed, struct walk *walk)
{
    const int64_t now_us = ds_clock_wall_us(feed->options.clock);
    ds_buffer_clear(&feed->request);
    for (int64_t ago = feed->options.backfill_rows; ago > 0; ago--) {
        append_tick(feed, walk, now_us - ago * BACKFILL_STEP_US);
    }
    return send_ticks(feed);
}

static ds_code prepare(struct feed *feed)
{
    for (size_t i = 0; i < WALK_PRODUCT_COUNT; i++) {
        ds_code code = resume(feed, &feed->walks[i]);
        if (code == DS_NOT_FOUND) {
            code = backfill(feed, &feed->walks[i]);
        }
        DS_TRY(code);
    }
    return DS_OK;
}

static void add_milliseconds(struct timespec *time, uint32_t milliseconds)
{
    time->tv_sec += milliseconds / 1000;
    time->tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (time->tv_nsec >= 1000000000) {
        time->tv_sec++;
        time->tv_nsec -= 1000000000;
    }
}

/* False when the feed is to stop. */
static bool wait_until(struct feed *feed, const struct timespec *time)
{
    pthread_mutex_lock(&feed->lock);
    int result = 0;
    while (!feed->must_stop && result == 0) {
        result = pthread_cond_timedwait(&feed->wake, &feed->lock, time);
    }
    const bool go_on = !feed->must_stop;
    pthread_mutex_unlock(&feed->lock);
    return go_on;
}

static void *run(void *context)
{
    struct feed *feed = context;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        add_milliseconds(&next, feed->options.interval_ms);
        if (!wait_until(feed, &next)) {
            return NULL;
        }
        ds_buffer_clear(&feed->request);
        const int64_t now_us = ds_clock_wall_us(feed->options.clock);
        for (size_t i = 0; i < WALK_PRODUCT_COUNT; i++) {
            append_tick(feed, &feed->walks[i], now_us);
        }
        /* What could not be written is not written later: a feed shows the present. */
        (void)!send_ticks(feed);
    }
}

static void init_waiting(struct feed *feed)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct feed *create(const struct feed_options *options)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    if (feed == NULL) {
        abort();
    }
    feed->options = *options;
    if (feed->options.clock == NULL) {
        feed->options.clock = ds_clock_system();
    }
    if (feed->options.interval_ms == 0) {
        feed->options.interval_ms = DEFAULT_INTERVAL_MS;
    }
    if (feed->options.backfill_rows == 0) {
        feed->options.backfill_rows = DEFAULT_BACKFILL_ROWS;
    }
    if (feed->options.backfill_rows > BACKFILL_ROWS_MAX) {
        feed->options.backfill_rows = BACKFILL_ROWS_MAX;
    }
    feed->ingest = ds_method_find(INGEST_TICKS, strlen(INGEST_TICKS));
    feed->latest = ds_method_find(LATEST_TICK, strlen(LATEST_TICK));
    ds_buffer_init(&feed->request, REQUEST_BYTES_MAX);
    init_waiting(feed);
    for (size_t i = 0; i < WALK_PRODUCT_COUNT; i++) {
        walk_init(&feed->walks[i], &walk_products[i], feed->options.seed);
    }
    return feed;
}

static void destroy(struct feed *feed)
{
    ds_buffer_deinit(&feed->request);
    pthread_cond_destroy(&feed->wake);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}

ds_code feed_start(const struct feed_options *options, struct feed **ret_feed)
{
    struct feed *feed = create(options);
    const ds_code code = prepare(feed);
    if (code != DS_OK) {
        destroy(feed);
        return code;
    }
    if (pthread_create(&feed->thread, NULL, run, feed) != 0) {
        destroy(feed);
        return DS_RESOURCE_EXHAUSTED;
    }
    *ret_feed = feed;
    return DS_OK;
}

void feed_stop(struct feed *feed)
{
    if (feed == NULL) {
        return;
    }
    pthread_mutex_lock(&feed->lock);
    feed->must_stop = true;
    pthread_cond_signal(&feed->wake);
    pthread_mutex_unlock(&feed->lock);
    pthread_join(feed->thread, NULL);
    destroy(feed);
}
