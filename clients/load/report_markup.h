/* Texts of others within HTML. Private to the reports. */
#ifndef LOAD_REPORT_MARKUP_H
#define LOAD_REPORT_MARKUP_H

#include <stdio.h>

/* Text within an element or a quoted attribute. What is not UTF-8 becomes U+FFFD. */
void report_html_text(FILE *stream, const char *text);

#endif
