#include "backup_bench.h"

#include "sample_store.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static ds_code take_bytes(void *context, struct ds_bytes bytes)
{
    ds_buffer_append(context, bytes.data, bytes.size);
    return DS_OK;
}

void bench_take(struct bench *bench)
{
    ds_buffer_clear(&bench->bytes);
    assert_int_equal(market_backup_write(bench->fixture->store, ds_clock_system(), take_bytes,
                                         &bench->bytes, &bench->backup),
                     DS_OK);
    assert_false(bench->bytes.overflow);
}

int bench_setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    fixture_setup((void **)&bench->fixture);
    ds_buffer_init(&bench->bytes, BACKUP_BYTES_MAX);
    folder_make(bench->top, sizeof(bench->top));
    snprintf(bench->data_dir, sizeof(bench->data_dir), "%s/data", bench->top);
    sample_put(bench->fixture->store);
    bench_take(bench);
    *state = bench;
    return 0;
}

static void remove_file(const char *folder, const char *name)
{
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
}

int bench_teardown(void **state)
{
    struct bench *bench = *state;
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof(path), "%s/storage", bench->data_dir);
    folder_remove(path);
    remove_file(bench->data_dir, "deltastream.folder");
    rmdir(bench->data_dir);
    assert_int_equal(rmdir(bench->top), 0);
    fixture_teardown((void **)&bench->fixture);
    ds_buffer_deinit(&bench->bytes);
    free(bench);
    return 0;
}

ds_code bench_restore(struct bench *bench, size_t size)
{
    const int fd = memfd_create("backup", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bench->bytes.data, size), (ssize_t)size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    const struct storage_restore_options options = {.fd = fd, .data_dir = bench->data_dir};
    struct market_backup backup;
    bench->reason[0] = '\0';
    const ds_code code = storage_restore(&options, &backup, bench->reason);
    if (code == DS_OK) {
        assert_int_equal(backup.row_count, bench->backup.row_count);
        assert_string_equal(backup.store_id, bench->backup.store_id);
    }
    close(fd);
    return code;
}

bool is_there(const char *folder, const char *name)
{
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

void assert_refused(struct bench *bench, size_t size, ds_code code, const char *reason)
{
    assert_int_equal(bench_restore(bench, size), code);
    if (strstr(bench->reason, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", bench->reason, reason);
    }
    assert_false(is_there(bench->top, "data"));
}

struct market_store *bench_open_restored(const struct bench *bench)
{
    char path[PATH_MAX_BYTES];
    const struct market_store_options options = {.map_bytes = UINT64_C(1) << 30,
                                                 .free_bytes_min = 1};
    snprintf(path, sizeof(path), "%s/storage", bench->data_dir);
    return engine_under_test.open(path, &options);
}

void assert_sound(struct market_store *store, const char *expected)
{
    char *text = verify_text(store);
    assert_string_equal(text, expected);
    free(text);
}
