/* What a long-running program owes its surroundings: signals taken on one thread, and word of its
 * readiness. */
#ifndef DS_DAEMON_H
#define DS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

/* The names of enum ds_log_level in the order of its numbers, NULL at the end: choices of the
 * setting --log-level. */
extern const char *const ds_daemon_log_levels[];

/* How long a drain may take before the calls that are left are given up. */
#define DS_DAEMON_GRACE_MS 10000
/* How long a stop may take in all: a drain, and what has to be closed after it. */
#define DS_DAEMON_STOP_MS_MAX (2 * DS_DAEMON_GRACE_MS)

/* Blocks SIGTERM, SIGINT and SIGHUP in this thread and in those it starts, and ignores SIGPIPE.
 * Before the first thread. */
void ds_daemon_block_signals(void);

/* Descriptors that a program needs besides those of the connections that its settings cap: files,
 * its own connections, 256 subscribers of events, what its libraries open. */
#define DS_DAEMON_FILES_BESIDES 512

/*
 * Raises the limit of open files to as many as this process may have. False, and a warning in the
 * log that says what would do, where those are fewer than DS_DAEMON_FILES_BESIDES and so many
 * connections: past them new ones wait until others have gone. Before the first listener.
 */
bool ds_daemon_allow_connections(uint64_t connection_count);

/*
 * Waits for SIGTERM or SIGINT; SIGHUP calls `reload` (NULL: nothing) on this thread. Afterwards a
 * second SIGINT ends the program at once.
 */
void ds_daemon_wait_for_stop(void (*reload)(void *context), void *context);

/*
 * Ends the program with DS_EXIT_ERROR once limit_ms are over, whatever still holds it, such as a
 * handler that never returns; what it has acknowledged is on disk already. Once, when it was told
 * to stop.
 */
void ds_daemon_limit_stop(int limit_ms);

/* Tells the service manager ("READY=1", "STOPPING=1") over NOTIFY_SOCKET; does nothing without
 * one. */
void ds_daemon_notify(const char *state);

#endif
