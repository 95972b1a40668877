/* A small store with all three kinds, and what its verification finds. */
#ifndef TESTS_CONTRACT_SAMPLE_STORE_H
#define TESTS_CONTRACT_SAMPLE_STORE_H

#include "storage/store/market_store.h"

#define SAMPLE_ROWS 9
#define SAMPLE_SERIES 6

/* A well-formed message of any kind: it is empty. */
#define SAMPLE_VALUE ""

/*
 * Ticks of NIFTY (3) and SENSEX (1); quotes of two symbols of NIFTY (1 each); chains of NIFTY for
 * two expiries (2 and 1).
 */
void sample_put(struct market_store *store);

/* Puts one row. */
void sample_put_row(struct market_store *store, enum market_kind kind, const char *series,
                    const char *group, int64_t timestamp_us, const char *value);

/* What verify says: "ROWS rows, SERIES series" and a line for each fault. Free it. */
char *verify_text(struct market_store *store);

#endif
