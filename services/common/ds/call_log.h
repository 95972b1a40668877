/*
 * The call log: a line "call" for each finished call that is worth one, with its method, code,
 * caller, times, sizes and place in its trace; never with payloads, credentials or metadata. Part
 * of the server's log, so ds_log_set_level() applies: calls that went well are INFO, slow and
 * refused ones WARNING and INFO, failures of the server itself ERROR.
 */
#ifndef DS_CALL_LOG_H
#define DS_CALL_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct ds_call;

/* Each has the lines of those before it. Failures of the server itself (INTERNAL, UNKNOWN,
 * DATA_LOSS) are always told. */
enum ds_call_log_extent {
    DS_CALL_LOG_NONE,
    DS_CALL_LOG_SLOW,
    DS_CALL_LOG_ERRORS, /* every call that failed */
    DS_CALL_LOG_WRITES, /* every call of a method with side effects */
    DS_CALL_LOG_ALL,
};

/* "none", "slow", "errors", "writes", "all", NULL at the end: choices of the setting --call-log. */
extern const char *const ds_call_log_choices[];

#define DS_SLOW_CALL_MS_DEFAULT 500

struct ds_call_log {
    int extent;           /* enum ds_call_log_extent */
    int64_t slow_call_ms; /* 0: DS_SLOW_CALL_MS_DEFAULT; also for ds_rpc_server_slow_calls() */
};

/* Private to ds_common: writes the line of a finished call where the log has one. */
void ds_call_log_write(const struct ds_call_log *log, struct ds_call *call, bool is_slow);

#endif
