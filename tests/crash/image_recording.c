#include "image_recording.h"

#include "crash_random.h"
#include "ds/paths.h"
#include "image_folder.h"
#include "image_store.h"
#include "storage/restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS 40
#define STEPS_BEFORE_BACKUP 12
#define BACKUP_BYTES_MAX (16UL * 1024 * 1024)
#define OLD_STORE DS_TESTS_DATA_DIR "/store-v1/data.mdb"
#define OLD_STORE_BYTES_MAX (1024UL * 1024)
#define HALF_MADE_STEPS 3

const char *const recording_kind_names[RECORDING_KIND_COUNT] = {
    [RECORDING_NEW] = "new",
    [RECORDING_RESUMED] = "half made",
    [RECORDING_MIGRATED] = "of format 1",
    [RECORDING_RESTORED] = "restored",
};

/* What has to work here for there to be a test at all. */
static void must(bool is_done, const char *what)
{
    if (!is_done) {
        perror(what);
        abort();
    }
}

static void path_join(char target[IMAGE_PATH_BYTES_MAX], const char *top, const char *name)
{
    must(snprintf(target, IMAGE_PATH_BYTES_MAX, "%s/%s", top, name) < IMAGE_PATH_BYTES_MAX, name);
}

static struct market_store *store_open(const char *folder)
{
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX] = "";
    struct market_store *store = NULL;
    const ds_code code = image_store_open(folder, &store, reason, sizeof(reason));
    if (code != DS_OK) {
        fprintf(stderr, "%s\n", reason);
        abort();
    }
    return store;
}

static void path_sync(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && fsync(fd) == 0, path);
    close(fd);
}

static void old_store_copy(const char *folder)
{
    static uint8_t bytes[OLD_STORE_BYTES_MAX];
    char path[IMAGE_PATH_BYTES_MAX];
    path_join(path, folder, "data.mdb");
    const int from = open(OLD_STORE, O_RDONLY | O_CLOEXEC);
    const ssize_t size = from >= 0 ? read(from, bytes, sizeof(bytes)) : -1;
    must(size > 0 && size < (ssize_t)sizeof(bytes), OLD_STORE);
    close(from);
    const int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(to >= 0 && write(to, bytes, (size_t)size) == size && fsync(to) == 0, path);
    close(to);
}

/* A data folder of format 1, as it lay on a disk for long. */
static void old_data_make(const char *top)
{
    static const char *const below[] = {IMAGE_DATA_DIR "/deltastream.folder", IMAGE_STORE_FOLDER,
                                        IMAGE_DATA_DIR};
    char path[IMAGE_PATH_BYTES_MAX];
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX];
    path_join(path, top, IMAGE_DATA_DIR);
    must(ds_data_dir_prepare(path, reason, sizeof(reason)) == DS_OK, path);
    path_join(path, top, IMAGE_STORE_FOLDER);
    must(mkdir(path, 0700) == 0, path);
    old_store_copy(path);
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        path_join(path, top, below[i]);
        path_sync(path);
    }
    path_sync(top);
}

/* What a kill leaves of a start: the folder's own name is synced before it is marked, its marker
 * before the store's folder is made. */
static void half_made_leave(const char *top, size_t step_count)
{
    char data_dir[IMAGE_PATH_BYTES_MAX];
    char path[IMAGE_PATH_BYTES_MAX];
    path_join(data_dir, top, IMAGE_DATA_DIR);
    must(mkdir(data_dir, 0700) == 0, data_dir);
    if (step_count > 1) {
        path_sync(top);
        path_join(path, data_dir, "deltastream.folder");
        const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        must(fd >= 0, path);
        close(fd);
    }
    if (step_count > 2) {
        path_sync(data_dir);
        path_join(path, top, IMAGE_STORE_FOLDER);
        must(mkdir(path, 0700) == 0, path);
    }
}

static void old_rows_load(struct image_workload *workload)
{
    char top[IMAGE_PATH_BYTES_MAX];
    image_folder_make(top);
    old_store_copy(top);
    struct market_store *store = store_open(top);
    image_workload_load(workload, store);
    store->ops->close(store);
    image_folder_remove(top);
}

static ds_code take_bytes(void *context, struct ds_bytes bytes)
{
    ds_buffer_append(context, bytes.data, bytes.size);
    return DS_OK;
}

/* A backup of a store that had a life of its own, which the model remembers. */
static void backup_make(struct recording *recording)
{
    char top[IMAGE_PATH_BYTES_MAX];
    struct market_backup backup;
    image_folder_make(top);
    struct market_store *store = store_open(top);
    record_start(top, RECORD_TRUTH);
    image_workload_run(&recording->workload, top, &store, STEPS_BEFORE_BACKUP);
    record_log_free(record_stop());
    must(market_backup_write(store, ds_clock_system(), take_bytes, &recording->backup, &backup) ==
             DS_OK,
         "backup");
    store->ops->close(store);
    image_folder_remove(top);
    image_workload_forget(&recording->workload);
}

ds_code recording_restore(const struct recording *recording, const char *data_dir, char *ret_reason)
{
    struct market_backup backup;
    const int fd = memfd_create("backup", MFD_CLOEXEC);
    const ssize_t size = (ssize_t)recording->backup.size;
    must(fd >= 0 && write(fd, recording->backup.data, recording->backup.size) == size &&
             lseek(fd, 0, SEEK_SET) == 0,
         "memfd");
    const struct storage_restore_options options = {.fd = fd, .data_dir = data_dir};
    const ds_code code = storage_restore(&options, &backup, ret_reason);
    close(fd);
    return code;
}

/* The data folder before the first step. */
static void beginning_make(struct recording *recording, const char *top, const char *data_dir)
{
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX] = "";
    if (recording->kind == RECORDING_MIGRATED) {
        old_data_make(top);
    } else if (recording->kind == RECORDING_RESUMED) {
        half_made_leave(top, 1 + random_below(&recording->workload.random, HALF_MADE_STEPS));
    }
    recording->first_cut = record_count();
    if (recording->kind == RECORDING_RESTORED) {
        record_mark(RECORD_BEGIN);
        must(recording_restore(recording, data_dir, reason) == DS_OK, reason);
        record_mark(RECORD_DONE);
    }
    must(ds_data_dir_prepare(data_dir, reason, sizeof(reason)) == DS_OK, reason);
}

void recording_make(struct recording *recording, enum recording_kind kind, uint64_t seed,
                    enum record_lie lie)
{
    char top[IMAGE_PATH_BYTES_MAX];
    char path[IMAGE_PATH_BYTES_MAX];
    *recording = (struct recording){.kind = kind};
    image_workload_init(&recording->workload, seed);
    ds_buffer_init(&recording->backup, BACKUP_BYTES_MAX);
    if (kind == RECORDING_MIGRATED) {
        old_rows_load(&recording->workload);
    } else if (kind == RECORDING_RESTORED) {
        backup_make(recording);
    }
    image_folder_make(top);
    record_start(top, lie);
    path_join(path, top, IMAGE_DATA_DIR);
    beginning_make(recording, top, path);
    path_join(path, top, IMAGE_STORE_FOLDER);
    struct market_store *store = store_open(path);
    image_workload_run(&recording->workload, path, &store, STEPS);
    store->ops->close(store);
    recording->log = record_stop();
    image_folder_remove(top);
}

void recording_free(struct recording *recording)
{
    record_log_free(recording->log);
    image_workload_deinit(&recording->workload);
    ds_buffer_deinit(&recording->backup);
}
