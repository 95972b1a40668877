#include "storage/core/chain_derive.h"

#include "storage/core/rounding.h"

#include <math.h>
#include <stdlib.h>

#define PCR_DECIMALS 4
#define PRICE_DECIMALS 2

/* The open interest of one option. */
struct interest {
    double strike;
    int64_t call;
    int64_t put;
};

/* What is added up over the options. */
struct sums {
    int64_t call_interest;
    int64_t put_interest;
    int64_t call_volume;
    int64_t put_volume;
    int64_t calls_above_spot;
    int64_t puts_below_spot;
};

/* Leaves *sum as it is where it would be too large. */
static bool add(int64_t *sum, int64_t amount)
{
    int64_t result;
    if (__builtin_add_overflow(*sum, amount, &result)) {
        return false;
    }
    *sum = result;
    return true;
}

static bool sum_up(const Storage__OptionChain *chain, struct sums *sums)
{
    bool fits = true;
    for (size_t i = 0; i < chain->n_calls; i++) {
        const Storage__Quote *call = chain->calls[i];
        fits &= add(&sums->call_interest, call->open_interest);
        fits &= add(&sums->call_volume, call->volume);
        if (!fits) {
            return false;
        }
        if (call->strike > chain->spot_price) {
            sums->calls_above_spot += call->open_interest;
        }
    }
    for (size_t i = 0; i < chain->n_puts; i++) {
        const Storage__Quote *put = chain->puts[i];
        fits &= add(&sums->put_interest, put->open_interest);
        fits &= add(&sums->put_volume, put->volume);
        if (!fits) {
            return false;
        }
        if (put->strike < chain->spot_price) {
            sums->puts_below_spot += put->open_interest;
        }
    }
    return true;
}

static double ratio(int64_t puts, int64_t calls)
{
    return calls > 0 ? round_decimals((double)puts / (double)calls, PCR_DECIMALS) : 0;
}

static void fill_totals(Storage__OptionChain *chain, const struct sums *sums)
{
    if (chain->_total_call_oi_case == STORAGE__OPTION_CHAIN___TOTAL_CALL_OI__NOT_SET) {
        chain->_total_call_oi_case = STORAGE__OPTION_CHAIN___TOTAL_CALL_OI_TOTAL_CALL_OI;
        chain->total_call_oi = sums->call_interest;
    }
    if (chain->_total_put_oi_case == STORAGE__OPTION_CHAIN___TOTAL_PUT_OI__NOT_SET) {
        chain->_total_put_oi_case = STORAGE__OPTION_CHAIN___TOTAL_PUT_OI_TOTAL_PUT_OI;
        chain->total_put_oi = sums->put_interest;
    }
    if (chain->_call_buildup_otm_case == STORAGE__OPTION_CHAIN___CALL_BUILDUP_OTM__NOT_SET) {
        chain->_call_buildup_otm_case = STORAGE__OPTION_CHAIN___CALL_BUILDUP_OTM_CALL_BUILDUP_OTM;
        chain->call_buildup_otm = sums->calls_above_spot;
    }
    if (chain->_put_buildup_otm_case == STORAGE__OPTION_CHAIN___PUT_BUILDUP_OTM__NOT_SET) {
        chain->_put_buildup_otm_case = STORAGE__OPTION_CHAIN___PUT_BUILDUP_OTM_PUT_BUILDUP_OTM;
        chain->put_buildup_otm = sums->puts_below_spot;
    }
    if (chain->_pcr_oi_case == STORAGE__OPTION_CHAIN___PCR_OI__NOT_SET) {
        chain->_pcr_oi_case = STORAGE__OPTION_CHAIN___PCR_OI_PCR_OI;
        chain->pcr_oi = ratio(chain->total_put_oi, chain->total_call_oi);
    }
    if (chain->_pcr_volume_case == STORAGE__OPTION_CHAIN___PCR_VOLUME__NOT_SET) {
        chain->_pcr_volume_case = STORAGE__OPTION_CHAIN___PCR_VOLUME_PCR_VOLUME;
        chain->pcr_volume = ratio(sums->put_volume, sums->call_volume);
    }
}

static int compare_strikes(const void *a, const void *b)
{
    const double left = ((const struct interest *)a)->strike;
    const double right = ((const struct interest *)b)->strike;
    return left < right ? -1 : left > right;
}

/* Ascending; NULL where the arena's budget is used up. */
static struct interest *sort_interests(struct ds_arena *arena, const Storage__OptionChain *chain)
{
    const size_t count = chain->n_calls + chain->n_puts;
    struct interest *interests = ds_arena_alloc(arena, count * sizeof(*interests));
    if (interests == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < chain->n_calls; i++) {
        const Storage__Quote *call = chain->calls[i];
        interests[i] = (struct interest){call->strike, .call = call->open_interest};
    }
    for (size_t i = 0; i < chain->n_puts; i++) {
        const Storage__Quote *put = chain->puts[i];
        interests[chain->n_calls + i] = (struct interest){put->strike, .put = put->open_interest};
    }
    qsort(interests, count, sizeof(*interests), compare_strikes);
    return interests;
}

/* Of two equally near ones the lower, which comes first. */
static double nearest_strike(const struct interest *interests, size_t count, double spot_price)
{
    double nearest = interests[0].strike;
    for (size_t i = 1; i < count; i++) {
        if (fabs(interests[i].strike - spot_price) < fabs(nearest - spot_price)) {
            nearest = interests[i].strike;
        }
    }
    return nearest;
}

/*
 * What the holders get is a convex function of the price at the end, straight between two strikes:
 * from a strike on, up to the next, it grows by the calls' interest at or below that strike less
 * the puts' interest above it. So the first strike from which it does not fall is the lowest
 * minimum, and whole numbers decide. Interests of one strike only add to the growth, so it does
 * not matter behind which of them it stops being negative.
 */
static double lowest_pain_strike(const struct interest *interests, size_t count,
                                 int64_t put_interest)
{
    int64_t growth = -put_interest;
    size_t i = 0;
    for (; i + 1 < count; i++) {
        growth += interests[i].call + interests[i].put;
        if (growth >= 0) {
            break;
        }
    }
    /* At the last strike it is the calls' interest, which is not negative. */
    return interests[i].strike;
}

static const Storage__Quote *first_of_strike(Storage__Quote *const *quotes, size_t count,
                                             double strike)
{
    for (size_t i = 0; i < count; i++) {
        if (quotes[i]->strike == strike) {
            return quotes[i];
        }
    }
    return NULL;
}

static bool has_last(const Storage__Quote *quote)
{
    return quote != NULL && quote->_last_case == STORAGE__QUOTE___LAST_LAST;
}

static double straddle_price(const Storage__OptionChain *chain)
{
    const Storage__Quote *call = first_of_strike(chain->calls, chain->n_calls, chain->atm_strike);
    const Storage__Quote *put = first_of_strike(chain->puts, chain->n_puts, chain->atm_strike);
    return has_last(call) && has_last(put) ? round_decimals(call->last + put->last, PRICE_DECIMALS)
                                           : 0;
}

static ds_code fill_strikes(struct ds_arena *arena, Storage__OptionChain *chain,
                            int64_t put_interest)
{
    const size_t count = chain->n_calls + chain->n_puts;
    const struct interest *interests = sort_interests(arena, chain);
    if (interests == NULL) {
        return DS_RESOURCE_EXHAUSTED;
    }
    if (chain->_atm_strike_case == STORAGE__OPTION_CHAIN___ATM_STRIKE__NOT_SET) {
        chain->_atm_strike_case = STORAGE__OPTION_CHAIN___ATM_STRIKE_ATM_STRIKE;
        chain->atm_strike = nearest_strike(interests, count, chain->spot_price);
    }
    if (chain->_atm_straddle_price_case == STORAGE__OPTION_CHAIN___ATM_STRADDLE_PRICE__NOT_SET) {
        chain->_atm_straddle_price_case =
            STORAGE__OPTION_CHAIN___ATM_STRADDLE_PRICE_ATM_STRADDLE_PRICE;
        chain->atm_straddle_price = straddle_price(chain);
    }
    if (chain->_max_pain_strike_case == STORAGE__OPTION_CHAIN___MAX_PAIN_STRIKE__NOT_SET) {
        chain->_max_pain_strike_case = STORAGE__OPTION_CHAIN___MAX_PAIN_STRIKE_MAX_PAIN_STRIKE;
        chain->max_pain_strike = lowest_pain_strike(interests, count, put_interest);
    }
    return DS_OK;
}

ds_code chain_derive(struct ds_arena *arena, Storage__OptionChain *chain, const char **ret_fault)
{
    struct sums sums = {0};
    if (!sum_up(chain, &sums)) {
        *ret_fault = "the sum of open_interest, and that of volume, must be below 2^63";
        return DS_INVALID_ARGUMENT;
    }
    fill_totals(chain, &sums);
    if (chain->n_calls + chain->n_puts > 0) {
        DS_TRY(fill_strikes(arena, chain, sums.put_interest));
    }
    if (!isfinite(chain->atm_straddle_price)) {
        *ret_fault = "the sum of the last prices at atm_strike must be a finite number";
        return DS_INVALID_ARGUMENT;
    }
    return DS_OK;
}
