/* The commands of deltastream-load. Each takes its arguments without the program's and its own
 * name, and returns the exit code. "report" is report.h's. */
#ifndef LOAD_COMMANDS_H
#define LOAD_COMMANDS_H

#include <stddef.h>

#define LOAD_EXIT_OBJECTIVE_MISSED 99

/* Carries out a plan. 0: done, and every objective met; 99: one was missed; 130: interrupted; 6: a
 * target can't be reached; 2: the plan is none. */
int load_run_command(size_t argument_count, char *const *arguments, char *const *environment);

/* Lists the methods that can be called. */
int load_methods_command(size_t argument_count, char *const *arguments, char *const *environment);

/* Measures what this program itself is able to do, and checks that it counts right. */
int load_selftest_command(size_t argument_count, char *const *arguments, char *const *environment);

#endif
