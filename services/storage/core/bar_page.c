#include "storage/core/bar_page.h"

#include <assert.h>

/* The bar that the tick belongs to; NULL where the page ends before it. */
static struct bar *page_bar(struct bar_page *page, int64_t timestamp_us)
{
    struct bar *bar = page->count == 0 ? NULL : &page->bars[page->count - 1];
    if (bar != NULL && timestamp_us >= bar->start_us && timestamp_us < bar->end_us) {
        return bar;
    }
    if (page->count == page->limit || (bar != NULL && page->scanned > page->scanned_max)) {
        return NULL;
    }
    const int64_t start_us = bar_start_us(timestamp_us, page->interval_us);
    bar = &page->bars[page->count++];
    *bar = (struct bar){.start_us = start_us, .end_us = start_us + page->interval_us};
    return bar;
}

bool bar_page_take(struct bar_page *page, int64_t timestamp_us, struct ds_bytes value)
{
    struct bar_tick tick;
    page->scanned++;
    if (!bar_tick_read(value, &tick)) {
        page->damaged = true;
        return false;
    }
    if (!tick.has_price) {
        return true;
    }
    struct bar *bar = page_bar(page, timestamp_us);
    if (bar == NULL) {
        page->more = true;
        return false;
    }
    bar_add(bar, &tick, page->ascending);
    return true;
}

int64_t bar_page_end_us(const struct bar_page *page)
{
    assert(page->count > 0);
    const struct bar *last = &page->bars[page->count - 1];
    return page->ascending ? last->end_us : last->start_us;
}
