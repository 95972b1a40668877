#include "disk_image.h"

#include "crash_random.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 64
#define PATH_BYTES_MAX 512
#define FOLDER_MODE 0700
#define FILE_MODE 0600
/* Written through a map, at any time and in any state. */
#define MAPPED_FILE "lock.mdb"

const char *const disk_luck_names[DISK_LUCK_COUNT] = {
    [DISK_KEEPS_NOTHING] = "nothing",
    [DISK_KEEPS_EVERYTHING] = "everything",
    [DISK_KEEPS_A_BEGINNING] = "a beginning",
    [DISK_KEEPS_SOME] = "some",
};

/* A file's bytes, and what was done to it (or to the names in it) since its last sync. */
struct disk_file {
    uint8_t *bytes;
    uint64_t size;
    uint64_t capacity;
    size_t *pending; /* events */
    size_t pending_count;
    size_t pending_capacity;
};

struct disk_entry {
    uint32_t folder;
    uint32_t file;
    char name[RECORD_NAME_BYTES_MAX];
};

struct disk {
    const struct disk_cut *cut;
    uint64_t random;
    size_t beginning; /* DISK_KEEPS_A_BEGINNING: what came before this event is there */
    struct disk_file files[RECORD_FILES_MAX];
    struct disk_entry entries[ENTRIES_MAX];
    size_t entry_count;
};

/* Bytes behind the size are zeros, as a file's are that gets longer. */
static void file_resize(struct disk_file *file, uint64_t size)
{
    if (size > file->capacity) {
        file->bytes = realloc(file->bytes, size * 2);
        if (file->bytes == NULL) {
            abort();
        }
        memset(file->bytes + file->capacity, 0, size * 2 - file->capacity);
        file->capacity = size * 2;
    }
    if (size < file->size) {
        memset(file->bytes + size, 0, file->size - size);
    }
    file->size = size;
}

static void bytes_apply(struct disk_file *file, const struct record_event *event, uint64_t from,
                        uint64_t size)
{
    if (event->offset + from + size > file->size) {
        file_resize(file, event->offset + from + size);
    }
    memcpy(file->bytes + event->offset + from, event->bytes + from, size);
}

/* Of a torn write the first sectors are there, or any. */
static void torn_apply(struct disk *disk, struct disk_file *file, const struct record_event *event)
{
    const uint64_t sectors = (event->size + RECORD_SECTOR_BYTES - 1) / RECORD_SECTOR_BYTES;
    const bool is_prefix = random_below(&disk->random, 2) == 0;
    const uint64_t first_count = random_below(&disk->random, sectors + 1);
    for (uint64_t i = 0; i < sectors; i++) {
        const uint64_t from = i * RECORD_SECTOR_BYTES;
        const uint64_t rest = event->size - from;
        if (is_prefix ? i < first_count : random_below(&disk->random, 2) == 0) {
            bytes_apply(file, event, from, rest < RECORD_SECTOR_BYTES ? rest : RECORD_SECTOR_BYTES);
        }
    }
    /* The size may be the new one although the bytes are not there. */
    if (event->end > file->size && random_below(&disk->random, 2) == 0) {
        file_resize(file, event->end);
    }
}

static size_t entry_find(const struct disk *disk, uint32_t folder, const char *name)
{
    size_t i = 0;
    while (i < disk->entry_count &&
           (disk->entries[i].folder != folder || strcmp(disk->entries[i].name, name) != 0)) {
        i++;
    }
    return i;
}

static void entry_remove(struct disk *disk, uint32_t folder, const char *name)
{
    const size_t i = entry_find(disk, folder, name);
    if (i < disk->entry_count) {
        disk->entries[i] = disk->entries[--disk->entry_count];
    }
}

static void entry_set(struct disk *disk, uint32_t folder, const char *name, uint32_t file)
{
    entry_remove(disk, folder, name);
    assert(disk->entry_count < ENTRIES_MAX);
    struct disk_entry *entry = &disk->entries[disk->entry_count++];
    *entry = (struct disk_entry){.folder = folder, .file = file};
    snprintf(entry->name, sizeof(entry->name), "%s", name);
}

/* A rename shows as a whole: no file system splits it. */
static void entry_rename(struct disk *disk, const struct record_event *event)
{
    const size_t i = entry_find(disk, event->file, event->name);
    if (i < disk->entry_count) {
        const uint32_t file = disk->entries[i].file;
        entry_remove(disk, event->file, event->name);
        entry_set(disk, event->target, event->new_name, file);
    }
}

static void event_apply(struct disk *disk, const struct record_event *event)
{
    struct disk_file *file = &disk->files[event->file];
    switch (event->kind) {
    case RECORD_WRITE:
        bytes_apply(file, event, 0, event->size);
        break;
    case RECORD_TRUNCATE:
        file_resize(file, event->size);
        break;
    case RECORD_LINK:
        entry_set(disk, event->file, event->name, event->target);
        break;
    case RECORD_UNLINK:
        entry_remove(disk, event->file, event->name);
        break;
    case RECORD_RENAME:
        entry_rename(disk, event);
        break;
    case RECORD_SYNC:
    case RECORD_BEGIN:
    case RECORD_DONE:
        break;
    }
}

static void pending_add(struct disk_file *file, size_t event)
{
    if (file->pending_count == file->pending_capacity) {
        file->pending_capacity = file->pending_capacity * 2 + 64;
        file->pending = realloc(file->pending, file->pending_capacity * sizeof(*file->pending));
        if (file->pending == NULL) {
            abort();
        }
    }
    file->pending[file->pending_count++] = event;
}

static void file_sync(struct disk *disk, struct disk_file *file)
{
    for (size_t i = 0; i < file->pending_count; i++) {
        event_apply(disk, &disk->cut->log->events[file->pending[i]]);
    }
    file->pending_count = 0;
}

/* What the program did before the cut, and the call that it came into. */
static void log_replay(struct disk *disk)
{
    const struct record_log *log = disk->cut->log;
    for (size_t i = 0; i < log->count && i <= disk->cut->at; i++) {
        const struct record_event *event = &log->events[i];
        if (event->kind == RECORD_BEGIN || event->kind == RECORD_DONE) {
            continue;
        }
        if (event->kind != RECORD_SYNC) {
            pending_add(&disk->files[event->file], i);
        } else if (i < disk->cut->at) {
            file_sync(disk, &disk->files[event->file]);
        }
    }
}

enum fate { FATE_LOST, FATE_TORN, FATE_WHOLE };

/* What has become of a call that no sync followed; *was_torn: whether one of its file was. */
static enum fate fate_choose(struct disk *disk, size_t index, bool *was_torn)
{
    switch (disk->cut->luck) {
    case DISK_KEEPS_EVERYTHING:
        return index < disk->cut->at ? FATE_WHOLE : FATE_LOST;
    case DISK_KEEPS_A_BEGINNING: {
        const bool is_last = index >= disk->beginning && !*was_torn;
        *was_torn |= is_last;
        return index < disk->beginning ? FATE_WHOLE : is_last ? FATE_TORN : FATE_LOST;
    }
    case DISK_KEEPS_SOME:
        return (enum fate)random_below(&disk->random, FATE_WHOLE + 1);
    case DISK_KEEPS_NOTHING:
    case DISK_LUCK_COUNT:
        break;
    }
    return FATE_LOST;
}

static void file_settle(struct disk *disk, struct disk_file *file)
{
    bool was_torn = false;
    for (size_t i = 0; i < file->pending_count; i++) {
        const size_t index = file->pending[i];
        const struct record_event *event = &disk->cut->log->events[index];
        enum fate fate = fate_choose(disk, index, &was_torn);
        if (event->is_synced && index < disk->cut->at) {
            fate = FATE_WHOLE;
        }
        if (fate == FATE_TORN && event->kind == RECORD_WRITE) {
            torn_apply(disk, file, event);
        } else if (fate != FATE_LOST) {
            event_apply(disk, event);
        }
    }
}

static void file_write(struct disk *disk, const struct disk_entry *entry, const char *path)
{
    struct disk_file *file = &disk->files[entry->file];
    if (strcmp(entry->name, MAPPED_FILE) == 0 && disk->cut->luck == DISK_KEEPS_SOME) {
        for (uint64_t i = 0; i < file->size; i++) {
            file->bytes[i] = (uint8_t)random_below(&disk->random, 256);
        }
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0 || (file->size > 0 && write(fd, file->bytes, file->size) != (ssize_t)file->size)) {
        perror(path);
        abort();
    }
    close(fd);
}

static void folder_write(struct disk *disk, uint32_t folder, const char *path)
{
    char below[PATH_BYTES_MAX];
    for (size_t i = 0; i < disk->entry_count; i++) {
        const struct disk_entry *entry = &disk->entries[i];
        if (entry->folder != folder) {
            continue;
        }
        const int size = snprintf(below, sizeof(below), "%s/%s", path, entry->name);
        assert(size < (int)sizeof(below));
        (void)size;
        if (!disk->cut->log->is_folder[entry->file]) {
            file_write(disk, entry, below);
        } else if (mkdir(below, FOLDER_MODE) == 0) {
            folder_write(disk, entry->file, below);
        } else {
            perror(below);
            abort();
        }
    }
}

void disk_image_write(const struct disk_cut *cut, const char *target)
{
    struct disk *disk = calloc(1, sizeof(*disk));
    if (disk == NULL) {
        abort();
    }
    disk->cut = cut;
    disk->random = cut->seed;
    disk->beginning = (size_t)random_below(&disk->random, cut->at + 1);
    log_replay(disk);
    for (uint32_t i = 0; i < cut->log->file_count; i++) {
        file_settle(disk, &disk->files[i]);
    }
    folder_write(disk, RECORD_TOP, target);
    for (uint32_t i = 0; i < cut->log->file_count; i++) {
        free(disk->files[i].bytes);
        free(disk->files[i].pending);
    }
    free(disk);
}
