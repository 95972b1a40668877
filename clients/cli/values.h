/* Plain values of a reply, such as names: one a line on a terminal and in a pipe, so that a shell
 * can take them as they are, or as JSON or CSV. */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include "clients/cli/rows.h"

struct values;

/* `heading` is the head in CSV. Both outlive the values. */
struct values *values_create(FILE *stream, enum rows_format format, const char *heading);

/* Writes what `message` has of the repeated `field`, which is one of strings or numbers.
 * DS_INVALID_ARGUMENT where the message is damaged. */
DS_MUST_USE ds_code values_add(struct values *values, const struct ds_message *type,
                               const struct ds_field *field, struct ds_bytes message);

/* Writes what ends the format. Takes NULL. */
void values_destroy(struct values *values);

#endif
