/* A thread that does something small again and again. */
#ifndef DS_TICKER_H
#define DS_TICKER_H

struct ds_ticker;

/* Starts a thread that calls `tick` each time that interval_ms have passed since its last end.
 * Never NULL. */
struct ds_ticker *ds_ticker_create(int interval_ms, void (*tick)(void *context), void *context);

/* Waits for a tick that is under way; none comes afterwards. Takes NULL. Not to be called from
 * `tick`. */
void ds_ticker_destroy(struct ds_ticker *ticker);

#endif
