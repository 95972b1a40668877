/* Points in time as messages carry them and as the store keeps them: microseconds since 1970. */
#ifndef STORAGE_CORE_MOMENT_H
#define STORAGE_CORE_MOMENT_H

#include "google/protobuf/timestamp.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* Years 1 to 9999, and 0 to 999,999,999 nanoseconds. */
bool moment_is_valid(const Google__Protobuf__Timestamp *moment);

bool moment_is_whole_us(const Google__Protobuf__Timestamp *moment);

/* Of valid moments. A fraction of a microsecond is rounded towards the past, or towards the future.
 */
int64_t moment_floor_us(const Google__Protobuf__Timestamp *moment);
int64_t moment_ceil_us(const Google__Protobuf__Timestamp *moment);

/* Fills an initialised message. */
void moment_set_us(Google__Protobuf__Timestamp *moment, int64_t moment_us);

#endif
