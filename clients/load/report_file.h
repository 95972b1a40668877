/* A file that appears whole or not at all. Private to the reports. */
#ifndef LOAD_REPORT_FILE_H
#define LOAD_REPORT_FILE_H

#include "clients/load/report.h"

/* Writes what `write` puts into the stream; "-" is standard output. A path that is no plain file (a
 * pipe, /dev/null) is written as it is. ret_reason names the path and says why. */
DS_MUST_USE ds_code report_file_write(const char *path,
                                      void (*write)(const void *context, FILE *stream),
                                      const void *context,
                                      char ret_reason[LOAD_REPORT_REASON_BYTES_MAX]);

#endif
