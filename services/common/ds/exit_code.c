#include "ds/exit_code.h"

int ds_exit_code_of(ds_code code)
{
    switch (code) {
    case DS_OK:
        return DS_EXIT_OK;
    case DS_INVALID_ARGUMENT:
    case DS_OUT_OF_RANGE:
        return DS_EXIT_USAGE;
    case DS_NOT_FOUND:
        return DS_EXIT_NOT_FOUND;
    case DS_UNAUTHENTICATED:
    case DS_PERMISSION_DENIED:
        return DS_EXIT_AUTHENTICATION;
    case DS_ALREADY_EXISTS:
    case DS_ABORTED:
        return DS_EXIT_CONFLICT;
    case DS_UNAVAILABLE:
    case DS_DEADLINE_EXCEEDED:
        return DS_EXIT_UNAVAILABLE;
    case DS_RESOURCE_EXHAUSTED:
        return DS_EXIT_RATE_LIMITED;
    default:
        return DS_EXIT_ERROR;
    }
}
