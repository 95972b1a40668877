#include "storage/core/oi_buildup.h"

#include "storage/core/chain.h"
#include "storage/core/quote_summary.h"
#include "storage/core/row_reader.h"

#include <math.h>

#define ATM_PART_OF_SPOT 0.01

/* A sum beyond the largest number stays that number. */
static void oi_add(int64_t *sum, int64_t open_interest)
{
    if (__builtin_add_overflow(*sum, open_interest, sum)) {
        *sum = open_interest > 0 ? INT64_MAX : INT64_MIN;
    }
}

static void zones_add(struct oi_zones *zones, const struct quote_summary *option, double spot_price,
                      bool is_call)
{
    if (!option->has_strike) {
        return;
    }
    const bool above = option->strike > spot_price;
    const bool below = option->strike < spot_price;
    if (is_call ? above : below) {
        oi_add(&zones->otm, option->open_interest);
    } else if (is_call ? below : above) {
        oi_add(&zones->itm, option->open_interest);
    }
    if (fabs(option->strike - spot_price) < spot_price * ATM_PART_OF_SPOT) {
        oi_add(&zones->atm, option->open_interest);
    }
}

bool oi_buildup_compute(struct ds_bytes chain, double spot_price, struct oi_buildup *ret_buildup)
{
    struct ds_wire_reader reader = ds_wire_reader_of(chain);
    struct oi_buildup buildup = {.calls = {0}};
    struct row_field field;
    while (row_field_next(&reader, &field)) {
        const bool is_call = field.number == CHAIN_FIELD_CALLS;
        if (field.type != DS_WIRE_BYTES || !(is_call || field.number == CHAIN_FIELD_PUTS)) {
            continue;
        }
        struct quote_summary option;
        if (!quote_summary_read(field.bytes, &option)) {
            return false;
        }
        zones_add(is_call ? &buildup.calls : &buildup.puts, &option, spot_price, is_call);
    }
    *ret_buildup = buildup;
    return ds_wire_at_end(&reader);
}

const char *oi_buildup_interpretation(const struct oi_buildup *buildup)
{
    if (buildup->calls.otm > buildup->puts.otm) {
        return "Bullish - High OTM call writing";
    }
    if (buildup->puts.otm > buildup->calls.otm) {
        return "Bearish - High OTM put writing";
    }
    return "Neutral - Balanced OI";
}
