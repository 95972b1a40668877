/*
 * SIGINT and SIGTERM for a command that works on until a good place to stop: the first one is only
 * noted, a second one ends the program at once. One user of the process at a time.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* From here on the signals are noted. A second one writes `parting` to standard output, such as
 * what shows a hidden cursor again; "": nothing. */
void interrupt_begin(const char *parting);

/* Gives the signals what they had before. */
void interrupt_end(void);

/* Whether one came since interrupt_begin(). Any thread. */
bool interrupt_came(void);

/* Waits so long, or until one comes; returns interrupt_came(). */
bool interrupt_wait_ms(int64_t wait_ms);

#endif
