/* What products and symbols may be called. */
#ifndef STORAGE_CORE_PRODUCT_H
#define STORAGE_CORE_PRODUCT_H

#include "storage/store/market_store.h"

#define SYMBOL_BYTES_MAX MARKET_PRODUCT_BYTES_MAX

/* What is wrong with the name of a product ("product must not be empty"); NULL where it may be
 * used. The name is well-formed UTF-8. Static storage. */
const char *product_fault(const char *product);

/* The same of an option's symbol. */
const char *symbol_fault(const char *symbol);

/* Whether there is one of U+0000 to U+001F and U+007F to U+009F in a terminated text. */
bool text_has_controls(const char *text);

#endif
