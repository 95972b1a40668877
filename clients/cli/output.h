/* A command's output that can't be written: told once, whoever comes across it. One user of the
 * process at a time. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/* Tells on stderr why writing failed (an errno) and returns the exit code. A reader that went away
 * wanted no more, which is no error. */
int output_fail(int error);

/* Flushes standard output and returns `exit_code`, or that of a failure that this brings up. */
int output_finish(int exit_code);

#endif
