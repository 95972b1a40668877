#include "clients/cli/output.h"

#include "ds/exit_code.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_told;

int output_fail(int error)
{
    is_told = true;
    if (error == EPIPE) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, "deltastream: can't write the output: %s\n", strerror(error));
    return DS_EXIT_ERROR;
}

int output_finish(int exit_code)
{
    const bool is_whole = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (is_whole || is_told) {
        return exit_code;
    }
    const int failure_code = output_fail(errno);
    return exit_code == DS_EXIT_OK ? failure_code : exit_code;
}
