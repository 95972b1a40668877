/*
 * What becomes of the library in a child of fork(): the threads that read the connections are the
 * parent's, so that a call of the child's would wait for ever, and locks may be held by nobody. It
 * ends with a word instead. Private to clients/c.
 */
#ifndef CLIENTS_C_FORK_H
#define CLIENTS_C_FORK_H

#include <stdbool.h>

/* Whether this process was forked by one that had clients open. Written in the child's only thread,
 * before anything of its own runs. */
extern bool fork_is_orphan;

/* A client is about to be opened, or has been closed. */
void fork_note_open(void);
void fork_note_close(void);

/* Says what is wrong, and aborts. */
_Noreturn void fork_refuse(void);

static inline void fork_mind(void)
{
    if (fork_is_orphan) {
        fork_refuse();
    }
}

#endif
