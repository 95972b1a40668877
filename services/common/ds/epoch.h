/* What tells one start of a publisher or server from another. */
#ifndef DS_EPOCH_H
#define DS_EPOCH_H

#include <stdint.h>

/* A random number that is never 0, which stands for no epoch: two starts get different ones,
 * whatever the clock says. Aborts where the system has no randomness. Any thread. */
uint64_t ds_epoch_draw(void);

#endif
