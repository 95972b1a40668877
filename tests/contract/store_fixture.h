/*
 * What the tests of the market store stand on: a store of the engine that the program is linked
 * with, and rows written as text, "TIMESTAMP:TIE=VALUE" with blanks between them.
 */
#ifndef TESTS_CONTRACT_STORE_FIXTURE_H
#define TESTS_CONTRACT_STORE_FIXTURE_H

#include "storage/store/market_store.h"

#include <pthread.h>
#include <stdio.h>

#define FIXTURE_TEXT_MAX (64 * 1024)

/* One engine; each contract program is linked with exactly one. */
struct engine {
    const char *name;
    bool keeps_rows; /* over close and open */
    struct market_store *(*open)(const char *folder, const struct market_store_options *options);
};

extern const struct engine engine_under_test;

struct fixture {
    struct market_store *store;
    char folder[64];
    /* What the sink was told, as "topic=body" with blanks between them. */
    pthread_mutex_t lock;
    char *events;
    size_t events_bytes;
    size_t event_count;
};

/* A test of an empty store. */
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

/* An empty store in *state. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Closes the store and opens it again on the same folder; both take a store that is closed. */
void fixture_close(struct fixture *fixture);
void fixture_reopen(struct fixture *fixture);

/* A new folder under the build's temporary folder; remove it with folder_remove(). */
void folder_make(char *ret_folder, size_t folder_bytes_max);
void folder_remove(const char *folder);

/*
 * Puts rows of one series and returns their outcomes: "A" accepted, "L" late, "D" duplicate, "C"
 * conflict; or the name of the code where it is not DS_OK. The text lives until the next call.
 */
const char *put_text(struct market_store *store, const char *series, const char *rows,
                     enum market_conflict conflict);

/* The same of any kind; `group` NULL where the kind has none. */
const char *put_series(struct market_store *store, enum market_kind kind, const char *group,
                       const char *series, const char *rows, enum market_conflict conflict);

/* The same of chains with MARKET_CONFLICT_ERROR: the series is group, '/' and member, the rows have
 * no ties. */
const char *put_chain(struct market_store *store, const char *group, const char *member,
                      const char *rows);

/*
 * Deletes rows of the times, row_max at most: "3 end" where three went, "3 more" where rows of the
 * range are left; or the code's name. The text lives until the next call.
 */
const char *delete_text(struct market_store *store, enum market_kind kind, const char *series,
                        int64_t start_us, int64_t end_us, size_t row_max);

/* Deletes all rows of a series. */
const char *delete_all(struct market_store *store, enum market_kind kind, const char *series);

/* A scan of all rows of the series. */
struct market_scan scan_all(const char *series, bool ascending);

/* The same of any kind. */
struct market_scan scan_kind(enum market_kind kind, const char *series, bool ascending);

/* A scan of all chains of the group; their ties in the text are their members. */
struct market_scan scan_group(const char *group, bool ascending);

/* What the scan gives, with " more" or " end" behind it; or the code's name. Free it. */
char *scan_text(struct market_store *store, const struct market_scan *scan);

/* Asserts what scan_text() gives. */
#define assert_scan(store, scan, expected)                                                         \
    do {                                                                                           \
        char *assert_scan_text = scan_text((store), (scan));                                       \
        assert_string_equal(assert_scan_text, (expected));                                         \
        free(assert_scan_text);                                                                    \
    } while (0)

/* The names of the series of ticks, with commas between them. Free it. */
char *series_text(struct market_store *store);

/* What the query gives, as "SERIES SERIES@GROUP end", or with "more" at the end. Free it. */
char *list_text(struct market_store *store, const struct market_series_query *query);

/* Asserts what list_text() gives. */
#define assert_list(store, query, expected)                                                        \
    do {                                                                                           \
        char *assert_list_text = list_text((store), (query));                                      \
        assert_string_equal(assert_list_text, (expected));                                         \
        free(assert_list_text);                                                                    \
    } while (0)

struct market_stats stats_of(struct market_store *store);

struct market_position position_of(int64_t timestamp_us, const char *tie);
struct market_row row_of(const char *series, int64_t timestamp_us, const char *tie,
                         const char *value);

/* Puts one batch whose rows the caller has made. Asserts DS_OK; outcomes may be NULL. */
void put_rows(struct market_store *store, const struct market_row *rows, size_t row_count,
              enum market_outcome *outcomes);

/* DS_SEED of the environment, or one of the clock; printed, so that a run can be repeated. */
uint64_t seed_of_environment(void);

/* The next number of a xorshift generator. */
uint64_t random_next(uint64_t *state);

/* The files of the suite. */
int run_put_tests(void);
int run_scan_tests(void);
int run_grouped_tests(void);
int run_delete_tests(void);
int run_series_tests(void);
int run_event_tests(void);
int run_thread_tests(void);

#endif
