/* A store that is looked at as a whole. */
#ifndef TESTS_CRASH_IMAGE_STORE_H
#define TESTS_CRASH_IMAGE_STORE_H

#include "storage/store/market_store.h"

/* Opens a store as all of this does. */
ds_code image_store_open(const char *folder, struct market_store **ret_store, char *ret_reason,
                         size_t reason_bytes_max);

/* A digest of all series and rows but those of IMAGE_LATER_SERIES; another code where it can't be
 * read. */
ds_code image_store_digest(struct market_store *store, uint64_t *ret_digest);

/* A series of ticks that no step uses, and its row. */
#define IMAGE_LATER_SERIES "LATER"
ds_code image_later_row_put(struct market_store *store);
bool image_later_row_is_there(struct market_store *store);

#endif
