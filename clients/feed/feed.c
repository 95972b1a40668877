#include "clients/feed/feed.h"

#include "clients/feed/latest_tick.h"
#include "clients/feed/market_send.h"
#include "ds/log.h"

#include <pthread.h>
#include <stdlib.h>

#define DEFAULT_INTERVAL_MS 250
#define DEFAULT_OPTION_INTERVAL_MS 15000
#define DEFAULT_EXPIRY_COUNT 2
#define PAST_US (2LL * 3600 * 1000000)
#define PAST_INTERVAL_US (10LL * 1000000)
/* The volatility surface is made of five minutes of quotes. */
#define PAST_OF_OPTIONS_US (5LL * 60 * 1000000)
#define PAST_OPTION_INTERVAL_US (30LL * 1000000)

struct feed {
    struct feed_options options;
    struct market market;
    struct direct_caller caller;
    struct sender *sender;
    struct ds_buffer row;
    uint64_t option_every; /* moments with quotes and chains: every so many */
    bool was_failing;      /* so that a long outage is one line in the log */
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

/* Times of rows are whole milliseconds, which every store keeps. */
static int64_t row_time_us(const struct feed *feed)
{
    return ds_clock_wall_us(feed->options.clock) / 1000 * 1000;
}

static void tell_failure(void *context, const struct answer *answer)
{
    struct feed *feed = context;
    if (!feed->was_failing) {
        ds_log(DS_LOG_WARNING, "feed_failed", DS_LOG_TEXT("code", ds_code_name(answer->code)),
               DS_LOG_TEXT("message", answer->message));
    }
    feed->was_failing = true;
}

static ds_code send_product(struct feed *feed, size_t index, uint32_t kinds)
{
    return market_send(&feed->market, index, kinds, &feed->row, feed->sender);
}

static ds_code send_past(struct feed *feed, size_t index)
{
    const int64_t now_us = row_time_us(feed);
    for (int64_t ago_us = PAST_US; ago_us > 0; ago_us -= PAST_INTERVAL_US) {
        const bool has_options =
            ago_us <= PAST_OF_OPTIONS_US && ago_us % PAST_OPTION_INTERVAL_US == 0;
        market_advance(&feed->market, index, now_us - ago_us);
        DS_TRY(send_product(feed, index, has_options ? FEED_KINDS_ALL : 1U << ROW_KIND_TICKS));
    }
    return sender_flush(feed->sender);
}

static ds_code prepare_product(struct feed *feed, size_t index)
{
    struct walk *walk = &feed->market.products[index].walk;
    struct walk_tick tick;
    int64_t timestamp_us = 0;
    const ds_code code = latest_tick_read(&feed->caller, walk->product, &tick, &timestamp_us);
    if (code == DS_NOT_FOUND) {
        return send_past(feed, index);
    }
    DS_TRY(code);
    walk_resume(walk, &tick, timestamp_us);
    return DS_OK;
}

static ds_code prepare(struct feed *feed)
{
    for (size_t i = 0; i < feed->market.options.product_count; i++) {
        DS_TRY(prepare_product(feed, i));
    }
    return DS_OK;
}

/* False when the feed is to stop. */
static bool wait_until(struct feed *feed, int64_t until_us)
{
    pthread_mutex_lock(&feed->lock);
    bool has_time = true;
    while (!feed->must_stop && has_time) {
        has_time = ds_clock_wait_until(&feed->wake, &feed->lock, until_us);
    }
    const bool go_on = !feed->must_stop;
    pthread_mutex_unlock(&feed->lock);
    return go_on;
}

/* What could not be written is not written later: a feed shows the present. */
static void show_moment(struct feed *feed, uint64_t moment)
{
    const int64_t now_us = row_time_us(feed);
    const uint32_t kinds = moment % feed->option_every == 0 ? FEED_KINDS_ALL : 1U << ROW_KIND_TICKS;
    ds_code code = DS_OK;
    for (size_t i = 0; i < feed->market.options.product_count && code == DS_OK; i++) {
        market_advance(&feed->market, i, now_us);
        code = send_product(feed, i, kinds);
    }
    if (code == DS_OK) {
        code = sender_flush(feed->sender);
    }
    feed->was_failing = feed->was_failing && code != DS_OK;
}

static void *run(void *context)
{
    struct feed *feed = context;
    const struct ds_clock *machine = ds_clock_system();
    int64_t next_us = ds_clock_monotonic_us(machine);
    for (uint64_t moment = 0;; moment++) {
        /* After a pause of the machine the feed goes on from now and does not catch up. */
        const int64_t now_us = ds_clock_monotonic_us(machine);
        next_us = next_us < now_us - 1000000 ? now_us : next_us;
        next_us += (int64_t)feed->options.interval_ms * 1000;
        if (!wait_until(feed, next_us)) {
            return NULL;
        }
        show_moment(feed, moment);
    }
}

static void complete_options(struct feed_options *options)
{
    if (options->clock == NULL) {
        options->clock = ds_clock_system();
    }
    if (options->interval_ms == 0) {
        options->interval_ms = DEFAULT_INTERVAL_MS;
    }
    if (options->option_interval_ms == 0) {
        options->option_interval_ms = DEFAULT_OPTION_INTERVAL_MS;
    }
    if (options->expiry_count == 0) {
        options->expiry_count = DEFAULT_EXPIRY_COUNT;
    }
}

static struct feed *create(const struct feed_options *options)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    if (feed == NULL) {
        abort();
    }
    feed->options = *options;
    complete_options(&feed->options);
    const uint32_t every = feed->options.option_interval_ms / feed->options.interval_ms;
    feed->option_every = every == 0 ? 1 : every;
    const struct market_options market_options = {.expiry_count = feed->options.expiry_count,
                                                  .seed = feed->options.seed};
    market_init(&feed->market, &market_options);
    feed->caller =
        (struct direct_caller){.channel = feed->options.channel, .principal = &feed_principal};
    const struct sender_options sender_options = {.call = direct_call,
                                                  .call_context = &feed->caller,
                                                  .tell_failure = tell_failure,
                                                  .context = feed};
    feed->sender = sender_create(&sender_options);
    ds_buffer_init(&feed->row, SENDER_ROW_BYTES_MAX);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->wake, NULL);
    return feed;
}

static void destroy(struct feed *feed)
{
    ds_buffer_deinit(&feed->row);
    sender_destroy(feed->sender);
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
