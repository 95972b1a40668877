/* A dialer and its peer on plain sockets, which does whatever a test says. */
#ifndef TESTS_INTEGRATION_DIALER_PEER_H
#define TESTS_INTEGRATION_DIALER_PEER_H

#include "integration/dialer_fixture.h"
#include "integration/rpc_hostile.h"

extern struct rpc_hostile hostile;
extern struct ds_sp_dialer *dialer; /* NULL: the test has closed it */

int dialer_setup(void **state);
int dialer_teardown(void **state);

/* Both anew, so that nobody has connected to the peer yet. */
void dialer_open_again(const char *host, int idle_ms);

/* A request that the peer gets. */
uint32_t peer_take(int peer, const char *text);
void peer_answer(int peer, uint32_t number, const char *text);

/* The first connection, which is open: it has brought an answer. */
int peer_meet(void);

#endif
