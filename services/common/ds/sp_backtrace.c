#include "ds/sp_backtrace.h"

#define WORD_BYTES 4
#define LAST_WORD 0x80

enum ds_sp_route ds_sp_backtrace_take(struct ds_bytes *request, struct ds_bytes *ret_backtrace)
{
    for (size_t at = 0; at < DS_SP_HOPS_MAX * WORD_BYTES; at += WORD_BYTES) {
        if (request->size - at < WORD_BYTES) {
            return DS_SP_UNROUTED;
        }
        if ((request->data[at] & LAST_WORD) != 0) {
            *ret_backtrace = ds_bytes_of(request->data, at + WORD_BYTES);
            ds_bytes_skip(request, at + WORD_BYTES);
            return DS_SP_ROUTED;
        }
    }
    return DS_SP_TOO_FAR;
}
