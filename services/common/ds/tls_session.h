/*
 * TLS on a connected descriptor that does not block, of either side. One thread at a time. Private
 * to ds_common.
 */
#ifndef DS_TLS_SESSION_H
#define DS_TLS_SESSION_H

#include "ds/tls.h"

#include <stddef.h>
#include <sys/types.h>

struct ds_tls_session;

/* The descriptor stays the caller's and open as long as the session; the identity is held. Never
 * NULL. */
struct ds_tls_session *ds_tls_session_accept(struct ds_tls_identity *identity, int fd);
/* `trust` stays as long as the session. */
struct ds_tls_session *ds_tls_session_connect(const struct ds_tls_trust *trust, int fd);
/* Of a connection that is never used for anything: goes on past a certificate that is no good, so
 * that all of its faults are seen. The descriptor blocks; what is received of the handshake has
 * timeout_ms together, however slowly it comes. */
struct ds_tls_session *ds_tls_session_look(const struct ds_tls_trust *trust, int fd,
                                           int timeout_ms);

/* Says goodbye where that can be sent at once. Takes NULL. */
void ds_tls_session_destroy(struct ds_tls_session *session);

enum ds_tls_step {
    DS_TLS_STEP_DONE,
    DS_TLS_STEP_WAITS, /* for the network: for room to write where ds_tls_session_wants_write() */
    DS_TLS_STEP_FAILED,
};

/* To be called until it is done. It may wait though more is there to be read: the descriptor then
 * stays ready. */
enum ds_tls_step ds_tls_session_shake_hands(struct ds_tls_session *session);

bool ds_tls_session_wants_write(const struct ds_tls_session *session);

/* As recv() and send(): what was moved; 0 and -1 are the connection's end and EAGAIN. Of a write
 * that has to wait the same bytes must come first the next time. */
ssize_t ds_tls_session_read(struct ds_tls_session *session, void *target, size_t size);
ssize_t ds_tls_session_write(struct ds_tls_session *session, const void *bytes, size_t size);

/* Of a client whose handshake failed or is done: DS_TLS_UNREACHED where the peer hung up. */
void ds_tls_session_judge(const struct ds_tls_session *session, struct ds_tls_finding *ret_finding);

#endif
