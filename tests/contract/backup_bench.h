/* A small store, a backup of it in memory, and a place to restore it to. */
#ifndef TESTS_CONTRACT_BACKUP_BENCH_H
#define TESTS_CONTRACT_BACKUP_BENCH_H

#include "ds/buffer.h"
#include "storage/restore.h"
#include "store_fixture.h"

#define BACKUP_BYTES_MAX (64UL * 1024 * 1024)
#define PATH_MAX_BYTES 256

struct bench {
    struct fixture *fixture;
    struct ds_buffer bytes;
    struct market_backup backup;
    char top[64];
    char data_dir[96]; /* not there yet */
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX];
};

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

/* A bench in *state, with a backup of the sample store. */
int bench_setup(void **state);
int bench_teardown(void **state);

/* Takes another backup of the store as it is now. */
void bench_take(struct bench *bench);

/* Restores the first `size` bytes; a failure's reason is in bench->reason. */
ds_code bench_restore(struct bench *bench, size_t size);

/* Asserts that they are refused with that code, for that reason, and that nothing is left. */
void assert_refused(struct bench *bench, size_t size, ds_code code, const char *reason);

struct market_store *bench_open_restored(const struct bench *bench);

/* Asserts what verify_text() says. */
void assert_sound(struct market_store *store, const char *expected);

bool is_there(const char *folder, const char *name);

#endif
