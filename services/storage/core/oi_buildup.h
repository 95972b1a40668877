/* Where the open interest of a chain lies. */
#ifndef STORAGE_CORE_OI_BUILDUP_H
#define STORAGE_CORE_OI_BUILDUP_H

#include "ds/bytes.h"

struct oi_zones {
    int64_t itm;
    int64_t atm; /* nearer to the spot price than 1 % of it; these are in one of the others too */
    int64_t otm;
};

struct oi_buildup {
    struct oi_zones calls;
    struct oi_zones puts;
};

/* Of the options of a stored chain. False where its bytes are damaged. */
bool oi_buildup_compute(struct ds_bytes chain, double spot_price, struct oi_buildup *ret_buildup);

/* What the replaced service called it; its clients compare the words. */
const char *oi_buildup_interpretation(const struct oi_buildup *buildup);

#endif
