/* The day on which options end, as text: YYYY-MM-DD. */
#ifndef STORAGE_CORE_EXPIRY_H
#define STORAGE_CORE_EXPIRY_H

#include <stdbool.h>

#define EXPIRY_BYTES 10

/* What is wrong with an expiry ("expiry must be a date, YYYY-MM-DD"); NULL where it is a day that
 * there is, of the years 1 to 9999. Static storage. */
const char *expiry_fault(const char *expiry);

#endif
