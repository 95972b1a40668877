/* Candidates for completion that are not in the command table. */
#ifndef CLI_COMPLETION_DYNAMIC_H
#define CLI_COMPLETION_DYNAMIC_H

#include "clients/cli/command.h"

typedef void (*candidate_fn)(void *context, const char *word, const char *description);

/* The methods' short names; with `is_described` also the services, messages and enums. */
void completion_names(bool is_described, candidate_fn take, void *context);

/* The contexts of this user. */
void completion_contexts(char *const *environment, candidate_fn take, void *context);

/* The products that the service meant by the arguments tells about at once; none where it does not
 * answer. stderr must lead nowhere. */
void completion_products(const struct cli_command *command, struct ds_config_sources sources,
                         candidate_fn take, void *context);

#endif
