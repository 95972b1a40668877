#include "storage/core/volatility.h"

#include "storage/core/quote_summary.h"
#include "storage/core/rounding.h"

#include <stdlib.h>

#define CHUNK_QUOTES 1024
#define IV_DECIMALS 4

struct volatility_quote {
    const char *expiry;
    double strike;
    double iv;
    int64_t timestamp_us;
    size_t order; /* in which they were added: equal quotes keep it */
    Storage__OptionType option_type;
};

/* Arenas take nothing back, so the list grows by pieces. */
struct volatility_chunk {
    struct volatility_chunk *older;
    size_t count;
    struct volatility_quote quotes[CHUNK_QUOTES];
};

static struct volatility_quote *quote_append(struct volatility_quotes *quotes)
{
    struct volatility_chunk *chunk = quotes->newest;
    if (chunk == NULL || chunk->count == CHUNK_QUOTES) {
        chunk = ds_arena_alloc(quotes->arena, sizeof *chunk);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->older = quotes->newest;
        chunk->count = 0;
        quotes->newest = chunk;
    }
    return &chunk->quotes[chunk->count];
}

ds_code volatility_add(struct volatility_quotes *quotes, int64_t timestamp_us,
                       struct ds_bytes value)
{
    struct quote_summary summary;
    if (!quote_summary_read(value, &summary)) {
        return DS_DATA_LOSS;
    }
    const bool has_type = summary.option_type == STORAGE__OPTION_TYPE__CALL ||
                          summary.option_type == STORAGE__OPTION_TYPE__PUT;
    if (summary.expiry.size == 0 || !summary.has_strike || !summary.has_iv || !has_type) {
        return DS_OK;
    }
    /* Quotes of one symbol come together: their expiry is copied once. */
    if (!ds_bytes_equal(summary.expiry, quotes->expiry)) {
        const char *copy = ds_arena_copy_text(quotes->arena, (const char *)summary.expiry.data,
                                              summary.expiry.size);
        if (copy == NULL) {
            return DS_RESOURCE_EXHAUSTED;
        }
        quotes->expiry = ds_bytes_of(copy, summary.expiry.size);
    }
    struct volatility_quote *quote = quote_append(quotes);
    if (quote == NULL) {
        return DS_RESOURCE_EXHAUSTED;
    }
    *quote = (struct volatility_quote){
        .expiry = (const char *)quotes->expiry.data,
        .strike = summary.strike,
        .iv = summary.iv,
        .timestamp_us = timestamp_us,
        .order = quotes->count++,
        .option_type = summary.option_type,
    };
    quotes->newest->count++;
    return DS_OK;
}

static int compare_place(const struct volatility_quote *a, const struct volatility_quote *b)
{
    const int order = strcmp(a->expiry, b->expiry);
    if (order != 0) {
        return order;
    }
    return (a->strike > b->strike) - (a->strike < b->strike);
}

static int compare_quotes(const void *left, const void *right)
{
    const struct volatility_quote *a = left;
    const struct volatility_quote *b = right;
    const int order = compare_place(a, b);
    if (order != 0) {
        return order;
    }
    if (a->timestamp_us != b->timestamp_us) {
        return a->timestamp_us < b->timestamp_us ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

static const struct volatility_quote *quotes_sort(const struct volatility_quotes *quotes)
{
    struct volatility_quote *sorted = ds_arena_alloc(quotes->arena, quotes->count * sizeof *sorted);
    if (sorted == NULL) {
        return NULL;
    }
    size_t count = 0;
    for (const struct volatility_chunk *chunk = quotes->newest; chunk != NULL;
         chunk = chunk->older) {
        memcpy(sorted + count, chunk->quotes, chunk->count * sizeof *sorted);
        count += chunk->count;
    }
    if (count > 0) {
        qsort(sorted, count, sizeof *sorted, compare_quotes);
    }
    return sorted;
}

/* Of `count` quotes of one expiry, sorted. */
static Storage__VolatilityExpiry *
expiry_message(struct ds_arena *arena, const struct volatility_quote *quotes, size_t count)
{
    Storage__VolatilityExpiry *message = ds_arena_alloc(arena, sizeof *message);
    double *numbers = ds_arena_alloc(arena, 2 * count * sizeof *numbers);
    if (message == NULL || numbers == NULL) {
        return NULL;
    }
    storage__volatility_expiry__init(message);
    message->expiry = (char *)(uintptr_t)quotes[0].expiry;
    message->strikes = numbers;
    /* Calls from the front and puts behind them share one array, so the calls are counted first. */
    message->call_ivs = numbers + count;
    for (size_t i = 0; i < count; i++) {
        message->n_call_ivs += quotes[i].option_type == STORAGE__OPTION_TYPE__CALL ? 1 : 0;
    }
    message->put_ivs = message->call_ivs + message->n_call_ivs;
    size_t calls = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || quotes[i].strike > quotes[i - 1].strike) {
            message->strikes[message->n_strikes++] = quotes[i].strike;
        }
        if (quotes[i].option_type == STORAGE__OPTION_TYPE__CALL) {
            message->call_ivs[calls++] = quotes[i].iv;
        } else {
            message->put_ivs[message->n_put_ivs++] = quotes[i].iv;
        }
        sum += quotes[i].iv;
    }
    message->avg_iv = round_decimals(sum / (double)count, IV_DECIMALS);
    message->num_quotes = (int64_t)count;
    return message;
}

/* How many quotes from the first on are of its expiry, or with `strikes` of its strike too. */
static size_t run_length(const struct volatility_quote *quotes, size_t count, bool strikes)
{
    size_t length = 1;
    while (length < count && (strikes ? compare_place(&quotes[0], &quotes[length])
                                      : strcmp(quotes[0].expiry, quotes[length].expiry)) == 0) {
        length++;
    }
    return length;
}

static bool expiries_fill(struct ds_arena *arena, const struct volatility_quote *quotes,
                          size_t count, Storage__GetVolatilitySurfaceResponse *response)
{
    size_t expiry_count = 0;
    for (size_t i = 0; i < count; i += run_length(quotes + i, count - i, false)) {
        expiry_count++;
    }
    response->expiries = ds_arena_alloc(arena, expiry_count * sizeof(Storage__VolatilityExpiry *));
    if (response->expiries == NULL) {
        return false;
    }
    size_t length;
    for (size_t i = 0; i < count; i += length) {
        length = run_length(quotes + i, count - i, false);
        Storage__VolatilityExpiry *message = expiry_message(arena, quotes + i, length);
        if (message == NULL) {
            return false;
        }
        response->expiries[response->n_expiries++] = message;
    }
    return true;
}

static Storage__VolatilityPoint *point_message(struct ds_arena *arena,
                                               const struct volatility_quote *quote)
{
    Storage__VolatilityPoint *message = ds_arena_alloc(arena, sizeof *message);
    if (message != NULL) {
        storage__volatility_point__init(message);
        message->expiry = (char *)(uintptr_t)quote->expiry;
        message->strike = quote->strike;
        message->option_type = quote->option_type;
        message->iv = quote->iv;
    }
    return message;
}

/* The newest quote of that type; NULL where there is none. Of one strike they are sorted by time.
 */
static const struct volatility_quote *newest_of_type(const struct volatility_quote *quotes,
                                                     size_t count, Storage__OptionType type)
{
    while (count > 0 && quotes[count - 1].option_type != type) {
        count--;
    }
    return count == 0 ? NULL : &quotes[count - 1];
}

static bool points_fill(struct ds_arena *arena, const struct volatility_quote *quotes, size_t count,
                        Storage__GetVolatilitySurfaceResponse *response)
{
    static const Storage__OptionType types[] = {STORAGE__OPTION_TYPE__CALL,
                                                STORAGE__OPTION_TYPE__PUT};
    /* There are no more points than quotes. */
    response->points = ds_arena_alloc(arena, count * sizeof(Storage__VolatilityPoint *));
    if (response->points == NULL) {
        return false;
    }
    size_t length;
    for (size_t i = 0; i < count; i += length) {
        length = run_length(quotes + i, count - i, true);
        for (size_t type = 0; type < sizeof types / sizeof types[0]; type++) {
            const struct volatility_quote *newest = newest_of_type(quotes + i, length, types[type]);
            if (newest == NULL) {
                continue;
            }
            Storage__VolatilityPoint *message = point_message(arena, newest);
            if (message == NULL) {
                return false;
            }
            response->points[response->n_points++] = message;
        }
    }
    return true;
}

ds_code volatility_surface_fill(const struct volatility_quotes *quotes,
                                Storage__GetVolatilitySurfaceResponse *response)
{
    const struct volatility_quote *sorted = quotes_sort(quotes);
    if (sorted == NULL || !expiries_fill(quotes->arena, sorted, quotes->count, response) ||
        !points_fill(quotes->arena, sorted, quotes->count, response)) {
        return DS_RESOURCE_EXHAUSTED;
    }
    return DS_OK;
}
