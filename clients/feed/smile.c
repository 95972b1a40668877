#include "clients/feed/smile.h"

#include <math.h>

/* Distance is counted in standard deviations, so that every expiry has a smile of the same form;
 * in the last days the time no longer shrinks, or far strikes would be infinitely far. */
#define YEARS_MIN (3.0 / 365.0)
#define SKEW -0.035
#define CURVATURE 0.012
#define DISTANCE_MAX 4.0
/* Short options carry more for what may happen tomorrow. */
#define SHORT_TERM_EXTRA 0.12
#define SHORT_TERM_YEARS (21.0 / 365.0)
/* Volatility rises as prices fall. */
#define LEVERAGE -1.5
#define VOLATILITY_MIN 0.05
#define VOLATILITY_MAX 1.0

double smile_volatility(const struct product *product, double forward, double strike, double years)
{
    const double term = 1.0 + SHORT_TERM_EXTRA * exp(-years / SHORT_TERM_YEARS);
    const double level = exp(LEVERAGE * log(forward / product->price));
    const double at_the_money = product->volatility * term * level;
    const double deviation = product->volatility * sqrt(fmax(years, YEARS_MIN));
    const double distance =
        fmax(-DISTANCE_MAX, fmin(DISTANCE_MAX, log(strike / forward) / deviation));
    const double volatility =
        at_the_money * (1.0 + SKEW * distance + CURVATURE * distance * distance);
    return round(fmax(VOLATILITY_MIN, fmin(VOLATILITY_MAX, volatility)) * 1e6) / 1e6;
}
