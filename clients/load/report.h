/*
 * What a run is told as: functions over a result and nothing else, so that a saved run is told like
 * one that has just ended. Writers leave a failure in the stream (ferror). Any thread.
 */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "clients/load/result.h"
#include "ds/bytes.h"
#include "ds/code.h"

#include <stdbool.h>
#include <stdio.h>

#define LOAD_REPORT_SCHEMA "deltastream-load/1"
#define LOAD_REPORT_REASON_BYTES_MAX 512
/* A run of 256 operations whose times are spread as widely as can be has a report of 40 MiB. */
#define LOAD_REPORT_BYTES_MAX (64 * 1024 * 1024)

/* One JSON document and a newline; report.schema.json says what is in it. It has everything that
 * the other forms are made of. */
void load_report_json(const struct load_result *result, FILE *stream);

/* The seconds of the run, a line each, with a header: what a spreadsheet reads. */
void load_report_csv(const struct load_result *result, FILE *stream);

/* HdrHistogram's percentile text of the ok calls' latency, in ms. */
void load_report_hgrm(const struct load_operation_result *operation, FILE *stream);

/* One page that needs no network and no script. */
void load_report_html(const struct load_result *result, FILE *stream);

struct load_report_style {
    size_t width; /* of a line in characters; 0: any */
    bool is_bold;
};

/* What a person reads at the end of a run: a table by operation, errors by code, servers,
 * objectives, and what to mistrust. */
void load_report_summary(const struct load_result *result, const struct load_report_style *style,
                         FILE *stream);

/* The same for the stream's terminal: its width, bold text unless NO_COLOR says no. */
struct load_report_style load_report_style_of(FILE *stream);

/* The operation of that name, NULL where there is none; "*" and NULL are all together. */
const struct load_operation_result *load_report_operation(const struct load_result *result,
                                                          const char *name);

/* Files to write a run into; NULL: not that one. "-" is standard output. */
struct load_report_files {
    const char *json;
    const char *csv;
    const char *hgrm;
    const char *html;
    const char *operation; /* whose percentiles `hgrm` gets; NULL or "*": all together */
};

/* Writes the files; one that can't be written whole is not left behind. DS_NOT_FOUND: there is no
 * such operation. ret_reason names the file and says why. */
DS_MUST_USE ds_code load_report_files_write(const struct load_report_files *files,
                                            const struct load_result *result,
                                            char ret_reason[LOAD_REPORT_REASON_BYTES_MAX]);

/* A run read back from its JSON. The result and all it points to are the saved run's. */
struct load_saved;

/* DS_INVALID_ARGUMENT: ret_reason says what is wrong and where. */
DS_MUST_USE ds_code load_saved_read(struct ds_bytes json, struct load_saved **ret_saved,
                                    char ret_reason[LOAD_REPORT_REASON_BYTES_MAX]);

/* The same of a file, at most LOAD_REPORT_BYTES_MAX long; ret_reason names it. DS_NOT_FOUND,
 * DS_RESOURCE_EXHAUSTED and others where it can't be read. */
DS_MUST_USE ds_code load_saved_open(const char *path, struct load_saved **ret_saved,
                                    char ret_reason[LOAD_REPORT_REASON_BYTES_MAX]);

void load_saved_close(struct load_saved *saved); /* takes NULL */
const struct load_result *load_saved_result(const struct load_saved *saved);

#endif
