/* How our programs end: the exit codes that scripts may rely on. */
#ifndef DS_EXIT_CODE_H
#define DS_EXIT_CODE_H

#include "ds/code.h"

enum ds_exit_code {
    DS_EXIT_OK = 0,
    DS_EXIT_ERROR = 1,
    DS_EXIT_USAGE = 2, /* a setting, argument or request that can't be right */
    DS_EXIT_NOT_FOUND = 3,
    DS_EXIT_AUTHENTICATION = 4,
    DS_EXIT_CONFLICT = 5,
    DS_EXIT_UNAVAILABLE = 6, /* nothing answers, or not in time */
    DS_EXIT_RATE_LIMITED = 7,
    DS_EXIT_INTERRUPTED = 130,
};

/* The exit code for a call that ended with `code`. */
int ds_exit_code_of(ds_code code);

#endif
