/* The commands that show what one method answers, each a constant. */
#include "clients/cli/command.h"
#include "clients/cli/query.h"
#include "clients/cli/rows.h"

#include <stddef.h>

#define STORAGE "deltastream.storage.v1.Storage/"
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const order_choices[] = {"desc", "asc", NULL};

#define OUTPUT_SETTINGS CONNECTION_SETTINGS, ROWS_FORMAT_SETTING(query_options)

#define RANGE_SETTINGS                                                                             \
    {.name = "start",                                                                              \
     .kind = DS_SETTING_TEXT,                                                                      \
     .argument = "TIME",                                                                           \
     .help = "the oldest time wanted, such as 2025-01-25 or 2025-01-25T10:00:00Z; without a zone " \
             "it is UTC",                                                                          \
     .offset = offsetof(struct query_options, start)},                                             \
    {                                                                                              \
        .name = "end", .kind = DS_SETTING_TEXT, .argument = "TIME",                                \
        .help = "the newest time wanted", .offset = offsetof(struct query_options, end)            \
    }

#define ORDER_SETTING                                                                              \
    {                                                                                              \
        .name = "order", .kind = DS_SETTING_CHOICE, .argument = "desc|asc",                        \
        .default_text = "desc", .choices = order_choices, .help = "newest or oldest first",        \
        .offset = offsetof(struct query_options, order)                                            \
    }

#define PAGE_SETTINGS(limit_default, limit_maximum)                                                \
    {.name = "limit",                                                                              \
     .kind = DS_SETTING_INTEGER,                                                                   \
     .argument = "N",                                                                              \
     .default_text = (limit_default),                                                              \
     .minimum = 1,                                                                                 \
     .maximum = (limit_maximum),                                                                   \
     .help = "at most so many; with --all so many a page",                                         \
     .offset = offsetof(struct query_options, limit)},                                             \
        {.name = "page-token",                                                                     \
         .kind = DS_SETTING_TEXT,                                                                  \
         .argument = "TOKEN",                                                                      \
         .help = "go on where the page before ended",                                              \
         .offset = offsetof(struct query_options, page_token)},                                    \
    {                                                                                              \
        .name = "all", .kind = DS_SETTING_BOOLEAN, .help = "follow the pages to the end",          \
        .offset = offsetof(struct query_options, all)                                              \
    }

#define EXPIRY_SETTING(text)                                                                       \
    {                                                                                              \
        .name = "expiry", .kind = DS_SETTING_TEXT, .argument = "YYYY-MM-DD", .help = (text),       \
        .offset = offsetof(struct query_options, expiry)                                           \
    }

#define WINDOW_SETTING(maximum_minutes, text)                                                      \
    {                                                                                              \
        .name = "window", .kind = DS_SETTING_INTEGER, .argument = "MINUTES", .default_text = "5",  \
        .minimum = 1, .maximum = (maximum_minutes), .help = (text),                                \
        .offset = offsetof(struct query_options, window)                                           \
    }

/* One command of the table from its settings, its program's rows and its query. */
#define QUERY_COMMAND(identifier, operand_kind)                                                    \
    const struct cli_command command_##identifier = {.program = &identifier##_program,             \
                                                     .options_bytes =                              \
                                                         sizeof(struct query_options),             \
                                                     .query = &identifier##_query,                 \
                                                     .operand = (operand_kind)}

static const struct ds_setting list_settings[] = {RANGE_SETTINGS, PAGE_SETTINGS("100", 10000),
                                                  ORDER_SETTING, OUTPUT_SETTINGS};

static const struct ds_setting plain_settings[] = {OUTPUT_SETTINGS};

static const struct ds_program ticks_list_program = {
    .name = "deltastream ticks list",
    .summary = "List the ticks of a product.",
    .examples = "  deltastream ticks list NIFTY --limit 5\n"
                "  deltastream ticks list NIFTY --start 2025-01-25 --end 2025-01-26 --all -o csv\n"
                "  deltastream ticks list NIFTY --order asc | jq .price\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = list_settings,
    .setting_count = COUNT_OF(list_settings),
};
static const struct query ticks_list_query = {
    .method = STORAGE "ListTicks", .operands = {"product"}, .sources = {{"ticks"}}};
QUERY_COMMAND(ticks_list, CLI_OPERAND_PRODUCT);

static const struct ds_program ticks_latest_program = {
    .name = "deltastream ticks latest",
    .summary = "Show the newest tick of each product.",
    .examples = "  deltastream ticks latest NIFTY\n"
                "  deltastream ticks latest NIFTY BANKNIFTY -o json\n",
    .operands = "PRODUCT...",
    .operand_min = 1,
    .operand_max = DS_CONFIG_OPERANDS_MAX,
    .settings = plain_settings,
    .setting_count = COUNT_OF(plain_settings),
};
static const struct query ticks_latest_query = {.method = STORAGE "LatestTicks",
                                                .operands = {"products"},
                                                .sources = {{"ticks"}},
                                                .missing = "missing"};
QUERY_COMMAND(ticks_latest, CLI_OPERAND_PRODUCT);

static const struct ds_setting asof_settings[] = {
    {.name = "tolerance",
     .kind = DS_SETTING_DURATION,
     .argument = "TIME",
     .help = "how old the tick may be at that moment, such as 5min [any age]",
     .offset = offsetof(struct query_options, tolerance_ms)},
    OUTPUT_SETTINGS};
static const struct ds_program ticks_asof_program = {
    .name = "deltastream ticks asof",
    .summary = "Show the newest tick at or before a moment.",
    .examples = "  deltastream ticks asof NIFTY 2025-01-25T10:00:00Z\n"
                "  deltastream ticks asof NIFTY '2025-01-25 15:30' --tolerance 5min\n",
    .operands = "PRODUCT TIME",
    .operand_min = 2,
    .operand_max = 2,
    .settings = asof_settings,
    .setting_count = COUNT_OF(asof_settings),
};
static const struct query ticks_asof_query = {
    .method = STORAGE "AsOf", .operands = {"product", "time"}, .is_vertical = true};
QUERY_COMMAND(ticks_asof, CLI_OPERAND_PRODUCT);

static const struct ds_program quotes_list_program = {
    .name = "deltastream quotes list",
    .summary = "List the quotes of an option.",
    .examples = "  deltastream quotes list NIFTY20250125C21500 --limit 5\n"
                "  deltastream quotes list NIFTY20250125C21500 --all -o csv > quotes.csv\n",
    .operands = "SYMBOL",
    .operand_min = 1,
    .operand_max = 1,
    .settings = list_settings,
    .setting_count = COUNT_OF(list_settings),
};
static const struct query quotes_list_query = {
    .method = STORAGE "ListQuotes", .operands = {"symbol"}, .sources = {{"quotes"}}};
QUERY_COMMAND(quotes_list, CLI_OPERAND_OTHER);

static const struct ds_program quotes_latest_program = {
    .name = "deltastream quotes latest",
    .summary = "Show the newest quote of each option.",
    .examples = "  deltastream quotes latest NIFTY20250125C21500 NIFTY20250125P21500\n",
    .operands = "SYMBOL...",
    .operand_min = 1,
    .operand_max = DS_CONFIG_OPERANDS_MAX,
    .settings = plain_settings,
    .setting_count = COUNT_OF(plain_settings),
};
static const struct query quotes_latest_query = {.method = STORAGE "LatestQuotes",
                                                 .operands = {"symbols"},
                                                 .sources = {{"quotes"}},
                                                 .missing = "missing"};
QUERY_COMMAND(quotes_latest, CLI_OPERAND_OTHER);

static const struct ds_setting chains_list_settings[] = {
    EXPIRY_SETTING("chains of this expiry only [all]"), RANGE_SETTINGS, PAGE_SETTINGS("10", 1000),
    ORDER_SETTING, OUTPUT_SETTINGS};
static const struct ds_program chains_list_program = {
    .name = "deltastream chains list",
    .summary = "List the option chains of a product.",
    .examples = "  deltastream chains list NIFTY --limit 1\n"
                "  deltastream chains list NIFTY --expiry 2025-01-25 -o json\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = chains_list_settings,
    .setting_count = COUNT_OF(chains_list_settings),
};
static const struct query chains_list_query = {
    .method = STORAGE "ListChains", .operands = {"product"}, .sources = {{"chains"}}};
QUERY_COMMAND(chains_list, CLI_OPERAND_PRODUCT);

static const struct ds_program products_list_program = {
    .name = "deltastream products list",
    .summary = "List the products that have ticks, one a line.",
    .examples = "  deltastream products list\n"
                "  deltastream products list | wc -l\n"
                "  deltastream products list -o json\n",
    .settings = plain_settings,
    .setting_count = COUNT_OF(plain_settings),
};
static const struct query products_list_query = {
    .method = STORAGE "ListProducts", .values = "products", .heading = "product"};
QUERY_COMMAND(products_list, CLI_OPERAND_OTHER);

static const struct ds_program expiries_list_program = {
    .name = "deltastream expiries list",
    .summary = "List the expiries of a product that have option chains, one a line.",
    .examples = "  deltastream expiries list NIFTY\n"
                "  deltastream expiries list NIFTY | head -1\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = plain_settings,
    .setting_count = COUNT_OF(plain_settings),
};
static const struct query expiries_list_query = {.method = STORAGE "ListExpiries",
                                                 .operands = {"product"},
                                                 .values = "expiries",
                                                 .heading = "expiry"};
QUERY_COMMAND(expiries_list, CLI_OPERAND_PRODUCT);

static const struct ds_setting symbols_list_settings[] = {
    EXPIRY_SETTING("symbols of this expiry only [all]"), PAGE_SETTINGS("1000", 10000),
    OUTPUT_SETTINGS};
static const struct ds_program symbols_list_program = {
    .name = "deltastream symbols list",
    .summary = "List the option symbols of a product that have quotes, one a line.",
    .examples = "  deltastream symbols list NIFTY --expiry 2025-01-25\n"
                "  deltastream symbols list NIFTY --all\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = symbols_list_settings,
    .setting_count = COUNT_OF(symbols_list_settings),
};
static const struct query symbols_list_query = {.method = STORAGE "ListSymbols",
                                                .operands = {"product"},
                                                .values = "symbols",
                                                .heading = "symbol"};
QUERY_COMMAND(symbols_list, CLI_OPERAND_PRODUCT);

static const struct ds_program strikes_list_program = {
    .name = "deltastream strikes list",
    .summary = "List the strikes of a product and an expiry, one a line.",
    .examples = "  deltastream strikes list NIFTY 2025-01-25\n",
    .operands = "PRODUCT EXPIRY",
    .operand_min = 2,
    .operand_max = 2,
    .settings = plain_settings,
    .setting_count = COUNT_OF(plain_settings),
};
static const struct query strikes_list_query = {.method = STORAGE "ListStrikes",
                                                .operands = {"product", "expiry"},
                                                .values = "strikes",
                                                .heading = "strike"};
QUERY_COMMAND(strikes_list, CLI_OPERAND_PRODUCT);

static const struct ds_setting bars_list_settings[] = {
    {.name = "interval",
     .kind = DS_SETTING_TEXT,
     .argument = "TIME",
     .default_text = "1m",
     .help = "from 1s to 1d, such as 30s, 5m or 1h; a day must be a multiple of it",
     .offset = offsetof(struct query_options, interval)},
    RANGE_SETTINGS,
    PAGE_SETTINGS("500", 10000),
    ORDER_SETTING,
    OUTPUT_SETTINGS};
static const struct ds_program bars_list_program = {
    .name = "deltastream bars list",
    .summary = "List a product's bars of an interval: open, high, low, close, volume.",
    .examples =
        "  deltastream bars list NIFTY --interval 5m\n"
        "  deltastream bars list NIFTY --interval 1h --start 2025-01-25 --order asc -o csv\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = bars_list_settings,
    .setting_count = COUNT_OF(bars_list_settings),
};
static const struct query bars_list_query = {
    .method = STORAGE "GetBars", .operands = {"product"}, .sources = {{"bars"}}};
QUERY_COMMAND(bars_list, CLI_OPERAND_PRODUCT);

static const struct ds_setting ohlc_settings[] = {
    WINDOW_SETTING(1440, "the last minutes before the newest tick"), OUTPUT_SETTINGS};
static const struct ds_program analytics_ohlc_program = {
    .name = "deltastream analytics ohlc",
    .summary = "Show open, high, low and close of a product's last minutes.",
    .examples = "  deltastream analytics ohlc NIFTY --window 15\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = ohlc_settings,
    .setting_count = COUNT_OF(ohlc_settings),
};
static const struct query analytics_ohlc_query = {
    .method = STORAGE "GetOhlc", .operands = {"product"}, .is_vertical = true};
QUERY_COMMAND(analytics_ohlc, CLI_OPERAND_PRODUCT);

static const struct ds_setting pcr_settings[] = {
    EXPIRY_SETTING("of this expiry only [all]"),
    {.name = "history",
     .kind = DS_SETTING_BOOLEAN,
     .help = "of the newest 100 chains instead of the newest one",
     .offset = offsetof(struct query_options, history)},
    OUTPUT_SETTINGS};
static const struct ds_program analytics_pcr_program = {
    .name = "deltastream analytics pcr",
    .summary = "Show the put-call ratios of a product, one row an expiry.",
    .examples = "  deltastream analytics pcr NIFTY\n"
                "  deltastream analytics pcr NIFTY --expiry 2025-01-25 --history -o csv\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = pcr_settings,
    .setting_count = COUNT_OF(pcr_settings),
};
static const struct query analytics_pcr_query = {
    .method = STORAGE "GetPcr",
    .operands = {"product"},
    .sources = {{"latest.values", "latest_of_expiry"}, {"history.values"}}};
QUERY_COMMAND(analytics_pcr, CLI_OPERAND_PRODUCT);

static const struct ds_program analytics_max_pain_program = {
    .name = "deltastream analytics max-pain",
    .summary = "Show the strike at which the holders of all options get the least.",
    .examples = "  deltastream analytics max-pain NIFTY 2025-01-25\n",
    .operands = "PRODUCT EXPIRY",
    .operand_min = 2,
    .operand_max = 2,
    .settings = plain_settings,
    .setting_count = COUNT_OF(plain_settings),
};
static const struct query analytics_max_pain_query = {
    .method = STORAGE "GetMaxPain", .operands = {"product", "expiry"}, .is_vertical = true};
QUERY_COMMAND(analytics_max_pain, CLI_OPERAND_PRODUCT);

static const struct ds_program analytics_oi_buildup_program = {
    .name = "deltastream analytics oi-buildup",
    .summary = "Show the open interest of an expiry in, at and out of the money.",
    .examples = "  deltastream analytics oi-buildup NIFTY 2025-01-25\n",
    .operands = "PRODUCT EXPIRY",
    .operand_min = 2,
    .operand_max = 2,
    .settings = plain_settings,
    .setting_count = COUNT_OF(plain_settings),
};
static const struct query analytics_oi_buildup_query = {
    .method = STORAGE "GetOiBuildup", .operands = {"product", "expiry"}, .is_vertical = true};
QUERY_COMMAND(analytics_oi_buildup, CLI_OPERAND_PRODUCT);

static const char *const surface_choices[] = {"option", "expiry", NULL};

static const struct ds_setting surface_settings[] = {
    WINDOW_SETTING(60, "quotes of the last minutes before the newest quote"),
    {.name = "by",
     .kind = DS_SETTING_CHOICE,
     .argument = "option|expiry",
     .default_text = "option",
     .choices = surface_choices,
     .help = "a row for each option or for each expiry",
     .offset = offsetof(struct query_options, view)},
    OUTPUT_SETTINGS};
static const struct ds_program analytics_surface_program = {
    .name = "deltastream analytics surface",
    .summary = "Show the implied volatilities of a product by expiry and strike.",
    .examples = "  deltastream analytics surface NIFTY\n"
                "  deltastream analytics surface NIFTY --by expiry -o json\n",
    .operands = "PRODUCT",
    .operand_min = 1,
    .operand_max = 1,
    .settings = surface_settings,
    .setting_count = COUNT_OF(surface_settings),
};
static const struct query analytics_surface_query = {.method = STORAGE "GetVolatilitySurface",
                                                     .operands = {"product"},
                                                     .sources = {{"points"}, {"expiries"}}};
QUERY_COMMAND(analytics_surface, CLI_OPERAND_PRODUCT);
