/*
 * What a family of REST routes wants of its replies and no .proto can say: one table, one row a
 * profile. No handler of a service knows of profiles. The documents are made of the table too, by
 * proto/compiler, which is built before the code that comes of the .proto files: nothing of that is
 * included here.
 */
#ifndef GATEWAY_PROFILE_ROWS_H
#define GATEWAY_PROFILE_ROWS_H

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

#endif
