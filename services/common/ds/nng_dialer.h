/*
 * Requests that go out over nng 1.5.2, and the connections for them. They and their replies are
 * whole messages of bytes; what is in them is the business of channel_*.c. Private to ds_common.
 */
#ifndef DS_NNG_DIALER_H
#define DS_NNG_DIALER_H

#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/tls.h"

struct ds_nng_dialer;
struct ds_nng_request;

struct ds_nng_dialer_options {
    const char *url;
    size_t message_bytes_max;
    size_t request_count; /* requests that may be under way at a time, each by a connection */
    const struct ds_tls_options *tls; /* of tls+tcp; NULL: the defaults; not kept */
    int connect_check_ms; /* how often a request without a connection looks after it; 0: 400 */
};

/* Never waits for the peer; connects again by itself. DS_INVALID_ARGUMENT for a URL of another
 * form; of tls+tcp also the codes of ds_tls_trust_load(). */
DS_MUST_USE ds_code ds_nng_dial(const struct ds_nng_dialer_options *options,
                                struct ds_nng_dialer **ret_dialer);

/* Ends what is under way with DS_CANCELLED, waits for the callbacks and closes; connections by
 * which a reply is still owed are closed later (ds/nng_drain.h), and nobody waits for that. */
void ds_nng_dialer_close(struct ds_nng_dialer *dialer);

struct ds_nng_reply;

/*
 * The end of a request, once, on one of nng's threads. `reply` is NULL unless code is DS_OK, and
 * the callee's to free. Codes: DS_UNAVAILABLE (no connection, or it broke: the request may or may
 * not have been executed), DS_DEADLINE_EXCEEDED, DS_CANCELLED. The request must
 * be ended, here or later.
 */
typedef void (*ds_nng_done_fn)(void *context, ds_code code, struct ds_nng_reply *reply);

/* A request that is the caller's until ds_nng_request_end(); NULL when request_count of them are
 * taken. Any thread. */
struct ds_nng_request *ds_nng_request_begin(struct ds_nng_dialer *dialer);
void ds_nng_request_end(struct ds_nng_request *request);

struct ds_nng_request_times {
    int timeout_ms; /* how long to wait for the answer; over 0 */
    int waited_ms;  /* by the caller for the request: its patience with a missing connection is
                     * that much shorter */
};

/* Sends the parts as one message and waits for the answer. Never blocks. */
void ds_nng_request_send(struct ds_nng_request *request, const struct ds_bytes *parts,
                         size_t part_count, const struct ds_nng_request_times *times,
                         ds_nng_done_fn done, void *context);

/* Makes `done` come soon, unless it is on its way already. */
void ds_nng_request_cancel(struct ds_nng_request *request);

/* In `done`: false where no connection has taken the request, so that nobody can have executed it.
 */
bool ds_nng_request_was_sent(const struct ds_nng_request *request);

/* In `done` with DS_UNAVAILABLE: why there is no connection, static; NULL where nothing is known of
 * that. */
const char *ds_nng_request_failure(const struct ds_nng_request *request);

/* Whether there is any connection. It lags behind. */
bool ds_nng_dialer_is_connected(struct ds_nng_dialer *dialer);

struct ds_bytes ds_nng_reply_bytes(const struct ds_nng_reply *reply);
void ds_nng_reply_free(struct ds_nng_reply *reply);

#endif
