#include "clients/cli/feed_plan.h"

#include "ds/exit_code.h"
#include "ds/time.h"

#include <stdlib.h>
#include <string.h>

#define SPEED_MIN 0.001
#define SPEED_MAX 1000000.0
#define WORD_BYTES_MAX 64
/* 2200-01-01: with the longest duration and expiries of a year all dates have four digits. */
#define START_SECONDS_END 7258118400LL
#define HOUR_MS (3600LL * 1000)

static const char *const shift_choices[] = {"none", "now", NULL};

static const struct ds_setting settings_table[] = {
    {.name = "products",
     .kind = DS_SETTING_LIST,
     .argument = "NAME,...",
     .help = "of NIFTY, BANKNIFTY, FINNIFTY, SENSEX; may be repeated [all of them]",
     .offset = offsetof(struct feed_settings, products)},
    {.name = "kinds",
     .kind = DS_SETTING_TEXT,
     .argument = "KIND,...",
     .default_text = "ticks,quotes,chains",
     .help = "which rows are sent: ticks, quotes, chains",
     .offset = offsetof(struct feed_settings, kinds)},
    {.name = "expiries",
     .kind = DS_SETTING_INTEGER,
     .argument = "N",
     .default_text = "2",
     .minimum = 1,
     .maximum = EXPIRY_COUNT_MAX,
     .help = "of each product: the next weekly ones and, the smaller half, monthly ones",
     .offset = offsetof(struct feed_settings, expiries)},
    {.name = "interval",
     .kind = DS_SETTING_DURATION,
     .argument = "TIME",
     .default_text = "1s",
     .minimum = 1,
     .maximum = 24 * HOUR_MS,
     .help = "between two moments of the market, each of which has a tick of every product",
     .offset = offsetof(struct feed_settings, interval_ms)},
    {.name = "chain-interval",
     .kind = DS_SETTING_DURATION,
     .argument = "TIME",
     .minimum = 0,
     .maximum = 24 * HOUR_MS,
     .help = "between two moments that also have quotes and chains, in whole intervals "
             "[--interval]",
     .offset = offsetof(struct feed_settings, chain_interval_ms)},
    {.name = "start",
     .kind = DS_SETTING_TEXT,
     .argument = "TIME",
     .help = "the market's first moment, such as 2025-01-22T03:45:00Z [now]",
     .offset = offsetof(struct feed_settings, start)},
    {.name = "duration",
     .kind = DS_SETTING_DURATION,
     .argument = "TIME",
     .minimum = 0,
     .maximum = 3650 * 24 * HOUR_MS,
     .help = "how much of the market's time is shown [until it is interrupted]",
     .offset = offsetof(struct feed_settings, duration_ms)},
    {.name = "seed",
     .kind = DS_SETTING_INTEGER,
     .argument = "N",
     .default_text = "1",
     .minimum = 0,
     .maximum = INT64_MAX,
     .help = "another number is another market; the same settings make the same rows",
     .offset = offsetof(struct feed_settings, seed)},
    {.name = "replay",
     .kind = DS_SETTING_LIST,
     .argument = "FILE",
     .help = "send the rows of an export (NDJSON, CSV or delimited protobuf) instead of a made-up "
             "market; may be repeated: files are merged by their rows' times",
     .offset = offsetof(struct feed_settings, replay)},
    {.name = "shift",
     .kind = DS_SETTING_CHOICE,
     .argument = "none|now",
     .default_text = "none",
     .choices = shift_choices,
     .help = "with --replay: move all times so that the first row is now; expiries stay",
     .offset = offsetof(struct feed_settings, shift)},
    {.name = "speed",
     .kind = DS_SETTING_TEXT,
     .argument = "N|max",
     .default_text = "1",
     .help = "seconds of the market that pass in a second; max: as fast as the service takes rows",
     .offset = offsetof(struct feed_settings, speed)},
    {.name = "rate",
     .kind = DS_SETTING_INTEGER,
     .argument = "ROWS",
     .minimum = 0,
     .maximum = 100000000,
     .help = "at most so many rows a second on the average, even where --speed asks for more",
     .offset = offsetof(struct feed_settings, rate)},
    {.name = "batch",
     .kind = DS_SETTING_INTEGER,
     .argument = "N",
     .default_text = "1000",
     .minimum = 1,
     .maximum = 10000,
     .help = "rows of a kind sent together at most",
     .offset = offsetof(struct feed_settings, batch_rows)},
    {.name = "retries",
     .kind = DS_SETTING_INTEGER,
     .argument = "N",
     .default_text = "10",
     .minimum = 0,
     .maximum = 1000,
     .help = "how often a batch is sent again while the service is away or has no room",
     .offset = offsetof(struct feed_settings, retries)},
    CONNECTION_SETTINGS,
};

const struct ds_program feed_plan_program = {
    .name = "deltastream feed",
    .summary = "Send a made-up market, or replay a recorded one.",
    .examples = "  deltastream feed                           # live, until Ctrl-C\n"
                "  deltastream feed --start 2025-01-22T03:45:00Z --duration 6h --speed max\n"
                "  deltastream feed --products NIFTY --kinds ticks --interval 100ms --rate 5000\n"
                "  deltastream feed --replay day.ndjson --speed 60 --shift now\n",
    .settings = settings_table,
    .setting_count = sizeof(settings_table) / sizeof(settings_table[0]),
};

/* Settings that say what the market is like, which a recorded one is already. */
static const char *const market_settings[] = {"products", "expiries", "interval", "chain-interval",
                                              "start",    "duration", "seed"};

/* Takes the next word off a text with commas; false where there is none or it is too long. */
static bool take_word(const char **text, char target[WORD_BYTES_MAX])
{
    const size_t bytes = strcspn(*text, ",");
    if (bytes == 0 || bytes >= WORD_BYTES_MAX) {
        return false;
    }
    memcpy(target, *text, bytes);
    target[bytes] = '\0';
    *text += bytes;
    *text += **text == ',' ? 1 : 0;
    return true;
}

static bool add_product(struct market_options *market, const char *name)
{
    const struct product *product = product_find(name);
    for (size_t i = 0; i < market->product_count; i++) {
        if (market->products[i] == product) {
            return true;
        }
    }
    if (product != NULL) {
        market->products[market->product_count++] = product;
    }
    return product != NULL;
}

static int plan_products(struct ds_config *config, const struct feed_settings *settings,
                         struct feed_plan *plan)
{
    for (size_t i = 0; i < settings->products.count; i++) {
        const char *text = settings->products.items[i];
        char name[WORD_BYTES_MAX];
        do {
            if (!take_word(&text, name) || !add_product(&plan->market, name)) {
                return ds_config_refuse(config, settings, "products",
                                        "\"%s\": the market has NIFTY, BANKNIFTY, FINNIFTY, SENSEX",
                                        settings->products.items[i]);
            }
        } while (*text != '\0');
    }
    return DS_EXIT_OK;
}

static bool add_kind(uint32_t *kinds, const char *name)
{
    for (enum row_kind kind = ROW_KIND_TICKS; kind < ROW_KIND_COUNT; kind++) {
        if (strcmp(row_kind_info(kind)->name, name) == 0) {
            *kinds |= 1U << kind;
            return true;
        }
    }
    return false;
}

static int plan_kinds(struct ds_config *config, const struct feed_settings *settings,
                      struct feed_plan *plan)
{
    const char *text = settings->kinds;
    char name[WORD_BYTES_MAX];
    do {
        if (!take_word(&text, name) || !add_kind(&plan->kinds, name)) {
            return ds_config_refuse(config, settings, "kinds",
                                    "one or more of ticks, quotes and chains, with commas");
        }
    } while (*text != '\0');
    return DS_EXIT_OK;
}

static int plan_speed(struct ds_config *config, const struct feed_settings *settings,
                      struct feed_plan *plan)
{
    char *end = NULL;
    if (strcmp(settings->speed, "max") == 0) {
        plan->speed = 0;
        return DS_EXIT_OK;
    }
    plan->speed = strtod(settings->speed, &end);
    const bool is_number = end != settings->speed && *end == '\0';
    if (!is_number || !(plan->speed >= SPEED_MIN && plan->speed <= SPEED_MAX)) {
        return ds_config_refuse(config, settings, "speed",
                                "a number from 0.001 to 1000000, or max");
    }
    return DS_EXIT_OK;
}

static int plan_start(struct ds_config *config, const struct feed_settings *settings,
                      int64_t now_us, struct feed_plan *plan)
{
    int64_t seconds = 0;
    int32_t nanoseconds = 0;
    if (settings->start == NULL || settings->start[0] == '\0') {
        plan->start_us = now_us / 1000 * 1000;
        return DS_EXIT_OK;
    }
    if (!ds_time_parse(ds_bytes_of_text(settings->start), true, &seconds, &nanoseconds) ||
        seconds < 0 || seconds >= START_SECONDS_END) {
        return ds_config_refuse(config, settings, "start",
                                "a time from 1970 to 2199, such as 2025-01-22T03:45:00Z");
    }
    plan->start_us = seconds * DS_MICROSECONDS + nanoseconds / 1000;
    return DS_EXIT_OK;
}

static int check_together(struct ds_config *config, const struct feed_settings *settings)
{
    if (settings->replay.count == 0) {
        return settings->shift == 0
                   ? DS_EXIT_OK
                   : ds_config_refuse(config, settings, "shift", "goes with --replay only");
    }
    for (size_t i = 0; i < sizeof(market_settings) / sizeof(market_settings[0]); i++) {
        if (ds_config_is_given(config, market_settings[i])) {
            return ds_config_refuse(config, settings, market_settings[i],
                                    "does not go with --replay: the rows are recorded already");
        }
    }
    return DS_EXIT_OK;
}

static void plan_times(const struct feed_settings *settings, struct feed_plan *plan)
{
    const int64_t duration_us = settings->duration_ms * 1000;
    plan->interval_us = settings->interval_ms * 1000;
    plan->chain_interval_us = settings->chain_interval_ms * 1000;
    if (plan->chain_interval_us < plan->interval_us) {
        plan->chain_interval_us = plan->interval_us;
    }
    plan->moment_count = (uint64_t)((duration_us + plan->interval_us - 1) / plan->interval_us);
}

int feed_plan_make(struct ds_config *config, const struct feed_settings *settings, int64_t now_us,
                   struct feed_plan *ret_plan)
{
    struct feed_plan plan = {
        .market = {.expiry_count = (size_t)settings->expiries, .seed = (uint64_t)settings->seed}};
    int exit_code = check_together(config, settings);
    if (exit_code == DS_EXIT_OK) {
        exit_code = plan_products(config, settings, &plan);
    }
    if (exit_code == DS_EXIT_OK) {
        exit_code = plan_kinds(config, settings, &plan);
    }
    if (exit_code == DS_EXIT_OK) {
        exit_code = plan_speed(config, settings, &plan);
    }
    if (exit_code == DS_EXIT_OK) {
        exit_code = plan_start(config, settings, now_us, &plan);
    }
    if (exit_code == DS_EXIT_OK) {
        plan_times(settings, &plan);
        *ret_plan = plan;
    }
    return exit_code;
}
