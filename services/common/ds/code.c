#include "ds/code.h"

#include <errno.h>

/* The statuses are those that google/rpc/code.proto names beside each code. */
static const struct {
    const char *name;
    int http_status;
} codes[DS_CODE_COUNT] = {
    [DS_OK] = {"OK", 200},
    [DS_CANCELLED] = {"CANCELLED", 499},
    [DS_UNKNOWN] = {"UNKNOWN", 500},
    [DS_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", 400},
    [DS_DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", 504},
    [DS_NOT_FOUND] = {"NOT_FOUND", 404},
    [DS_ALREADY_EXISTS] = {"ALREADY_EXISTS", 409},
    [DS_PERMISSION_DENIED] = {"PERMISSION_DENIED", 403},
    [DS_RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", 429},
    [DS_FAILED_PRECONDITION] = {"FAILED_PRECONDITION", 400},
    [DS_ABORTED] = {"ABORTED", 409},
    [DS_OUT_OF_RANGE] = {"OUT_OF_RANGE", 400},
    [DS_UNIMPLEMENTED] = {"UNIMPLEMENTED", 501},
    [DS_INTERNAL] = {"INTERNAL", 500},
    [DS_UNAVAILABLE] = {"UNAVAILABLE", 503},
    [DS_DATA_LOSS] = {"DATA_LOSS", 500},
    [DS_UNAUTHENTICATED] = {"UNAUTHENTICATED", 401},
};

ds_code ds_code_of(unsigned int number)
{
    return number < DS_CODE_COUNT ? (ds_code)number : DS_UNKNOWN;
}

ds_code ds_code_of_errno(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
        return DS_PERMISSION_DENIED;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return DS_FAILED_PRECONDITION;
    case ENOSPC:
    case EDQUOT:
        return DS_RESOURCE_EXHAUSTED;
    default:
        return DS_UNAVAILABLE;
    }
}

const char *ds_code_name(ds_code code)
{
    return codes[ds_code_of((unsigned int)code)].name;
}

int ds_code_http_status(ds_code code)
{
    return codes[ds_code_of((unsigned int)code)].http_status;
}
