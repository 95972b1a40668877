/*
 * Finds out why no connection to a tls+tcp address comes about: nng dials in the background and
 * keeps its reasons to itself. Private to ds_common.
 */
#ifndef DS_TLS_PROBER_H
#define DS_TLS_PROBER_H

#include "ds/tls.h"

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
