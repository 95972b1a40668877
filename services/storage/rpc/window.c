#include "storage/rpc/window.h"

#define UNASKED_MINUTES 5

ds_code window_read(struct ds_call *call, bool is_present, int32_t minutes, int32_t max_minutes,
                    int32_t *ret_minutes)
{
    if (is_present && (minutes < 1 || minutes > max_minutes)) {
        return ds_fail_field(call, "window", "window must be 1 to %d minutes", max_minutes);
    }
    *ret_minutes = is_present ? minutes : UNASKED_MINUTES;
    return DS_OK;
}
