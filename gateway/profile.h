/*
 * What a family of REST routes wants of its replies and no .proto can say: one table, one row a
 * profile. No handler of a service knows of profiles.
 */
#ifndef GATEWAY_PROFILE_H
#define GATEWAY_PROFILE_H

#include "ds/call.h"
#include "ds/json.h"
#include "gateway/routes.h"

/* The members of an error body; every profile has all of them, in its own order. */
enum problem_member {
    PROBLEM_TYPE,
    PROBLEM_TITLE,
    PROBLEM_STATUS,
    PROBLEM_DETAIL,
    PROBLEM_ERROR_CODE,
    PROBLEM_ERROR,
    PROBLEM_REQUEST_ID,
    PROBLEM_ERRORS,
    PROBLEM_MEMBER_COUNT,
};

struct profile {
    const char *name;
    uint8_t members[PROBLEM_MEMBER_COUNT]; /* enum problem_member, in the order of the body */
    bool error_code_upper;
    uint16_t malformed_status; /* of a body that is no JSON or has a value of a wrong type */
    uint16_t invalid_status;   /* of a request that is well-formed and against a rule */
    struct ds_json_style style;
};

const struct profile *profile_of(unsigned int route_profile);

/* The status of a failure under this profile. `reason` decides where there is one, else `code`. */
unsigned int profile_status(const struct profile *profile, ds_reason reason, ds_code code);

#endif
