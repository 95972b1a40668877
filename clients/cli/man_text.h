/* Text and literal lines of a manual page in mdoc. */
#ifndef CLI_MAN_TEXT_H
#define CLI_MAN_TEXT_H

#include <stdio.h>

/* Writes running text: broken between words, each sentence on a line of its own, and nothing of it
 * read as a macro. */
void man_text_write(const char *text, FILE *stream);

/* Writes one argument of a macro in quotes. */
void man_argument_write(const char *text, FILE *stream);

/* Writes lines as they are, in a display. */
void man_literal_write(const char *lines, FILE *stream);

#endif
