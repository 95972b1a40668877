#include "gateway/profile.h"

#include "schema.gen.h"

unsigned int profile_status(const struct profile *profile, ds_reason reason, ds_code code)
{
    switch (reason) {
    case DS_REASON(INVALID_JSON):
    case DS_REASON(UNKNOWN_FIELD):
        return profile->malformed_status;
    case DS_REASON(INVALID_REQUEST):
    case DS_REASON(UNKNOWN_PARAMETER):
    case DS_REASON(INVALID_PAGE_TOKEN):
        return profile->invalid_status;
    default:
        break;
    }
    const struct ds_enum_value *value = ds_enum_by_number(&ds_enum_rpc_reason, (int32_t)reason);
    if (value != NULL && value->http_status != 0) {
        return value->http_status;
    }
    if (code == DS_INVALID_ARGUMENT || code == DS_OUT_OF_RANGE) {
        return profile->invalid_status;
    }
    return (unsigned int)ds_code_http_status(code);
}
