/* The products or symbols whose rows are exported. */
#ifndef CLI_EXPORT_KEYS_H
#define CLI_EXPORT_KEYS_H

#include "clients/cli/row_page.h"

#define EXPORT_KEYS_MAX 1000000

struct export_keys;

/* An empty list; never NULL. */
struct export_keys *export_keys_create(void);

/* Takes NULL. */
void export_keys_destroy(struct export_keys *keys);

size_t export_keys_count(const struct export_keys *keys);
const char *export_keys_get(const struct export_keys *keys, size_t index);

/* DS_RESOURCE_EXHAUSTED, which is told, where there are too many. */
DS_MUST_USE ds_code export_keys_add(struct export_keys *keys, struct ds_bytes key);

/* Adds all products that have ticks. Failures of calls have been told. */
DS_MUST_USE ds_code export_keys_add_products(struct export_keys *keys,
                                             const struct connection *connection);

/* Adds all symbols of a product. */
DS_MUST_USE ds_code export_keys_add_symbols(struct export_keys *keys,
                                            const struct connection *connection,
                                            const char *product);

#endif
