/* What the tests of the JSON and wire codecs do again and again; they fail the test by themselves.
 */
#ifndef TESTS_SUPPORT_CODEC_HELPER_H
#define TESTS_SUPPORT_CODEC_HELPER_H

#include "ds/json.h"
#include "ds/wire.h"
#include "support/schema_fixture.h"
#include "support/test.h"

#define CODEC_BYTES_MAX (1024 * 1024)

/* Reads `json` into `wire` (cleared first) and requires that it works and passes the wire check. */
void codec_read(const struct ds_message *message, const char *json, struct ds_buffer *wire);

/* Requires that `json` reads and is written again as `expected`, with the names of the .proto and
 * 64-bit integers as numbers. */
void codec_round_trip(const struct ds_message *message, const char *json, const char *expected);

/* Requires that `json` is refused at that pointer with a message that contains `words`. */
void codec_refused(const struct ds_message *message, const char *json, const char *pointer,
                   const char *words);

/* Requires that `wire` is written as `expected`. */
void codec_written(const struct ds_message *message, struct ds_bytes wire,
                   const struct ds_json_style *style, const char *expected);

/* The bytes that "0a 03" and so on stand for, in a static place that the next call overwrites. */
struct ds_bytes codec_hex(const char *hexadecimal);

/* Requires that `bytes` are those. */
void codec_assert_bytes(struct ds_bytes bytes, const char *hexadecimal);

#endif
