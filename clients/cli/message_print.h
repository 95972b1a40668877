/* The fields of a message, for a person. */
#ifndef CLI_MESSAGE_PRINT_H
#define CLI_MESSAGE_PRINT_H

#include "ds/schema.h"

#include <stdio.h>

void message_print(const struct ds_message *message, FILE *stream);

#endif
