/* The tables of a run's HTML page, each with its heading; nothing where there is nothing to show.
 * Private to the reports. */
#ifndef LOAD_REPORT_HTML_TABLES_H
#define LOAD_REPORT_HTML_TABLES_H

#include "clients/load/result.h"

#include <stdio.h>

void report_html_objectives(const struct load_result *result, FILE *stream);
void report_html_operations(const struct load_result *result, FILE *stream);
void report_html_codes(const struct load_result *result, FILE *stream);
void report_html_servers(const struct load_result *result, FILE *stream);
void report_html_plan(const struct load_result *result, FILE *stream);

#endif
