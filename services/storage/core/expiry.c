#include "storage/core/expiry.h"

#include "ds/time.h"

#define HYPHEN_AFTER_YEAR 4
#define HYPHEN_AFTER_MONTH 7

static bool has_form_of_date(const char *text)
{
    for (size_t i = 0; i < EXPIRY_BYTES; i++) {
        const bool hyphen = i == HYPHEN_AFTER_YEAR || i == HYPHEN_AFTER_MONTH;
        if (hyphen ? text[i] != '-' : text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return text[EXPIRY_BYTES] == '\0';
}

const char *expiry_fault(const char *expiry)
{
    int64_t seconds;
    int32_t nanoseconds;
    if (expiry[0] == '\0') {
        return "expiry is missing";
    }
    if (!has_form_of_date(expiry)) {
        return "expiry must be a date, YYYY-MM-DD";
    }
    if (!ds_time_parse(ds_bytes_of(expiry, EXPIRY_BYTES), true, &seconds, &nanoseconds)) {
        return "expiry must be a day that there is";
    }
    return NULL;
}
