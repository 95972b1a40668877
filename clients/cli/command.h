/* The commands of `deltastream`: one table drives parsing, help and suggestions. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "ds/config.h"

struct cli_command {
    /* Its name is "deltastream" and the command's one or two words. */
    const struct ds_program *program;
    size_t options_bytes; /* of the struct that the settings fill */
    /* Runs with the options read; returns the exit code. */
    int (*run)(struct ds_config *config, void *options);
};

extern const struct cli_command command_up;
extern const struct cli_command command_call;
extern const struct cli_command command_ticks_list;
extern const struct cli_command command_ticks_ingest;
extern const struct cli_command command_products_list;
extern const struct cli_command command_import;

/* The whole program: `arguments` without the program's name. Returns the exit code. */
int cli_run(size_t argument_count, char *const *arguments, char *const *environment);

#endif
