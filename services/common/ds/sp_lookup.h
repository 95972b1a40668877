/*
 * Where a host is that has a name. Looking that up may take as long as it likes, and nobody can
 * interrupt it: so a thread of its own does, for which nobody waits. Private to ds_common.
 */
#ifndef DS_SP_LOOKUP_H
#define DS_SP_LOOKUP_H

#include "ds/sp_address.h"
#include "ds/sp_loop.h"

struct ds_sp_lookup;

/* On the loop's thread; `address` has no place where nothing was found. The lookup is gone then. */
typedef void (*ds_sp_lookup_fn)(void *context, const struct ds_sp_address *address);

/* On the loop's thread. NULL: no thread is left. */
struct ds_sp_lookup *ds_sp_lookup_start(struct ds_sp_loop *loop, const char *host, const char *port,
                                        ds_sp_lookup_fn done, void *context);

/* On the loop's thread: `done` does not come any more. Takes NULL. */
void ds_sp_lookup_abandon(struct ds_sp_lookup *lookup);

#endif
