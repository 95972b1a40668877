/* How a comparison's figures are written. Private to the comparison's forms. */
#ifndef LOAD_COMPARE_VALUES_H
#define LOAD_COMPARE_VALUES_H

#include "clients/load/compare.h"
#include "clients/load/report_values.h"

extern const char *const compare_measure_names[LOAD_CHANGE_COUNT];
extern const char *const compare_verdict_names[]; /* by enum load_verdict */

const char *compare_value_text(double value, enum load_change_measure measure,
                               char target[REPORT_TEXT_BYTES_MAX]);
/* "+12.3 %"; "-" where the first run has none. */
const char *compare_relative_text(const struct load_change *change,
                                  enum load_change_measure measure,
                                  char target[REPORT_TEXT_BYTES_MAX]);

/* A sentence for each thing that a reader of the comparison has to know. */
void compare_notes(const struct load_comparison *comparison,
                   void (*tell)(void *context, const char *text), void *context);

#endif
