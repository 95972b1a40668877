/*
 * Two runs side by side: what has changed by operation, and whether the spread of the seconds
 * explains it. Pure functions of two results.
 *
 * Each measure is taken for every second that lies wholly within the measured part of a run, and
 * the seconds of one run are held against those of the other by the test of Mann and Whitney (1947)
 * with the normal approximation and its correction for ties. Neighbouring seconds resemble each
 * other, which makes them worth less than independent ones: the statistic is scaled by the
 * effective number of seconds n (1 - r) / (1 + r), r being the correlation of neighbours (Bayley
 * and Hammersley, 1946, for a process of first order). A change counts as one where the test is
 * below COMPARE_SIGNIFICANCE and it is at least COMPARE_CHANGE_MIN large.
 *
 * What no two runs can show: how far runs of the same thing differ on another day.
 */
#ifndef LOAD_COMPARE_H
#define LOAD_COMPARE_H

#include "clients/load/report.h"

#define LOAD_COMPARISON_SCHEMA "deltastream-load-comparison/1"

/* Four measures of each operation are tested: one in a hundred would be found by chance often. */
#define LOAD_COMPARE_SIGNIFICANCE 0.001
/* Smaller changes are of no use to anybody. */
#define LOAD_COMPARE_CHANGE_MIN 0.01
/* Fewer seconds of a run say nothing. */
#define LOAD_COMPARE_SECONDS_MIN 8

enum load_change_measure {
    LOAD_CHANGE_RATE,
    LOAD_CHANGE_P50,
    LOAD_CHANGE_P99,
    LOAD_CHANGE_ERRORS,
    LOAD_CHANGE_COUNT,
};

enum load_verdict {
    LOAD_VERDICT_UNJUDGED, /* too few seconds */
    LOAD_VERDICT_SAME,     /* within the spread, or too small to matter */
    LOAD_VERDICT_BETTER,
    LOAD_VERDICT_WORSE,
};

struct load_change {
    double before; /* of the whole measured part: a second, ns, or a share */
    double after;
    double relative;    /* after / before - 1; NAN where before is 0; of errors the difference */
    double probability; /* of a spread at least as large without a change; NAN: not judged */
    enum load_verdict verdict;
};

struct load_comparison_row {
    const char *name; /* of the operation; "*" all together */
    struct load_change changes[LOAD_CHANGE_COUNT];
};

struct load_comparison {
    const struct load_result *before;
    const struct load_result *after;
    struct load_comparison_row *rows; /* all together first, then the operations that both have */
    size_t row_count;
    bool has_worse; /* a verdict of any row */
    bool has_better;
    bool plans_differ; /* pace, stages, flows or warm-up: the runs are not of the same thing */
};

/* Never NULL; the results outlive it. */
struct load_comparison *load_comparison_create(const struct load_result *before,
                                               const struct load_result *after);
void load_comparison_destroy(struct load_comparison *comparison); /* takes NULL */

/* "worse: beyond the spread of the seconds". */
#define LOAD_VERDICT_TEXT_BYTES_MAX 128
const char *load_change_text(const struct load_change *change,
                             char target[LOAD_VERDICT_TEXT_BYTES_MAX]);

/* The whole comparison in a sentence. Static. */
const char *load_comparison_text(const struct load_comparison *comparison);

void load_comparison_summary(const struct load_comparison *comparison,
                             const struct load_report_style *style, FILE *stream);
/* One JSON document and a newline, compare.schema.json. */
void load_comparison_json(const struct load_comparison *comparison, FILE *stream);
void load_comparison_html(const struct load_comparison *comparison, FILE *stream);

/*
 * The two-sided probability of Mann and Whitney's test that two samples of the same distribution
 * lie so far apart, with the correction for neighbours that resemble each other. NAN where either
 * has fewer than LOAD_COMPARE_SECONDS_MIN values.
 */
double load_compare_probability(const double *before, size_t before_count, const double *after,
                                size_t after_count);

#endif
