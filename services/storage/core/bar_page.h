/* One page of bars while the ticks of its range go by. */
#ifndef STORAGE_CORE_BAR_PAGE_H
#define STORAGE_CORE_BAR_PAGE_H

#include "storage/core/bars.h"

struct bar_page {
    int64_t interval_us;
    bool ascending;   /* oldest first; else newest first */
    struct bar *bars; /* room for `limit` of them */
    size_t limit;
    size_t scanned_max; /* the page ends with the bar in which it has looked at so many ticks */

    size_t count; /* of bars; the last one may not be complete yet */
    size_t scanned;
    bool more;    /* there are ticks behind the last bar */
    bool damaged; /* a stored tick can't be read */
};

/* Takes the next tick of the range in the page's order; false: no more are wanted. A tick without a
 * price counts for nothing. */
bool bar_page_take(struct bar_page *page, int64_t timestamp_us, struct ds_bytes value);

/* The bound of the last bar, behind which the next page begins: its end, or newest first its start.
 * There is one. */
int64_t bar_page_end_us(const struct bar_page *page);

#endif
