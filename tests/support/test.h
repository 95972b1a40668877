/* cmocka with what it needs in front of it; every test includes it first. cmocka's asserts longjmp,
 * so use setup and teardown instead of the cleanup attribute. */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
