/* The status codes of a profile; profile_rows.h has the profiles. */
#ifndef GATEWAY_PROFILE_H
#define GATEWAY_PROFILE_H

#include "ds/call.h"
#include "gateway/profile_rows.h"

/* The status of a failure under this profile. `reason` decides where there is one, else `code`. */
unsigned int profile_status(const struct profile *profile, ds_reason reason, ds_code code);

#endif
