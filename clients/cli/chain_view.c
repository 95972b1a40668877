#include "clients/cli/chain_view.h"

#include "clients/cli/plain_text.h"
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "ds/number.h"
#include "ds/time.h"
#include "ds/wire_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CHAIN_ARENA_BYTES_MAX (64 * 1024 * 1024)
#define CHAIN_CELL_BYTES_MAX 48
#define CHAIN_LINE_BYTES_MAX 512
/* The head: what the chain is, its sums, the columns. */
#define CHAIN_HEAD_LINES 3
#define CHAIN_MESSAGE "deltastream.storage.v1.OptionChain"

/* A strike and what is quoted there; NULL: nothing. */
struct strike {
    double price;
    const Storage__Quote *call;
    const Storage__Quote *put;
};

struct column {
    const char *name;
    int width;
    void (*write)(const Storage__Quote *quote, char target[CHAIN_CELL_BYTES_MAX]);
    bool is_wide; /* only where there is room */
};

static void write_number(bool is_present, double value, int decimals,
                         char target[CHAIN_CELL_BYTES_MAX])
{
    target[0] = '\0';
    if (is_present) {
        /* A cell holds all that a column can show, and %f of the largest double has 309 digits. */
        const bool is_huge = value > 1e15 || value < -1e15;
        snprintf(target, CHAIN_CELL_BYTES_MAX, is_huge ? "%.*e" : "%.*f", decimals, value);
    }
}

static void write_count(bool is_present, int64_t value, char target[CHAIN_CELL_BYTES_MAX])
{
    target[0] = '\0';
    if (is_present) {
        snprintf(target, CHAIN_CELL_BYTES_MAX, "%" PRId64, value);
    }
}

static void write_interest(const Storage__Quote *quote, char target[CHAIN_CELL_BYTES_MAX])
{
    write_count(quote->_open_interest_case == STORAGE__QUOTE___OPEN_INTEREST_OPEN_INTEREST,
                quote->open_interest, target);
}

static void write_volume(const Storage__Quote *quote, char target[CHAIN_CELL_BYTES_MAX])
{
    write_count(quote->_volume_case == STORAGE__QUOTE___VOLUME_VOLUME, quote->volume, target);
}

static void write_iv(const Storage__Quote *quote, char target[CHAIN_CELL_BYTES_MAX])
{
    write_number(quote->_iv_case == STORAGE__QUOTE___IV_IV, quote->iv, 3, target);
}

static void write_bid(const Storage__Quote *quote, char target[CHAIN_CELL_BYTES_MAX])
{
    write_number(quote->_bid_case == STORAGE__QUOTE___BID_BID, quote->bid, 2, target);
}

static void write_ask(const Storage__Quote *quote, char target[CHAIN_CELL_BYTES_MAX])
{
    write_number(quote->_ask_case == STORAGE__QUOTE___ASK_ASK, quote->ask, 2, target);
}

static void write_last(const Storage__Quote *quote, char target[CHAIN_CELL_BYTES_MAX])
{
    write_number(quote->_last_case == STORAGE__QUOTE___LAST_LAST, quote->last, 2, target);
}

/* From the outside to the strike; the puts have them the other way round. */
static const struct column columns[] = {
    {"OI", 10, write_interest, false}, {"volume", 9, write_volume, true},
    {"IV", 6, write_iv, false},        {"bid", 9, write_bid, true},
    {"ask", 9, write_ask, true},       {"last", 9, write_last, false},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))
#define STRIKE_WIDTH 10

static int compare_strikes(const void *a, const void *b)
{
    const double first = ((const struct strike *)a)->price;
    const double second = ((const struct strike *)b)->price;
    return (first > second) - (first < second);
}

static size_t add_quotes(struct strike *strikes, size_t count, Storage__Quote *const *quotes,
                         size_t quote_count, bool is_calls)
{
    for (size_t i = 0; i < quote_count; i++) {
        const Storage__Quote *quote = quotes[i];
        strikes[count++] = (struct strike){.price = quote->strike,
                                           .call = is_calls ? quote : NULL,
                                           .put = is_calls ? NULL : quote};
    }
    return count;
}

/* Calls and puts of one strike come together; the list is sorted. */
static size_t join_strikes(struct strike *strikes, size_t count)
{
    size_t joined = 0;
    qsort(strikes, count, sizeof(strikes[0]), compare_strikes);
    for (size_t i = 0; i < count; i++) {
        struct strike *last = joined == 0 ? NULL : &strikes[joined - 1];
        if (last == NULL || last->price < strikes[i].price) {
            strikes[joined++] = strikes[i];
        } else {
            last->call = last->call == NULL ? strikes[i].call : last->call;
            last->put = last->put == NULL ? strikes[i].put : last->put;
        }
    }
    return joined;
}

/* A number too long for its column would push the others aside; rounded it still tells its size. */
static void shorten(char cell[CHAIN_CELL_BYTES_MAX], size_t width)
{
    double value = 0;
    if (strlen(cell) > width && ds_double_parse(ds_bytes_of_text(cell), &value)) {
        snprintf(cell, CHAIN_CELL_BYTES_MAX, "%.1e", value);
    }
}

static void append_side(const struct chain_view *view, const Storage__Quote *quote, bool is_calls,
                        bool is_head, char *line)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct column *column = &columns[is_calls ? i : COLUMN_COUNT - 1 - i];
        char cell[CHAIN_CELL_BYTES_MAX] = "";
        if (column->is_wide && view->width < CHAIN_VIEW_WIDTH_WIDE) {
            continue;
        }
        if (is_head) {
            snprintf(cell, sizeof(cell), "%s", column->name);
        } else if (quote != NULL) {
            column->write(quote, cell);
            shorten(cell, (size_t)column->width);
        }
        const size_t used = strlen(line);
        snprintf(line + used, CHAIN_LINE_BYTES_MAX - used, "%*s ", column->width, cell);
    }
}

static void append_line(const struct chain_view *view, const char *line, bool is_bold,
                        struct ds_buffer *text)
{
    size_t bytes = strlen(line);
    while (bytes > 0 && line[bytes - 1] == ' ') {
        bytes--;
    }
    bytes = view->width > 0 && bytes > view->width ? view->width : bytes;
    ds_buffer_append_text(text, is_bold ? "\x1B[1m" : "");
    ds_buffer_append(text, line, bytes);
    ds_buffer_append_text(text, is_bold ? "\x1B[0m\n" : "\n");
}

static void append_strike(const struct chain_view *view, const struct strike *strike,
                          bool is_at_money, struct ds_buffer *text)
{
    char line[CHAIN_LINE_BYTES_MAX] = "";
    char price[DS_DOUBLE_TEXT_MAX + 1];
    price[ds_double_format(strike->price, price)] = '\0';
    append_side(view, strike->call, true, false, line);
    const size_t used = strlen(line);
    snprintf(line + used, sizeof(line) - used, "|%s%*s %s| ", is_at_money ? ">" : " ", STRIKE_WIDTH,
             price, is_at_money ? "<" : " ");
    append_side(view, strike->put, false, false, line);
    append_line(view, line, is_at_money && view->is_bold, text);
}

static void append_value(char *line, const char *name, bool is_present, double value)
{
    char number[DS_DOUBLE_TEXT_MAX + 1];
    const size_t used = strlen(line);
    if (is_present) {
        number[ds_double_format(value, number)] = '\0';
        snprintf(line + used, CHAIN_LINE_BYTES_MAX - used, "  %s %s", name, number);
    }
}

/* Text of a service is shown without what would steer the terminal. */
static void clean(char *line)
{
    for (; *line != '\0'; line++) {
        *line = (char)plain_text_byte((uint8_t)*line);
    }
}

static void append_head(const struct chain_view *view, const Storage__OptionChain *chain,
                        struct ds_buffer *text)
{
    char line[CHAIN_LINE_BYTES_MAX];
    char time[DS_TIME_TEXT_MAX + 1] = "";
    if (chain->timestamp != NULL) {
        time[ds_time_format(chain->timestamp->seconds, chain->timestamp->nanos, time)] = '\0';
    }
    snprintf(line, sizeof(line), "%.140s %.16s  at %s", chain->product, chain->expiry, time);
    clean(line);
    append_line(view, line, view->is_bold, text);
    snprintf(line, sizeof(line), "calls | puts");
    append_value(line, "spot",
                 chain->_spot_price_case == STORAGE__OPTION_CHAIN___SPOT_PRICE_SPOT_PRICE,
                 chain->spot_price);
    append_value(line, "PCR", chain->_pcr_oi_case == STORAGE__OPTION_CHAIN___PCR_OI_PCR_OI,
                 chain->pcr_oi);
    append_value(line, "straddle",
                 chain->_atm_straddle_price_case ==
                     STORAGE__OPTION_CHAIN___ATM_STRADDLE_PRICE_ATM_STRADDLE_PRICE,
                 chain->atm_straddle_price);
    append_value(line, "max pain",
                 chain->_max_pain_strike_case ==
                     STORAGE__OPTION_CHAIN___MAX_PAIN_STRIKE_MAX_PAIN_STRIKE,
                 chain->max_pain_strike);
    append_line(view, line, false, text);
    line[0] = '\0';
    append_side(view, NULL, true, true, line);
    const size_t used = strlen(line);
    snprintf(line + used, sizeof(line) - used, "| %*s  | ", STRIKE_WIDTH, "strike");
    append_side(view, NULL, false, true, line);
    append_line(view, line, false, text);
}

/* The place of the strike at the money; `count` where it is not known. */
static size_t find_money(const Storage__OptionChain *chain, const struct strike *strikes,
                         size_t count)
{
    const bool is_known = chain->_atm_strike_case == STORAGE__OPTION_CHAIN___ATM_STRIKE_ATM_STRIKE;
    for (size_t i = 0; is_known && i < count; i++) {
        if (!(strikes[i].price < chain->atm_strike) && !(strikes[i].price > chain->atm_strike)) {
            return i;
        }
    }
    return count;
}

static void append_strikes(const struct chain_view *view, const Storage__OptionChain *chain,
                           const struct strike *strikes, size_t count, struct ds_buffer *text)
{
    const size_t money = find_money(chain, strikes, count);
    size_t shown = count;
    if (view->lines_max > 0) {
        const size_t room =
            view->lines_max > CHAIN_HEAD_LINES + 1 ? view->lines_max - CHAIN_HEAD_LINES : 1;
        shown = count < room ? count : room;
    }
    const size_t middle = money < count ? money : count / 2;
    size_t begin = middle > shown / 2 ? middle - shown / 2 : 0;
    begin = begin + shown > count ? count - shown : begin;
    for (size_t i = begin; i < begin + shown; i++) {
        append_strike(view, &strikes[i], i == money, text);
    }
}

ds_code chain_view_write(const struct chain_view *view, struct ds_bytes chain_wire,
                         struct ds_buffer *text)
{
    struct ds_wire_error error;
    if (ds_wire_check(ds_message_find(CHAIN_MESSAGE), chain_wire, &error) != DS_OK) {
        return DS_INVALID_ARGUMENT;
    }
    struct ds_arena *arena = ds_arena_create(CHAIN_ARENA_BYTES_MAX);
    const Storage__OptionChain *chain =
        storage__option_chain__unpack(ds_arena_allocator(arena), chain_wire.size, chain_wire.data);
    const size_t quote_count = chain == NULL ? 0 : chain->n_calls + chain->n_puts;
    struct strike *strikes = ds_arena_alloc(arena, quote_count * sizeof(strikes[0]));
    if (chain == NULL || strikes == NULL) {
        ds_arena_destroy(arena);
        return DS_RESOURCE_EXHAUSTED;
    }
    size_t count = add_quotes(strikes, 0, chain->calls, chain->n_calls, true);
    count = add_quotes(strikes, count, chain->puts, chain->n_puts, false);
    count = join_strikes(strikes, count);
    append_head(view, chain, text);
    append_strikes(view, chain, strikes, count, text);
    ds_arena_destroy(arena);
    return text->overflow ? DS_RESOURCE_EXHAUSTED : DS_OK;
}
