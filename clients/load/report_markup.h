/* Texts of others within JSON and HTML. Private to the reports. */
#ifndef LOAD_REPORT_MARKUP_H
#define LOAD_REPORT_MARKUP_H

#include <stdio.h>

/* A JSON string with its quotes. What is not UTF-8 becomes U+FFFD. */
void report_json_string(FILE *stream, const char *text);

/* Text within an element or a quoted attribute. The same holds. */
void report_html_text(FILE *stream, const char *text);

#endif
