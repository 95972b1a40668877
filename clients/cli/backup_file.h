/*
 * The file that a backup is written to: FILE.partial until it is whole and on disk, then FILE. Or
 * standard output.
 */
#ifndef CLI_BACKUP_FILE_H
#define CLI_BACKUP_FILE_H

#include "ds/bytes.h"

#define BACKUP_PATH_BYTES_MAX 4096

struct backup_file {
    int fd;
    bool is_stdout;
    bool is_kept;
    bool force;
    const char *path;
    char partial[BACKUP_PATH_BYTES_MAX];
};

/* All return an exit code, and tell on stderr where it is not DS_EXIT_OK. */

/* `path` outlives the file; "-" is standard output, unless that is a terminal. A file that is there
 * is refused unless `force` is set. */
int backup_file_open(struct backup_file *file, const char *path, bool force);

int backup_file_write(struct backup_file *file, struct ds_bytes bytes);

/* Puts the whole file in its place. */
int backup_file_keep(struct backup_file *file);

/* Takes away what was not kept. */
void backup_file_close(struct backup_file *file);

#endif
