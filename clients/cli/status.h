/* A failed call told to a person. */
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include "ds/bytes.h"
#include "ds/code.h"

#include <stdio.h>

/* Writes the code, the message, and of the google.rpc.Status `details` the reason and the fields at
 * fault. Details that can't be read are left out. */
void status_print(FILE *stream, ds_code code, const char *message, struct ds_bytes details);

#endif
