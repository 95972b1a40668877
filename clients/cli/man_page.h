/* Manual pages (mdoc) written from the command table. */
#ifndef CLI_MAN_PAGE_H
#define CLI_MAN_PAGE_H

#include "clients/cli/command.h"

#define MAN_NAME_BYTES_MAX 96

/* "deltastream-ticks-list"; "deltastream" where `command` is NULL: the page of them all. */
void man_page_name(const struct cli_command *command, char ret_name[MAN_NAME_BYTES_MAX]);

/* Writes a page; `date` is mdoc's: "January 25, 2025". */
void man_page_write(const struct cli_command *command, const char *date, FILE *stream);

#endif
