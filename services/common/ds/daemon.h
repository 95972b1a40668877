/* What a long-running program owes its surroundings: signals taken on one thread, and word of its
 * readiness. */
#ifndef DS_DAEMON_H
#define DS_DAEMON_H

/* The names of enum ds_log_level in the order of its numbers, NULL at the end: choices of the
 * setting --log-level. */
extern const char *const ds_daemon_log_levels[];

/* How long a drain may take before the program ends anyway. */
#define DS_DAEMON_GRACE_MS 10000

/* Blocks SIGTERM, SIGINT and SIGHUP in this thread and in those it starts, and ignores SIGPIPE.
 * Before the first thread. */
void ds_daemon_block_signals(void);

/*
 * Waits for SIGTERM or SIGINT; SIGHUP calls `reload` (NULL: nothing) on this thread. Afterwards a
 * second SIGINT ends the program at once.
 */
void ds_daemon_wait_for_stop(void (*reload)(void *context), void *context);

/* Tells the service manager ("READY=1", "STOPPING=1") over NOTIFY_SOCKET; does nothing without
 * one. */
void ds_daemon_notify(const char *state);

#endif
