/* A failed call told to a person. */
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include "clients/common/answer.h"
#include "ds/bytes.h"
#include "ds/code.h"

#include <stdio.h>

/* Writes the code, the message, and of the google.rpc.Status `details` the reason and the fields at
 * fault where the message does not say them already. Details that can't be read are left out. */
void status_print(FILE *stream, ds_code code, const char *message, struct ds_bytes details);

/* The exit code for a finished call. "Rate limited" is what waiting helps against: a full disk and
 * a request that is too large are not. */
int status_exit_code(const struct answer *answer);

#endif
