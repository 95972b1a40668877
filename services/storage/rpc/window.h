/* Field window: how many minutes before the newest row count. */
#ifndef STORAGE_RPC_WINDOW_H
#define STORAGE_RPC_WINDOW_H

#include "ds/call.h"

/* 5 minutes where the request does not say; else 1 to max_minutes, or the call fails. */
DS_MUST_USE ds_code window_read(struct ds_call *call, bool is_present, int32_t minutes,
                                int32_t max_minutes, int32_t *ret_minutes);

/* Microseconds. */
static inline int64_t window_us(int32_t minutes)
{
    return minutes * INT64_C(60000000);
}

#endif
