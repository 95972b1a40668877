#include "gateway/profile_rows.h"

#include <assert.h>

static const char *const t_leave_out[] = {"next_page_token", "points", NULL};

/* What is a list or an object, as the request goes, has one name for both there. */
static const struct ds_json_rename t_rename[] = {{"latest_of_expiry", "latest"}, {NULL, NULL}};

#define STANDARD_ORDER                                                                             \
    {                                                                                              \
        PROBLEM_TYPE, PROBLEM_TITLE, PROBLEM_STATUS, PROBLEM_DETAIL, PROBLEM_ERROR_CODE,           \
            PROBLEM_ERROR, PROBLEM_REQUEST_ID, PROBLEM_ERRORS                                      \
    }

#define CANONICAL_STYLE                                                                            \
    {                                                                                              \
        .proto_names = true, .defaults = true, .int64_numbers = true, .time = DS_JSON_TIME_RFC3339 \
    }

static const struct profile profiles[ROUTE_PROFILE_COUNT] = {
    [ROUTE_PROFILE_CANONICAL] = {.name = "canonical",
                                 .members = STANDARD_ORDER,
                                 .malformed_status = 400,
                                 .invalid_status = 400,
                                 .style = CANONICAL_STYLE},
    [ROUTE_PROFILE_T] = {.name = "T",
                         .members = {PROBLEM_ERROR, PROBLEM_TYPE, PROBLEM_TITLE, PROBLEM_STATUS,
                                     PROBLEM_DETAIL, PROBLEM_ERROR_CODE, PROBLEM_REQUEST_ID,
                                     PROBLEM_ERRORS},
                         .malformed_status = 400,
                         .invalid_status = 400,
                         .style = {.proto_names = true,
                                   .defaults = true,
                                   .int64_numbers = true,
                                   .float_fraction = true,
                                   .whole_rows = true,
                                   .time = DS_JSON_TIME_ISOFORMAT,
                                   .leave_out = t_leave_out,
                                   .rename = t_rename}},
    [ROUTE_PROFILE_P] = {.name = "P",
                         .members = {PROBLEM_DETAIL, PROBLEM_ERROR_CODE, PROBLEM_TYPE,
                                     PROBLEM_TITLE, PROBLEM_STATUS, PROBLEM_ERROR,
                                     PROBLEM_REQUEST_ID, PROBLEM_ERRORS},
                         .error_code_upper = true,
                         .malformed_status = 422,
                         .invalid_status = 422,
                         .style = CANONICAL_STYLE},
    [ROUTE_PROFILE_U] = {.name = "U",
                         .members = STANDARD_ORDER,
                         .malformed_status = 400,
                         .invalid_status = 422,
                         .style = CANONICAL_STYLE},
};

const struct profile *profile_of(unsigned int route_profile)
{
    assert(route_profile < ROUTE_PROFILE_COUNT);
    return &profiles[route_profile];
}
