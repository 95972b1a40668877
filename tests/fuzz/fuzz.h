/*
 * What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput(). Built with
 * clang and DS_FUZZ it is a libFuzzer program; everywhere it is also linked with replay_main.c, so
 * that the files of its corpus run as a plain test.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "ds/json.h"
#include "support/schema_fixture.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_BYTES_MAX (4 * 1024 * 1024)

/* Ends the program where a property does not hold; unlike assert() also in release builds. */
void fuzz_require(bool holds, const char *property);

/* The message that the first character of an input names; '0' is the first one. */
const struct ds_message *fuzz_message(uint8_t selector);

/* Requires that wire which passed the check is written as JSON that reads back to the same JSON;
 * values that have no JSON form (a time out of range) are allowed to be refused. */
void fuzz_check_json_of(const struct ds_message *message, struct ds_bytes wire);

/* The wire check and, of what passes it, JSON and protobuf-c: within its budget of memory, and what
 * was unpacked is packed to what unpacks to the same. */
void fuzz_check_unpacked(const struct ds_message *message, struct ds_bytes wire);

#endif
