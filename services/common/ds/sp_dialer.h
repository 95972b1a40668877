/*
 * Requests that go out over the Scalability Protocols (REQ), and the connections for them. They and
 * their replies are whole messages of bytes; what is in them is the business of channel_*.c. All
 * dialers of a process share a loop. Private to ds_common.
 */
#ifndef DS_SP_DIALER_H
#define DS_SP_DIALER_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/tls.h"

struct ds_sp_dialer;
struct ds_sp_request;

struct ds_sp_dialer_options {
    const char *url; /* see ds_sp_target_read() */
    size_t message_bytes_max;
    size_t request_count;             /* requests that may be under way at a time */
    const struct ds_tls_options *tls; /* of tls+tcp; NULL: the defaults; not kept */
    int idle_ms; /* until a connection besides the first is closed for want of requests; 0: 10 s */
};

/* Never waits for the peer; connects again by itself, after at most 250 ms, and after up to 15 s
 * where it was refused: by the peer's certificate, or because it greets as something else.
 * DS_INVALID_ARGUMENT for a URL of another form; of tls+tcp also the codes of ds_tls_trust_load().
 * DS_RESOURCE_EXHAUSTED: no descriptor or no thread is left. */
DS_MUST_USE ds_code ds_sp_dial(const struct ds_sp_dialer_options *options,
                               struct ds_sp_dialer **ret_dialer);

/* Ends what is under way with DS_CANCELLED, and all connections, at any moment of a message. Waits
 * for callbacks that run, and for nobody else. */
void ds_sp_dialer_close(struct ds_sp_dialer *dialer);

struct ds_sp_reply;

/*
 * The end of a request, once, on the loop's thread: it must not block, nor close the dialer.
 * `reply` is NULL unless code is DS_OK, and the callee's to free. Codes: DS_UNAVAILABLE (no
 * connection, or it broke: the request may or may not have been executed), DS_DEADLINE_EXCEEDED,
 * DS_CANCELLED. The request must be ended, here or later.
 */
typedef void (*ds_sp_done_fn)(void *context, ds_code code, struct ds_sp_reply *reply);

/* A request that is the caller's until ds_sp_request_end(); NULL when request_count of them are
 * taken. Any thread. */
struct ds_sp_request *ds_sp_request_begin(struct ds_sp_dialer *dialer);
void ds_sp_request_end(struct ds_sp_request *request);

struct ds_sp_request_times {
    int timeout_ms; /* how long to wait for the answer; over 0 */
    int waited_ms;  /* by the caller for the request: its patience with a missing connection is
                     * shorter by as much of it as there has been none */
};

/* Sends the parts as one message and waits for the answer. Never blocks. */
void ds_sp_request_send(struct ds_sp_request *request, const struct ds_bytes *parts,
                        size_t part_count, const struct ds_sp_request_times *times,
                        ds_sp_done_fn done, void *context);

/* Makes `done` come soon, unless it is on its way already. */
void ds_sp_request_cancel(struct ds_sp_request *request);

/* In `done`: false where no connection has got all of the request, so that nobody can have executed
 * it. */
bool ds_sp_request_was_sent(const struct ds_sp_request *request);

/* In `done` with DS_UNAVAILABLE: why there is no connection, static; NULL where nothing is known of
 * that. */
const char *ds_sp_request_failure(const struct ds_sp_request *request);

/* Whether there is any connection. */
bool ds_sp_dialer_is_connected(struct ds_sp_dialer *dialer);

/* Replies that nobody waited for, so far. */
uint64_t ds_sp_dialer_stray_replies(struct ds_sp_dialer *dialer);

struct ds_bytes ds_sp_reply_bytes(const struct ds_sp_reply *reply);
void ds_sp_reply_free(struct ds_sp_reply *reply);

#endif
