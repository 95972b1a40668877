/* StartBackup, ReadBackup and Verify as callers meet them. */
#include "ds/buffer.h"
#include "ds/log.h"
#include "service_fixture.h"
#include "storage/store/backup.h"
#include "storage/store/backup_session.h"
#include "support/test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKUP_BYTES_MAX (64UL * 1024 * 1024)
#define BIG_ROWS 10000

static _Atomic int64_t session_us;

/* Moves only where a test turns it. */
static int64_t session_monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return session_us;
}

static int64_t fixed_wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return SERVICE_NOW_US;
}

/* A clock that a test turns. */
static const struct ds_clock turned_clock = {.wall_us = fixed_wall_us,
                                             .monotonic_us = session_monotonic_us};

static void put_ticks(struct service *service, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tick_set(service, i, "NIFTY", 1000000 + (int64_t)i, (int64_t)i, 100);
    }
    assert_int_equal(ingest(service, count), DS_OK);
}

static ds_code start(struct service *service, char id[BACKUP_ID_BYTES_MAX])
{
    const Storage__StartBackupRequest request = STORAGE__START_BACKUP_REQUEST__INIT;
    const ds_code code = service_call(service, "StartBackup", &request.base);
    if (code == DS_OK) {
        Storage__StartBackupResponse *response = storage__start_backup_response__unpack(
            NULL, service->call.response.size, service->call.response.data);
        assert_non_null(response);
        assert_true(response->estimated_bytes > 0);
        snprintf(id, BACKUP_ID_BYTES_MAX, "%s", response->backup_id);
        storage__start_backup_response__free_unpacked(response, NULL);
    }
    return code;
}

/* Reads a piece; free it with the response's own function. */
static ds_code read_piece(struct service *service, const char *id, int64_t offset,
                          Storage__ReadBackupResponse **ret_piece)
{
    Storage__ReadBackupRequest request = STORAGE__READ_BACKUP_REQUEST__INIT;
    request.backup_id = (char *)(uintptr_t)id;
    request.offset = offset;
    const ds_code code = service_call(service, "ReadBackup", &request.base);
    if (code == DS_OK) {
        *ret_piece = storage__read_backup_response__unpack(NULL, service->call.response.size,
                                                           service->call.response.data);
        assert_non_null(*ret_piece);
        assert_true((*ret_piece)->data.len <= BACKUP_READ_BYTES_MAX);
    }
    return code;
}

/* Reads the piece and appends it; returns whether it was the last one. */
static bool append_piece(struct service *service, const char *id, struct ds_buffer *bytes)
{
    Storage__ReadBackupResponse *piece = NULL;
    assert_int_equal(read_piece(service, id, (int64_t)bytes->size, &piece), DS_OK);
    ds_buffer_append(bytes, piece->data.data, piece->data.len);
    const bool done = piece->done;
    storage__read_backup_response__free_unpacked(piece, NULL);
    return done;
}

static void read_all(struct service *service, const char *id, struct ds_buffer *bytes)
{
    ds_buffer_init(bytes, BACKUP_BYTES_MAX);
    while (!append_piece(service, id, bytes)) {
    }
}

static void the_pieces_end_to_end_are_the_backup(void **state)
{
    struct service *service = *state;
    char id[BACKUP_ID_BYTES_MAX];
    struct ds_buffer bytes;
    put_ticks(service, BIG_ROWS);
    assert_int_equal(start(service, id), DS_OK);
    read_all(service, id, &bytes);
    struct market_backup backup;
    uint32_t version;
    assert_true(market_backup_header_read(bytes.data, &version, &backup));
    assert_int_equal(backup.created_us, SERVICE_NOW_US);
    assert_string_equal(backup.engine, "lmdb");
    const uint8_t *end = bytes.data + bytes.size;
    market_backup_counts_read(end - MARKET_BACKUP_HASH_BYTES - MARKET_BACKUP_COUNTS_BYTES, &backup);
    assert_int_equal(backup.row_count, BIG_ROWS);
    ds_buffer_deinit(&bytes);
}

static void the_newest_piece_can_be_read_once_more(void **state)
{
    struct service *service = *state;
    char id[BACKUP_ID_BYTES_MAX];
    Storage__ReadBackupResponse *first = NULL;
    Storage__ReadBackupResponse *again = NULL;
    put_ticks(service, 10);
    assert_int_equal(start(service, id), DS_OK);
    assert_int_equal(read_piece(service, id, 0, &first), DS_OK);
    assert_true(first->done);
    assert_int_equal(read_piece(service, id, 0, &again), DS_OK);
    assert_true(again->done);
    assert_int_equal(first->data.len, again->data.len);
    assert_memory_equal(first->data.data, again->data.data, first->data.len);
    storage__read_backup_response__free_unpacked(first, NULL);
    storage__read_backup_response__free_unpacked(again, NULL);
}

static void another_offset_is_refused_by_name(void **state)
{
    struct service *service = *state;
    char id[BACKUP_ID_BYTES_MAX];
    Storage__ReadBackupResponse *piece = NULL;
    put_ticks(service, 10);
    assert_int_equal(start(service, id), DS_OK);
    assert_int_equal(read_piece(service, id, 17, &piece), DS_INVALID_ARGUMENT);
    assert_failure(service, "offset", NULL);
    assert_non_null(strstr(service->call.message, "must be 0"));
    assert_int_equal(read_piece(service, id, -1, &piece), DS_INVALID_ARGUMENT);
    assert_failure(service, "offset", NULL);
    assert_int_equal(read_piece(service, id, 0, &piece), DS_OK);
    storage__read_backup_response__free_unpacked(piece, NULL);
}

static void a_backup_that_is_not_there_is_not_found(void **state)
{
    struct service *service = *state;
    Storage__ReadBackupResponse *piece = NULL;
    char id[BACKUP_ID_BYTES_MAX];
    assert_int_equal(read_piece(service, "", 0, &piece), DS_NOT_FOUND);
    assert_int_equal(start(service, id), DS_OK);
    assert_int_equal(read_piece(service, "0123", 0, &piece), DS_NOT_FOUND);
}

static void one_backup_at_a_time_is_enough(void **state)
{
    struct service *service = *state;
    char first[BACKUP_ID_BYTES_MAX];
    char second[BACKUP_ID_BYTES_MAX];
    struct ds_buffer bytes;
    put_ticks(service, 10);
    assert_int_equal(start(service, first), DS_OK);
    assert_int_equal(start(service, second), DS_FAILED_PRECONDITION);
    assert_non_null(strstr(service->call.message, "another backup is under way"));
    read_all(service, first, &bytes);
    ds_buffer_deinit(&bytes);
    /* One that was read to its end keeps nobody away. */
    assert_int_equal(start(service, second), DS_OK);
    Storage__ReadBackupResponse *piece = NULL;
    assert_int_equal(read_piece(service, first, 0, &piece), DS_NOT_FOUND);
}

/* The session by itself, on a clock that the test turns. */
struct piece_count {
    size_t bytes;
    bool done;
};

static void count_piece(void *context, struct ds_bytes piece, bool done)
{
    struct piece_count *count = context;
    count->bytes += piece.size;
    count->done = done;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

static ds_code session_read(struct backup_session *session, const char *id, uint64_t offset)
{
    struct piece_count count = {.bytes = 0};
    const struct backup_read read = {
        .id = id, .offset = offset, .should_stop = never, .take = count_piece, .context = &count};
    uint64_t due;
    return backup_session_read(session, &read, &due);
}

static void a_backup_ends_when_nobody_reads_for_a_minute(void **state)
{
    struct service *service = *state;
    char id[BACKUP_ID_BYTES_MAX];
    put_ticks(service, BIG_ROWS);
    session_us = 0;
    struct backup_session *session = backup_session_create(service->store, &turned_clock);
    assert_int_equal(backup_session_start(session, id), DS_OK);
    session_us += INT64_C(50) * 1000000;
    assert_int_equal(session_read(session, id, 0), DS_OK);
    /* Each read gives another minute. */
    session_us += INT64_C(50) * 1000000;
    assert_int_equal(session_read(session, id, 0), DS_OK);
    session_us += INT64_C(61) * 1000000;
    assert_int_equal(session_read(session, id, 0), DS_NOT_FOUND);
    assert_int_equal(backup_session_start(session, id), DS_OK);
    assert_int_equal(session_read(session, id, 0), DS_OK);
    backup_session_destroy(session);
}

/* More than a piece of a backup holds. */
static void put_more_than_a_piece(struct service *service)
{
    uint8_t *value = calloc(1, 2 * BACKUP_READ_BYTES_MAX);
    assert_non_null(value);
    const struct market_row row = {.series = ds_bytes_of_text("LARGE"),
                                   .value = ds_bytes_of(value, 2 * BACKUP_READ_BYTES_MAX)};
    enum market_outcome outcome;
    struct market_batch batch = {
        .kind = MARKET_TICKS, .rows = &row, .row_count = 1, .outcomes = &outcome};
    assert_int_equal(market_put_wait(service->store, &batch), DS_OK);
    free(value);
}

/* Whoever was to read it was interrupted, and calls again. */
static void a_backup_that_nobody_reads_for_ten_seconds_gives_way_to_another(void **state)
{
    struct service *service = *state;
    char first[BACKUP_ID_BYTES_MAX];
    char second[BACKUP_ID_BYTES_MAX];
    put_more_than_a_piece(service);
    session_us = 0;
    struct backup_session *session = backup_session_create(service->store, &turned_clock);
    assert_int_equal(backup_session_start(session, first), DS_OK);
    session_us += INT64_C(9) * 1000000;
    assert_int_equal(session_read(session, first, 0), DS_OK);
    session_us += INT64_C(9) * 1000000;
    assert_int_equal(backup_session_start(session, second), DS_FAILED_PRECONDITION);
    assert_int_equal(session_read(session, first, 0), DS_OK);
    session_us += INT64_C(10) * 1000000;
    /* As long as nobody wants its place it can be read on. */
    assert_int_equal(session_read(session, first, 0), DS_OK);
    session_us += INT64_C(10) * 1000000;
    assert_int_equal(backup_session_start(session, second), DS_OK);
    assert_int_equal(session_read(session, first, 0), DS_NOT_FOUND);
    assert_int_equal(session_read(session, second, 0), DS_OK);
    backup_session_destroy(session);
}

/* A store whose image comes only when the test lets it. */
struct slow_store {
    struct market_store base;
    atomic_bool released;
};

static ds_code slow_stats(struct market_store *store, struct market_stats *ret_stats)
{
    (void)store;
    *ret_stats = (struct market_stats){.format_version = 1};
    return DS_OK;
}

static ds_code slow_write_image(struct market_store *store, struct market_image *image)
{
    while (!atomic_load(&((struct slow_store *)store)->released)) {
        sched_yield();
    }
    image->bytes = 4;
    return image->take(image->context, ds_bytes_of("page", 4));
}

/* Turns the clock each time that the reader looks whether it shall go on waiting. */
static bool turn_clock(void *context)
{
    struct slow_store *store = context;
    session_us += INT64_C(25) * 1000000;
    atomic_store(&store->released, session_us >= INT64_C(200) * 1000000);
    return false;
}

static void take_nothing(void *context, struct ds_bytes piece, bool done)
{
    (void)context;
    assert_true(piece.size > 0 && done);
}

static void a_reader_that_waits_for_the_disk_keeps_its_backup(void **state)
{
    (void)state;
    static const struct market_store_ops ops = {
        .name = "slow", .stats = slow_stats, .write_image = slow_write_image};
    struct slow_store store = {.base.ops = &ops};
    char id[BACKUP_ID_BYTES_MAX];
    uint64_t due;
    session_us = 0;
    struct backup_session *session = backup_session_create(&store.base, &turned_clock);
    assert_int_equal(backup_session_start(session, id), DS_OK);
    const struct backup_read read = {
        .id = id, .should_stop = turn_clock, .take = take_nothing, .context = &store};
    assert_int_equal(backup_session_read(session, &read, &due), DS_OK);
    backup_session_destroy(session);
}

static void a_backup_does_not_go_on_for_ever(void **state)
{
    struct service *service = *state;
    char id[BACKUP_ID_BYTES_MAX];
    put_ticks(service, BIG_ROWS);
    session_us = 0;
    struct backup_session *session = backup_session_create(service->store, &turned_clock);
    assert_int_equal(backup_session_start(session, id), DS_OK);
    ds_code code = DS_OK;
    size_t minutes = 0;
    for (; code == DS_OK && minutes < 1000; minutes++) {
        code = session_read(session, id, 0);
        session_us += INT64_C(59) * 1000000;
    }
    assert_int_equal(code, DS_NOT_FOUND);
    assert_int_equal(minutes, BACKUP_LIFE_MS / 59000 + 2);
    backup_session_destroy(session);
}

static void a_reader_that_nobody_waits_for_gives_up(void **state)
{
    struct service *service = *state;
    char id[BACKUP_ID_BYTES_MAX];
    struct piece_count count = {.bytes = 0};
    uint64_t due;
    put_ticks(service, 10);
    session_us = 0;
    struct backup_session *session = backup_session_create(service->store, &turned_clock);
    assert_int_equal(backup_session_start(session, id), DS_OK);
    const struct backup_read read = {
        .id = id, .should_stop = at_once, .take = count_piece, .context = &count};
    ds_code code = backup_session_read(session, &read, &due);
    /* Either the piece was there already or it did not wait for it. */
    assert_true(code == DS_CANCELLED || (code == DS_OK && count.bytes > 0));
    backup_session_destroy(session);
}

static void a_service_that_stops_ends_its_backup(void **state)
{
    struct service *service = *state;
    char id[BACKUP_ID_BYTES_MAX];
    put_ticks(service, BIG_ROWS);
    assert_int_equal(start(service, id), DS_OK);
    /* The teardown destroys the service: with a reader of the store left open it would fail. */
}

static void the_memory_store_has_no_backup(void **state)
{
    char id[BACKUP_ID_BYTES_MAX];
    assert_int_equal(start(*state, id), DS_UNIMPLEMENTED);
    struct service *service = *state;
    assert_non_null(strstr(service->call.message, "memory"));
}

static Storage__VerifyResponse *verify(struct service *service)
{
    const Storage__VerifyRequest request = STORAGE__VERIFY_REQUEST__INIT;
    assert_int_equal(service_call(service, "Verify", &request.base), DS_OK);
    Storage__VerifyResponse *response = storage__verify_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    return response;
}

static void what_the_service_stored_is_sound(void **state)
{
    struct service *service = *state;
    put_ticks(service, 100);
    Storage__VerifyResponse *response = verify(service);
    assert_int_equal(response->rows_checked, 100);
    assert_int_equal(response->series_checked, 1);
    assert_int_equal(response->fault_count, 0);
    assert_int_equal(response->n_faults, 0);
    storage__verify_response__free_unpacked(response, NULL);
}

static void of_many_faults_a_hundred_are_shown(void **state)
{
    struct service *service = *state;
    struct market_row rows[150];
    enum market_outcome outcomes[150];
    for (size_t i = 0; i < 150; i++) {
        rows[i] = (struct market_row){.series = ds_bytes_of_text("BAD"),
                                      .timestamp_us = (int64_t)i,
                                      .value = ds_bytes_of_text("\xff")};
    }
    struct market_batch batch = {
        .kind = MARKET_TICKS, .rows = rows, .row_count = 150, .outcomes = outcomes};
    assert_int_equal(market_put_wait(service->store, &batch), DS_OK);
    Storage__VerifyResponse *response = verify(service);
    assert_int_equal(response->fault_count, 150);
    assert_int_equal(response->n_faults, 100);
    assert_non_null(strstr(response->faults[99], "ticks \"BAD\": the row at 99 us"));
    storage__verify_response__free_unpacked(response, NULL);
}

int main(void)
{
    ds_log_set_level(DS_LOG_ERROR);
#define ON(setup, name) cmocka_unit_test_setup_teardown(name, setup, service_teardown)
    const struct CMUnitTest tests[] = {
        ON(service_setup_lmdb, the_pieces_end_to_end_are_the_backup),
        ON(service_setup_lmdb, the_newest_piece_can_be_read_once_more),
        ON(service_setup_lmdb, another_offset_is_refused_by_name),
        ON(service_setup_lmdb, a_backup_that_is_not_there_is_not_found),
        ON(service_setup_lmdb, one_backup_at_a_time_is_enough),
        ON(service_setup_lmdb, a_backup_ends_when_nobody_reads_for_a_minute),
        ON(service_setup_lmdb, a_backup_that_nobody_reads_for_ten_seconds_gives_way_to_another),
        cmocka_unit_test(a_reader_that_waits_for_the_disk_keeps_its_backup),
        ON(service_setup_lmdb, a_backup_does_not_go_on_for_ever),
        ON(service_setup_lmdb, a_reader_that_nobody_waits_for_gives_up),
        ON(service_setup_lmdb, a_service_that_stops_ends_its_backup),
        ON(service_setup_memory, the_memory_store_has_no_backup),
        ON(service_setup_memory, what_the_service_stored_is_sound),
        ON(service_setup_lmdb, what_the_service_stored_is_sound),
        ON(service_setup_memory, of_many_faults_a_hundred_are_shown),
        ON(service_setup_lmdb, of_many_faults_a_hundred_are_shown),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
