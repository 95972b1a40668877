/*
 * Members of a saved report, which must all be there, as values: what is wrong gives a zero and
 * fills the reason, so that a caller looks at members.has_failed once in a while. Private to the
 * reports.
 */
#ifndef LOAD_REPORT_READER_H
#define LOAD_REPORT_READER_H

#include "clients/load/members.h"
#include "clients/load/report.h"

/* Sums of such numbers fit, and every reader of JSON keeps them exactly. */
#define REPORT_INTEGER_MAX 9007199254740991LL
#define REPORT_NUMBER_MAX 1e18

_Static_assert(LOAD_REPORT_REASON_BYTES_MAX >= MEMBER_REASON_BYTES_MAX, "complaints fit");

struct report_reader {
    struct member_reader members;
    char where[96]; /* what is being read: "operations[2]" */
    char reason[LOAD_REPORT_REASON_BYTES_MAX];
};

void report_reader_init(struct report_reader *reader, struct ds_arena *arena);
void report_reader_at(struct report_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void report_reader_fail(struct report_reader *reader, const char *name, const char *expected);

int64_t report_read_integer(struct report_reader *reader, const json_t *object, const char *name,
                            int64_t maximum); /* from 0 on */
double report_read_number(struct report_reader *reader, const json_t *object, const char *name);
bool report_read_flag(struct report_reader *reader, const json_t *object, const char *name);
/* In the arena; "" on failure. */
const char *report_read_text(struct report_reader *reader, const json_t *object, const char *name);
/* The value of an enum by its word. */
unsigned int report_read_name(struct report_reader *reader, const json_t *object, const char *name,
                              const char *const *names);
/* NULL on failure. */
const json_t *report_read_object(struct report_reader *reader, const json_t *object,
                                 const char *name);
/* An array of objects, at most so many; NULL on failure. */
const json_t *report_read_objects(struct report_reader *reader, const json_t *object,
                                  const char *name, size_t count_max);
#endif
