/* The commands of deltastream-load. Each takes its arguments without the program's and its own
 * name, and returns the exit code. */
#ifndef LOAD_COMMANDS_H
#define LOAD_COMMANDS_H

#include "ds/config.h"

#define LOAD_EXIT_OBJECTIVE_MISSED 99

extern const struct ds_program load_run_program;
extern const struct ds_program load_report_program;
extern const struct ds_program load_selftest_program;
extern const struct ds_program load_methods_program;

/* Carries out a plan. 0: done, and every objective met; 99: one was missed; 130: interrupted; 6: a
 * target can't be reached; 2: the plan is none. */
int load_run_command(const struct ds_config_sources *sources);

/* Tells a saved run again, or compares two. 99: an objective was missed, or what --fail-if-worse
 * asks for. */
int load_report_command(const struct ds_config_sources *sources);

/* Measures what this program itself is able to do, and checks that it counts right. */
int load_selftest_command(const struct ds_config_sources *sources);

/* Lists the methods that can be called. */
int load_methods_command(const struct ds_config_sources *sources);

/*
 * What every command does with its options, which are all zero: fills them, shows them where
 * --print-config asks for that, and else calls carry_out(), whose exit code it returns. Texts that
 * a source leaves empty are NULL there, as where nobody says them.
 */
int load_command(const struct ds_program *program, const struct ds_config_sources *sources,
                 void *options, int (*carry_out)(const struct ds_config *config, void *options));

#endif
