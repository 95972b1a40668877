/* JSONTestSuite (tests/data/json-test-suite): its files, and what we make of each. */
#ifndef TESTS_SUPPORT_JSON_SUITE_H
#define TESTS_SUPPORT_JSON_SUITE_H

#include "ds/bytes.h"

#include <stdbool.h>
#include <stddef.h>

#define JSON_SUITE_FILE_BYTES_MAX (512 * 1024)

#define JSON_SUITE_TAKEN_COUNT 96    /* 91 of 95 y_ files, 5 of 35 i_ files */
#define JSON_SUITE_REFUSED_COUNT 222 /* 188 n_ files and the others */

/* Whether a file of that name is read as JSON; all others are refused. */
bool json_suite_is_taken(const char *name);

/* Hands each file over, and requires that they are as many as we know of. */
void json_suite_visit(void (*visit)(void *context, const char *name, struct ds_bytes text),
                      void *context);

#endif
