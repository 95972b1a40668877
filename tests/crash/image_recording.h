/* What is recorded before it is cut: the life of a data folder, of one of three beginnings. */
#ifndef TESTS_CRASH_IMAGE_RECORDING_H
#define TESTS_CRASH_IMAGE_RECORDING_H

#include "ds/buffer.h"
#include "image_workload.h"
#include "record_calls.h"

/* In the folder that is recorded. */
#define IMAGE_DATA_DIR "data"
#define IMAGE_STORE_FOLDER IMAGE_DATA_DIR "/storage"

enum recording_kind {
    RECORDING_NEW,      /* the folder is made */
    RECORDING_RESUMED,  /* it is there: who made it was killed before anything was synced */
    RECORDING_MIGRATED, /* it holds a store of format 1, all of it durable */
    RECORDING_RESTORED, /* it is made by restoring a backup: the first change */
    RECORDING_KIND_COUNT,
};

extern const char *const recording_kind_names[RECORDING_KIND_COUNT];

struct recording {
    enum recording_kind kind;
    struct record_log *log;
    size_t first_cut; /* event; what comes before is not the product's */
    struct image_workload workload;
    struct ds_buffer backup; /* RECORDING_RESTORED */
};

/* Records; the calls' syncs tell `lie`. */
void recording_make(struct recording *recording, enum recording_kind kind, uint64_t seed,
                    enum record_lie lie);
void recording_free(struct recording *recording);

/* Restores the recording's backup. */
ds_code recording_restore(const struct recording *recording, const char *data_dir,
                          char *ret_reason);

#endif
