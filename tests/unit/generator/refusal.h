/*
 * For tests of what ds-proto-compiler refuses. Each case is a small .proto that goes through protoc
 * and the compiler, which must fail, write nothing, and say where (the file, `place`) and what
 * would do (`advice`). The types of the cases are in refusal.c.
 */
#ifndef TESTS_GENERATOR_REFUSAL_H
#define TESTS_GENERATOR_REFUSAL_H

#include "support/test.h"

#define OUTPUT_BYTES_MAX 32768

struct workshop {
    char folder[64];
    char output[OUTPUT_BYTES_MAX]; /* what protoc and the compiler said last */
};

/* A case's setup and teardown: its state is a workshop with a folder of its own. */
int workshop_open(void **state);
int workshop_close(void **state);
#define REFUSAL(name) cmocka_unit_test_setup_teardown(name, workshop_open, workshop_close)

/* A (deltastream.method) option without fault. */
extern const char refusal_rules[];

/* Runs a shell command in the workshop's folder; returns its exit code. */
int run(struct workshop *workshop, const char *command);

void assert_said(const struct workshop *workshop, const char *expected);

void file_is_refused(void **state, const char *text, const char *place, const char *advice);

/* The file compiles. */
void file_is_accepted(void **state, const char *text);

/* A file with one service, Sample, that has these methods. */
void methods_are_refused(void **state, const char *methods, const char *place, const char *advice);

/* One method, Get, with those options and no others. */
void rules_are_refused(void **state, const char *method_rules, const char *advice);

/* One method, Get, with faultless rules and those options for its routes. */
void routes_are_refused(void **state, const char *options, const char *route, const char *advice);

/* The same with a google.api.http rule that gets `path`. */
void path_is_refused(void **state, const char *path, const char *advice);

/* One method with faultless rules and those options compiles. */
void assert_accepted(void **state, const char *options);

#endif
