/*
 * Finds out why no connection to a tls+tcp address comes about: nng dials in the background and
 * keeps its reasons to itself. A probe shakes hands as a client would, looks at the certificate and
 * hangs up; it sends nothing of the caller's. Private to ds_common.
 */
#ifndef DS_TLS_PROBER_H
#define DS_TLS_PROBER_H

#include "ds/tls.h"

enum ds_tls_verdict {
    DS_TLS_UNREACHED, /* nobody answered in time, or hung up */
    DS_TLS_TRUSTED,
    DS_TLS_REFUSED, /* `reason` says why */
};

struct ds_tls_finding {
    enum ds_tls_verdict verdict;
    const char *reason; /* static; NULL unless DS_TLS_REFUSED */
    bool has_certificate;
    int days_left; /* of the certificate; negative: it has expired */
};

/* Asks now; each step takes at most timeout_ms. */
void ds_tls_probe(const struct ds_tls_trust *trust, int timeout_ms,
                  struct ds_tls_finding *ret_finding);

/* Asks in a thread of its own when it is asked to. */
struct ds_tls_prober;

/* `trust` becomes the prober's. Never NULL. */
struct ds_tls_prober *ds_tls_prober_create(struct ds_tls_trust *trust);

/* Does not wait for a probe that is under way. Takes NULL. */
void ds_tls_prober_destroy(struct ds_tls_prober *prober);

/*
 * False while there is no finding that ended after *ticket was drawn, which is 0 before the first
 * time; then one is on its way. Else *ret_finding. Never blocks; any thread.
 */
bool ds_tls_prober_ask(struct ds_tls_prober *prober, uint64_t *ticket,
                       struct ds_tls_finding *ret_finding);

#endif
