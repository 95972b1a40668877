/* The outcome of an operation: google.rpc.Code's 17 values and one of our own for a reply that
 * comes later. */
#ifndef DS_CODE_H
#define DS_CODE_H

#include <stdbool.h>

/* A code that is thrown away hides a failure. */
#define DS_MUST_USE __attribute__((warn_unused_result))

typedef enum {
    DS_OK = 0,
    DS_CANCELLED = 1,
    DS_UNKNOWN = 2,
    DS_INVALID_ARGUMENT = 3,
    DS_DEADLINE_EXCEEDED = 4,
    DS_NOT_FOUND = 5,
    DS_ALREADY_EXISTS = 6,
    DS_PERMISSION_DENIED = 7,
    DS_RESOURCE_EXHAUSTED = 8,
    DS_FAILED_PRECONDITION = 9,
    DS_ABORTED = 10,
    DS_OUT_OF_RANGE = 11,
    DS_UNIMPLEMENTED = 12,
    DS_INTERNAL = 13,
    DS_UNAVAILABLE = 14,
    DS_DATA_LOSS = 15,
    DS_UNAUTHENTICATED = 16,
    /* Returned by a handler that answers later through ds_call_complete(); never travels. */
    DS_DEFERRED = 100,
} ds_code;

#define DS_CODE_COUNT 17

/* "NOT_FOUND" and so on; "UNKNOWN" for a number that is no code. Never NULL; static storage. */
const char *ds_code_name(ds_code code);

/* The code of that number; DS_UNKNOWN for a number that is no code. */
ds_code ds_code_of(unsigned int number);

/* What an errno of files and folders means to who asked for the operation: FAILED_PRECONDITION for
 * a path that leads nowhere, PERMISSION_DENIED, RESOURCE_EXHAUSTED for a full disk; UNAVAILABLE for
 * anything else. `error` is not 0. */
ds_code ds_code_of_errno(int error);

/* The HTTP status that google.rpc.Code's definition gives the code. */
int ds_code_http_status(ds_code code);

/* Leaves the function with the code of `expression` unless it is DS_OK. */
#define DS_TRY(expression)                                                                         \
    do {                                                                                           \
        const ds_code ds_try_code = (expression);                                                  \
        if (ds_try_code != DS_OK) {                                                                \
            return ds_try_code;                                                                    \
        }                                                                                          \
    } while (0)

#endif
