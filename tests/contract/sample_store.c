#include "sample_store.h"

#include "support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX 16384

void sample_put_row(struct market_store *store, enum market_kind kind, const char *series,
                    const char *group, int64_t timestamp_us, const char *value)
{
    const struct market_row row = {.series = ds_bytes_of_text(series),
                                   .group = ds_bytes_of_text(group),
                                   .timestamp_us = timestamp_us,
                                   .value = ds_bytes_of_text(value)};
    enum market_outcome outcome;
    struct market_batch batch = {.kind = kind, .rows = &row, .row_count = 1, .outcomes = &outcome};
    assert_int_equal(market_put_wait(store, &batch), DS_OK);
    assert_true(outcome == MARKET_ACCEPTED || outcome == MARKET_ACCEPTED_LATE);
}

void sample_put(struct market_store *store)
{
    sample_put_row(store, MARKET_TICKS, "NIFTY", "", 1, SAMPLE_VALUE);
    sample_put_row(store, MARKET_TICKS, "NIFTY", "", 2, SAMPLE_VALUE);
    sample_put_row(store, MARKET_TICKS, "NIFTY", "", 3, SAMPLE_VALUE);
    sample_put_row(store, MARKET_TICKS, "SENSEX", "", 1, SAMPLE_VALUE);
    sample_put_row(store, MARKET_QUOTES, "NIFTY20250125C21500", "NIFTY", 1, SAMPLE_VALUE);
    sample_put_row(store, MARKET_QUOTES, "NIFTY20250125P21500", "NIFTY", 1, SAMPLE_VALUE);
    sample_put_row(store, MARKET_CHAINS, "NIFTY/2025-01-25", "NIFTY", 1, SAMPLE_VALUE);
    sample_put_row(store, MARKET_CHAINS, "NIFTY/2025-01-25", "NIFTY", 2, SAMPLE_VALUE);
    sample_put_row(store, MARKET_CHAINS, "NIFTY/2025-02-01", "NIFTY", 1, SAMPLE_VALUE);
}

static void take_fault(void *context, const char *text)
{
    char *faults = context;
    const size_t size = strlen(faults);
    assert_true((size_t)snprintf(faults + size, TEXT_BYTES_MAX - size, "\n%s", text) <
                TEXT_BYTES_MAX - size);
}

char *verify_text(struct market_store *store)
{
    char *faults = calloc(1, TEXT_BYTES_MAX);
    char *text = calloc(1, TEXT_BYTES_MAX + 64);
    assert_true(faults != NULL && text != NULL);
    struct market_verify verify = {.fault = take_fault, .context = faults};
    const ds_code code = store->ops->verify(store, &verify);
    if (code != DS_OK) {
        snprintf(text, TEXT_BYTES_MAX, "%s", ds_code_name(code));
    } else {
        snprintf(text, TEXT_BYTES_MAX + 64, "%" PRIu64 " rows, %" PRIu64 " series%s",
                 verify.rows_checked, verify.series_checked, faults);
    }
    free(faults);
    return text;
}
