#include "clients/feed/product.h"

#include <math.h>
#include <string.h>

const struct product feed_products[PRODUCT_COUNT] = {
    {.name = "NIFTY",
     .exchange = "NSE",
     .price = 21500.0,
     .volatility = 0.13,
     .volume_per_second = 3600.0,
     .strike_interval = 50,
     .lot_size = 50,
     .option_interest = 60000.0,
     .expiry_weekday = 4},
    {.name = "BANKNIFTY",
     .exchange = "NSE",
     .price = 45500.0,
     .volatility = 0.16,
     .volume_per_second = 2400.0,
     .strike_interval = 100,
     .lot_size = 15,
     .option_interest = 90000.0,
     .expiry_weekday = 3},
    {.name = "FINNIFTY",
     .exchange = "NSE",
     .price = 20300.0,
     .volatility = 0.15,
     .volume_per_second = 1200.0,
     .strike_interval = 50,
     .lot_size = 40,
     .option_interest = 20000.0,
     .expiry_weekday = 2},
    {.name = "SENSEX",
     .exchange = "BSE",
     .price = 71000.0,
     .volatility = 0.13,
     .volume_per_second = 800.0,
     .strike_interval = 100,
     .lot_size = 10,
     .option_interest = 40000.0,
     .expiry_weekday = 5},
};

const struct product *product_find(const char *name)
{
    for (size_t i = 0; i < PRODUCT_COUNT; i++) {
        if (strcmp(feed_products[i].name, name) == 0) {
            return &feed_products[i];
        }
    }
    return NULL;
}

double product_round_price(double price)
{
    return round(price * PRODUCT_STEPS_PER_UNIT) / PRODUCT_STEPS_PER_UNIT;
}
