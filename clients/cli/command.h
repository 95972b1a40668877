/*
 * The commands of `deltastream`: one table drives parsing, help, suggestions, completion and the
 * man pages. A command is added by its line among the externs here and its line in the table of
 * command.c; everything else follows from its program.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "ds/config.h"

struct query;

/* What a command's operands are, for completion. */
enum cli_operand {
    CLI_OPERAND_OTHER = 0, /* nothing that could be offered */
    CLI_OPERAND_FILE,
    CLI_OPERAND_FOLDER,
    CLI_OPERAND_PRODUCT,
    CLI_OPERAND_METHOD,
    CLI_OPERAND_DESCRIBED, /* a service, method, message or enum */
    CLI_OPERAND_CONTEXT,
    CLI_OPERAND_SHELL,
};

struct cli_command {
    /* Its name is "deltastream" and the command's one or two words. */
    const struct ds_program *program;
    size_t options_bytes; /* of the struct that the settings fill */
    /* Runs with the options read; returns the exit code. */
    int (*run)(struct ds_config *config, void *options);
    const struct query *query; /* of a command that lists what one method answers; its `run` and
                                  options are query.h's */
    enum cli_operand operand;
    bool is_local; /* opens no connection, so that --print-config is answered for it */
};

extern const struct cli_command command_up;
extern const struct cli_command command_ticks_list;
extern const struct cli_command command_ticks_latest;
extern const struct cli_command command_ticks_asof;
extern const struct cli_command command_ticks_ingest;
extern const struct cli_command command_quotes_list;
extern const struct cli_command command_quotes_latest;
extern const struct cli_command command_chains_list;
extern const struct cli_command command_bars_list;
extern const struct cli_command command_products_list;
extern const struct cli_command command_expiries_list;
extern const struct cli_command command_symbols_list;
extern const struct cli_command command_strikes_list;
extern const struct cli_command command_analytics_ohlc;
extern const struct cli_command command_analytics_pcr;
extern const struct cli_command command_analytics_max_pain;
extern const struct cli_command command_analytics_oi_buildup;
extern const struct cli_command command_analytics_surface;
extern const struct cli_command command_import;
extern const struct cli_command command_export;
extern const struct cli_command command_ticks_tail;
extern const struct cli_command command_quotes_tail;
extern const struct cli_command command_chains_watch;
extern const struct cli_command command_feed;
extern const struct cli_command command_call;
extern const struct cli_command command_storage_backup;
extern const struct cli_command command_storage_restore;
extern const struct cli_command command_storage_verify;
extern const struct cli_command command_storage_stats;
extern const struct cli_command command_storage_delete;
extern const struct cli_command command_storage_retention;
extern const struct cli_command command_list;
extern const struct cli_command command_describe;
extern const struct cli_command command_doctor;
extern const struct cli_command command_contexts_add;
extern const struct cli_command command_contexts_list;
extern const struct cli_command command_contexts_use;
extern const struct cli_command command_contexts_remove;
extern const struct cli_command command_completion;
extern const struct cli_command command_man;

/* The table, in the order in which help lists it. */
extern const struct cli_command *const cli_commands[];
extern const size_t cli_command_count;

/* The whole program: `arguments` without the program's name. Returns the exit code. */
int cli_run(size_t argument_count, char *const *arguments, char *const *environment);

#endif
