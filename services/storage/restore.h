/* Restoring a backup, with no service running: for the command line. */
#ifndef STORAGE_RESTORE_H
#define STORAGE_RESTORE_H

#include "storage/store/backup.h"

/* Of a reason for a person. */
#define STORAGE_RESTORE_REASON_BYTES_MAX 512

struct storage_restore_options {
    int fd;               /* where the backup is read, to its end */
    const char *data_dir; /* absolute; a new folder, or one that holds no market data */
    /* Told how many bytes of the image are written; NULL: nobody. */
    void (*progress)(void *context, uint64_t bytes);
    void *context;
};

/*
 * Puts the backup's store into the data folder. It is written beside its place, checked (its hash,
 * its counts, every row and index) and then put there in one step; on a failure nothing is left
 * behind. The reason for a person goes to ret_reason. DS_DATA_LOSS where the backup is damaged or
 * none, DS_FAILED_PRECONDITION where the folder holds a store or somebody restores there, or the
 * backup is of a newer version; DS_RESOURCE_EXHAUSTED where the disk is full. Blocks until all of
 * it is done.
 *
 * The hash shows damage, not who made the backup: restore only what comes from someone you trust.
 */
DS_MUST_USE ds_code storage_restore(const struct storage_restore_options *options,
                                    struct market_backup *ret_backup,
                                    char ret_reason[STORAGE_RESTORE_REASON_BYTES_MAX]);

#endif
