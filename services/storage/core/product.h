/* What a product may be called. */
#ifndef STORAGE_CORE_PRODUCT_H
#define STORAGE_CORE_PRODUCT_H

/* What is wrong with the name of a product ("product must not be empty"); NULL where it may be
 * used. `product` is well-formed UTF-8. Static storage. */
const char *product_fault(const char *product);

#endif
