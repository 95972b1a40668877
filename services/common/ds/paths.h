/* Where things are: the data folder and what lies in it. */
#ifndef DS_PATHS_H
#define DS_PATHS_H

#include "ds/arena.h"
#include "ds/code.h"

/* What a Unix socket's address can hold, without its terminator. */
#define DS_SOCKET_PATH_BYTES_MAX 107

/* $XDG_DATA_HOME/deltastream or ~/.local/share/deltastream; /var/lib/deltastream for root and
 * where there is no home. */
const char *ds_default_data_dir(struct ds_arena *arena);

/* `path` from the root on, so that it means the same in another folder. */
const char *ds_absolute_path(struct ds_arena *arena, const char *path);

/* "ipc://DATA/run/storage.sock": where the storage service of that data folder listens. */
const char *ds_storage_url(struct ds_arena *arena, const char *data_dir);

/* "ipc://DATA/run/storage-events.sock": where it publishes its events. */
const char *ds_storage_events_url(struct ds_arena *arena, const char *data_dir);

/* "DATA/storage": the embedded store's folder. */
const char *ds_storage_folder(struct ds_arena *arena, const char *data_dir);

/*
 * Makes the folder (0700, its parents 0755) where it is missing and marks it as ours.
 * DS_FAILED_PRECONDITION where it holds something else, DS_PERMISSION_DENIED where it can't be
 * read or written; the reason for a person goes to ret_reason.
 */
DS_MUST_USE ds_code ds_data_dir_prepare(const char *data_dir, char *ret_reason,
                                        size_t reason_bytes_max);

#endif
