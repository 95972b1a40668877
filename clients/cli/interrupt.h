/*
 * SIGINT and SIGTERM for a command that works on until a good place to stop: the first one is only
 * noted, a second one ends the program at once. One user of the process at a time.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERRUPT_DESCRIPTORS_MAX 4

/* From here on the signals are noted. A second one writes `parting` to standard output, such as
 * what shows a hidden cursor again; "": nothing. */
void interrupt_begin(const char *parting);

/* Gives the signals what they had before. */
void interrupt_end(void);

/* Whether one came since interrupt_begin(). Any thread. */
bool interrupt_came(void);

/* Waits so long, or until one comes; returns interrupt_came(). */
bool interrupt_wait_ms(int64_t wait_ms);

/* The same, until poll(2) would tell of one of these, too; their `revents` are set. At most
 * INTERRUPT_DESCRIPTORS_MAX. */
bool interrupt_wait_for(struct pollfd *descriptors, size_t count, int64_t wait_ms);

#endif
