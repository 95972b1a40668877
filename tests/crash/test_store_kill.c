/*
 * A process that stores rows is killed at random moments. Whatever it had acknowledged must be
 * there afterwards, nothing else may look wrong, and the store must go on. DS_SEED repeats a run,
 * DS_KILLS sets its length.
 */
#include "crash_random.h"
#include "ds/log.h"
#include "storage/store/market_store.h"
#include "support/test.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLS_DEFAULT 20
#define WRITERS 3
#define BATCH_ROWS_MAX 40
#define ACKNOWLEDGEMENTS_MAX 60 /* before a kill */
#define KILL_DELAY_US_MAX 4000  /* about one commit */
#define VALUE_BYTES_MAX 64
#define SILENCE_MS_MAX 30000

/* What the child writes into the pipe for each acknowledged batch; less than PIPE_BUF. */
struct acknowledgement {
    uint32_t writer;
    int64_t newest; /* timestamp of the batch's last row */
};

struct writer {
    struct market_store *store;
    uint32_t number;
    int64_t next;
    uint64_t random;
    int pipe_fd;
};

static void series_name(uint32_t writer, char target[16])
{
    snprintf(target, 16, "WRITER%" PRIu32, writer);
}

/* The value of a row says what it must be, and where its batch ends. */
static int value_write(char target[VALUE_BYTES_MAX], uint32_t writer, int64_t timestamp,
                       int64_t batch_end)
{
    return snprintf(target, VALUE_BYTES_MAX, "%" PRIu32 " %" PRId64 " %" PRId64, writer, timestamp,
                    batch_end);
}

static ds_code store_open(const char *folder, struct market_store **ret_store)
{
    const struct market_store_options options = {.map_bytes = 1 << 30, .free_bytes_min = 1};
    char reason[256];
    const ds_code code = market_lmdb_open(folder, &options, ret_store, reason, sizeof(reason));
    if (code != DS_OK) {
        fprintf(stderr, "%s\n", reason);
    }
    return code;
}

struct sight {
    uint32_t writer;
    int64_t count;
    int64_t batch_end; /* of the newest row seen */
    bool is_wrong;
};

static void see_row(void *context, const struct market_row *row)
{
    struct sight *sight = context;
    char value[VALUE_BYTES_MAX];
    char stored[VALUE_BYTES_MAX];
    snprintf(stored, sizeof(stored), "%.*s", (int)row->value.size, (const char *)row->value.data);
    sight->is_wrong |= sscanf(stored, "%*u %*d %" SCNd64, &sight->batch_end) != 1;
    value_write(value, sight->writer, sight->count, sight->batch_end);
    sight->is_wrong |= row->timestamp_us != sight->count || strcmp(stored, value) != 0;
    sight->count++;
}

/* Reads all of a writer's rows: 0, 1, 2 … without a gap. */
static struct sight look(struct market_store *store, uint32_t writer)
{
    char name[16];
    series_name(writer, name);
    const struct market_scan scan = {
        .kind = MARKET_TICKS,
        .series = ds_bytes_of_text(name),
        .start_us = INT64_MIN,
        .end_us = INT64_MAX,
        .ascending = true,
        .row_max = SIZE_MAX,
        .bytes_max = SIZE_MAX,
    };
    struct sight sight = {.writer = writer, .batch_end = -1};
    bool more = true;
    const ds_code code = store->ops->scan(store, &scan, see_row, &sight, &more);
    sight.is_wrong |= code != DS_OK || more;
    return sight;
}

static bool write_batch(struct writer *writer)
{
    struct market_row rows[BATCH_ROWS_MAX];
    enum market_outcome outcomes[BATCH_ROWS_MAX];
    char values[BATCH_ROWS_MAX][VALUE_BYTES_MAX];
    char name[16];
    series_name(writer->number, name);
    const size_t row_count = 1 + (size_t)random_below(&writer->random, BATCH_ROWS_MAX);
    const int64_t end = writer->next + (int64_t)row_count - 1;
    for (size_t i = 0; i < row_count; i++) {
        const int64_t timestamp = writer->next + (int64_t)i;
        const int size = value_write(values[i], writer->number, timestamp, end);
        rows[i] = (struct market_row){
            .series = ds_bytes_of_text(name),
            .timestamp_us = timestamp,
            .value = ds_bytes_of(values[i], (size_t)size),
        };
    }
    struct market_batch batch = {
        .kind = MARKET_TICKS, .rows = rows, .row_count = row_count, .outcomes = outcomes};
    if (market_put_wait(writer->store, &batch) != DS_OK || outcomes[0] != MARKET_ACCEPTED) {
        return false;
    }
    writer->next = end + 1;
    const struct acknowledgement acknowledgement = {.writer = writer->number, .newest = end};
    return write(writer->pipe_fd, &acknowledgement, sizeof(acknowledgement)) ==
           (ssize_t)sizeof(acknowledgement);
}

static void *write_until_killed(void *argument)
{
    while (write_batch(argument)) {
    }
    /* Something failed that must not: the parent sees the pipe end too early. */
    _exit(EXIT_FAILURE);
}

static void child_run(const char *folder, int pipe_fd, uint64_t seed)
{
    struct writer writers[WRITERS];
    struct market_store *store;
    if (store_open(folder, &store) != DS_OK) {
        _exit(EXIT_FAILURE);
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){
            .store = store,
            .number = i,
            .next = look(store, i).count,
            .random = seed + i + 1,
            .pipe_fd = pipe_fd,
        };
        pthread_t thread;
        if (pthread_create(&thread, NULL, write_until_killed, &writers[i]) != 0) {
            _exit(EXIT_FAILURE);
        }
    }
    for (;;) {
        pause();
    }
}

/* What the parent knows over all rounds. */
struct ledger {
    char folder[64];
    uint64_t random;
    int64_t acknowledged[WRITERS]; /* the newest timestamp of each; -1 before the first */
    uint64_t batches;
};

/* Takes one acknowledgement; false at the pipe's end. */
static bool ledger_read(struct ledger *ledger, int pipe_fd)
{
    struct acknowledgement acknowledgement;
    struct pollfd wait = {.fd = pipe_fd, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, SILENCE_MS_MAX), 1);
    const ssize_t size = read(pipe_fd, &acknowledgement, sizeof(acknowledgement));
    if (size == 0) {
        return false;
    }
    assert_int_equal(size, (ssize_t)sizeof(acknowledgement));
    assert_true(acknowledgement.writer < WRITERS);
    assert_true(acknowledgement.newest > ledger->acknowledged[acknowledgement.writer]);
    ledger->acknowledged[acknowledgement.writer] = acknowledgement.newest;
    ledger->batches++;
    return true;
}

/* Waits for a random number of acknowledgements and then for a random part of a commit. */
static void await_random_moment(struct ledger *ledger, int pipe_fd)
{
    const uint64_t batches = 1 + random_below(&ledger->random, ACKNOWLEDGEMENTS_MAX);
    for (uint64_t i = 0; i < batches; i++) {
        if (!ledger_read(ledger, pipe_fd)) {
            fail_msg("the child ended by itself");
        }
    }
    const long delay_us = (long)random_below(&ledger->random, KILL_DELAY_US_MAX);
    const struct timespec delay = {.tv_nsec = delay_us * 1000};
    nanosleep(&delay, NULL);
}

static void ledger_check(const struct ledger *ledger, uint64_t round)
{
    struct market_store *store;
    assert_int_equal(store_open(ledger->folder, &store), DS_OK);
    for (uint32_t i = 0; i < WRITERS; i++) {
        const struct sight sight = look(store, i);
        const int64_t newest = sight.count - 1;
        const int64_t lost =
            ledger->acknowledged[i] > newest ? ledger->acknowledged[i] - newest : 0;
        if (sight.is_wrong || lost > 0) {
            fail_msg("kill %" PRIu64 ", writer %u: %" PRId64 " rows lost of %" PRId64 ", %s", round,
                     i, lost, ledger->acknowledged[i] + 1,
                     sight.is_wrong ? "wrong rows" : "no wrong row");
        }
        /* A batch is there as a whole or not at all. */
        assert_int_equal(sight.batch_end, newest);
    }
    store->ops->close(store);
}

static void round_run(struct ledger *ledger, uint64_t round)
{
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    const uint64_t child_seed = random_next(&ledger->random);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipe_fds[0]);
        child_run(ledger->folder, pipe_fds[1], child_seed);
    }
    close(pipe_fds[1]);
    await_random_moment(ledger, pipe_fds[0]);
    assert_int_equal(kill(child, SIGKILL), 0);
    /* What it still said before it died counts. */
    while (ledger_read(ledger, pipe_fds[0])) {
    }
    close(pipe_fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    ledger_check(ledger, round);
}

static int ledger_setup(void **state)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    assert_non_null(ledger);
    snprintf(ledger->folder, sizeof(ledger->folder), "/tmp/ds-crash-XXXXXX");
    assert_non_null(mkdtemp(ledger->folder));
    for (size_t i = 0; i < WRITERS; i++) {
        ledger->acknowledged[i] = -1;
    }
    *state = ledger;
    return 0;
}

static int ledger_teardown(void **state)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "deltastream.lock"};
    struct ledger *ledger = *state;
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", ledger->folder, names[i]);
        unlink(path);
    }
    rmdir(ledger->folder);
    free(ledger);
    return 0;
}

static void no_acknowledged_row_is_lost_by_a_kill(void **state)
{
    struct ledger *ledger = *state;
    const uint64_t seed = seed_of_environment();
    const uint64_t kills = number_of_environment("DS_KILLS", KILLS_DEFAULT);
    ledger->random = seed;
    printf("DS_SEED=%" PRIu64 " DS_KILLS=%" PRIu64 "\n", seed, kills);
    fflush(stdout);
    for (uint64_t round = 1; round <= kills; round++) {
        round_run(ledger, round);
    }
    int64_t rows = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        rows += ledger->acknowledged[i] + 1;
    }
    printf("%" PRIu64 " kills, %" PRIu64 " acknowledged batches, %" PRId64
           " acknowledged rows, 0 lost\n",
           kills, ledger->batches, rows);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_acknowledged_row_is_lost_by_a_kill, ledger_setup,
                                        ledger_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
