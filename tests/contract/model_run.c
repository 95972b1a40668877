#include "ds/buffer.h"
#include "model.h"
#include "storage/restore.h"
#include "support/test.h"

#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_BYTES_MAX 160
#define BACKUP_BYTES_MAX (64UL * 1024 * 1024)

/* A store and its model, at one point of a history. */
struct subject {
    struct market_store *store;
    struct model *model;
    char top[64]; /* holds all folders of the run */
    char folder[PATH_BYTES_MAX];
    size_t restore_count;
    /* What the two say. */
    struct ds_buffer got;
    struct ds_buffer expected;
    /* The scan whose next page may be asked for. */
    bool has_page;
    struct market_scan page;
};

static struct market_store *store_open(const char *folder)
{
    const struct market_store_options options = {.map_bytes = 1 << 28, .free_bytes_min = 1};
    return engine_under_test.open(folder, &options);
}

static int remove_entry(const char *path, const struct stat *file, int type, struct FTW *walk)
{
    (void)file;
    (void)type;
    (void)walk;
    return remove(path);
}

/* In memory where that can be had: the machine does not crash in these histories. */
static void subject_init(struct subject *subject, enum model_mistake mistake)
{
    *subject = (struct subject){.store = NULL};
    subject->model = calloc(1, sizeof(*subject->model));
    assert_non_null(subject->model);
    subject->model->mistake = mistake;
    snprintf(subject->top, sizeof(subject->top), "%s/ds-model-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(subject->top));
    snprintf(subject->folder, sizeof(subject->folder), "%s/first", subject->top);
    subject->store = store_open(subject->folder);
    ds_buffer_init(&subject->got, MODEL_TEXT_MAX);
    ds_buffer_init(&subject->expected, MODEL_TEXT_MAX);
}

static void subject_deinit(struct subject *subject)
{
    subject->store->ops->close(subject->store);
    free(subject->model);
    ds_buffer_deinit(&subject->got);
    ds_buffer_deinit(&subject->expected);
    assert_int_equal(nftw(subject->top, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void run_put(struct subject *subject, const struct operation *operation)
{
    struct market_row rows[OPERATION_ROWS_MAX];
    enum market_outcome outcomes[OPERATION_ROWS_MAX];
    struct market_batch batch = {.kind = operation->rows_kind,
                                 .conflict = operation->conflict,
                                 .rows = rows,
                                 .row_count = operation->row_count,
                                 .outcomes = outcomes};
    for (size_t i = 0; i < operation->row_count; i++) {
        rows[i] = model_market_row(operation->rows_kind, &operation->rows[i]);
    }
    const ds_code code = market_put_wait(subject->store, &batch);
    ds_buffer_append_text(&subject->got, code == DS_OK ? "" : ds_code_name(code));
    for (size_t i = 0; i < operation->row_count; i++) {
        ds_buffer_append_byte(&subject->got, (uint8_t) "ALDC"[outcomes[i]]);
        ds_buffer_append_byte(&subject->expected,
                              (uint8_t)model_put(subject->model, operation->rows_kind,
                                                 operation->conflict, &operation->rows[i]));
    }
}

static void run_delete(struct subject *subject, const struct operation *operation)
{
    struct market_delete order = {
        .kind = operation->rows_kind,
        .series = ds_bytes_of_text(model_series_name(operation->rows_kind, operation->series)),
        .start_us = operation->start_us,
        .end_us = operation->end_us,
        .row_max = operation->row_max};
    const ds_code code = market_delete_wait(subject->store, &order);
    if (code != DS_OK) {
        ds_buffer_append_text(&subject->got, ds_code_name(code));
    }
    ds_buffer_printf(&subject->got, "%zu %s", order.deleted_count, order.more ? "more" : "end");
    model_delete(subject->model, operation->rows_kind, operation->series, operation->start_us,
                 operation->end_us, operation->row_max, &subject->expected);
}

struct page_text {
    struct ds_buffer *text;
    const struct market_scan *scan;
};

static void take_row(void *context, const struct market_row *row)
{
    const struct page_text *page = context;
    struct market_row shown = *row;
    if (!page->scan->by_group) {
        shown.series = page->scan->series;
    }
    model_text_row(page->text, &shown);
}

static void compare_scan(struct subject *subject, const struct market_scan *scan,
                         bool *ret_has_last, struct market_position *ret_last)
{
    struct page_text page = {.text = &subject->got, .scan = scan};
    bool more = false;
    const ds_code code = subject->store->ops->scan(subject->store, scan, take_row, &page, &more);
    ds_buffer_append_text(&subject->got, code != DS_OK ? ds_code_name(code)
                                         : more        ? "more"
                                                       : "end");
    model_scan(subject->model, scan, &subject->expected, ret_has_last, ret_last);
}

static struct market_scan scan_of(const struct operation *operation)
{
    static const char *const ties[MODEL_TIE_COUNT] = {"", "a", "ab", "b"};
    const enum market_kind kind = operation->rows_kind;
    const char *name = operation->by_group
                           ? model_group_name(kind, operation->group % MODEL_GROUP_COUNT)
                           : model_series_name(kind, operation->series);
    return (struct market_scan){
        .kind = kind,
        .by_group = operation->by_group,
        .series = ds_bytes_of_text(name),
        .start_us = operation->start_us,
        .end_us = operation->end_us,
        .ascending = operation->ascending,
        .has_after = operation->has_after,
        .after = position_of(operation->after_us, ties[operation->after_tie]),
        .row_max = operation->row_max,
        .bytes_max = operation->bytes_max,
    };
}

/* A page, behind which the next one may be asked for, whatever comes and goes meanwhile. */
static void run_page(struct subject *subject, struct market_scan scan)
{
    bool has_last = false;
    struct market_position last = {.timestamp_us = 0};
    compare_scan(subject, &scan, &has_last, &last);
    subject->has_page = has_last;
    subject->page = scan;
    subject->page.has_after = true;
    subject->page.after = last;
}

static void take_series(void *context, struct ds_bytes series, struct ds_bytes group)
{
    model_text_series(context, series, group);
}

static void compare_list(struct subject *subject, const struct market_series_query *query)
{
    bool more = false;
    const ds_code code =
        subject->store->ops->list_series(subject->store, query, take_series, &subject->got, &more);
    ds_buffer_append_text(&subject->got, code != DS_OK ? ds_code_name(code)
                                         : more        ? "more"
                                                       : "end");
    model_list(subject->model, query, &subject->expected);
}

static void run_list(struct subject *subject, const struct operation *operation)
{
    const enum market_kind kind = operation->rows_kind;
    struct market_series_query query = {.kind = kind, .series_max = operation->row_max};
    if (kind != MARKET_TICKS && operation->group < MODEL_GROUP_COUNT) {
        query.group = ds_bytes_of_text(model_group_name(kind, operation->group));
    }
    if (operation->has_after) {
        query.after = ds_bytes_of_text(model_series_name(kind, operation->series));
    }
    compare_list(subject, &query);
}

static void run_count(struct subject *subject)
{
    struct market_stats stats;
    assert_int_equal(subject->store->ops->stats(subject->store, &stats), DS_OK);
    for (int kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        uint64_t rows;
        uint64_t series;
        model_counts(subject->model, (enum market_kind)kind, &rows, &series);
        ds_buffer_printf(&subject->got, "%" PRIu64 " of %" PRIu64 " ", stats.kinds[kind].row_count,
                         stats.kinds[kind].series_count);
        ds_buffer_printf(&subject->expected, "%" PRIu64 " of %" PRIu64 " ", rows, series);
    }
}

/* Everything that the two hold. */
static void compare_all(struct subject *subject)
{
    bool has_last;
    struct market_position last;
    run_count(subject);
    for (int kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        const struct market_series_query query = {.kind = (enum market_kind)kind,
                                                  .series_max = 100};
        compare_list(subject, &query);
        for (size_t i = 0; i < MODEL_SERIES_COUNT + MODEL_GROUP_COUNT; i++) {
            const bool by_group = i >= MODEL_SERIES_COUNT;
            if (by_group && kind != MARKET_CHAINS) {
                break;
            }
            const struct operation all = {.rows_kind = (enum market_kind)kind,
                                          .by_group = by_group,
                                          .series = (uint8_t)i,
                                          .group = (uint8_t)(by_group ? i - MODEL_SERIES_COUNT : 0),
                                          .ascending = true,
                                          .start_us = INT64_MIN,
                                          .end_us = INT64_MAX,
                                          .row_max = MODEL_ROWS_MAX,
                                          .bytes_max = SIZE_MAX};
            const struct market_scan scan = scan_of(&all);
            compare_scan(subject, &scan, &has_last, &last);
        }
    }
}

static void take_fault(void *context, const char *text)
{
    struct subject *subject = context;
    ds_buffer_printf(&subject->got, "fault: %s ", text);
}

static void run_verify(struct subject *subject)
{
    struct market_verify verify = {.fault = take_fault, .context = subject};
    uint64_t row_count = 0;
    for (int kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        uint64_t rows;
        uint64_t series;
        model_counts(subject->model, (enum market_kind)kind, &rows, &series);
        row_count += rows;
    }
    assert_int_equal(subject->store->ops->verify(subject->store, &verify), DS_OK);
    ds_buffer_printf(&subject->got, "%" PRIu64, verify.rows_checked);
    ds_buffer_printf(&subject->expected, "%" PRIu64, row_count);
}

static ds_code take_bytes(void *context, struct ds_bytes bytes)
{
    ds_buffer_append(context, bytes.data, bytes.size);
    return DS_OK;
}

static void run_restore(struct subject *subject)
{
    struct ds_buffer bytes;
    struct market_backup backup;
    char data_dir[PATH_BYTES_MAX - 16];
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX] = "";
    ds_buffer_init(&bytes, BACKUP_BYTES_MAX);
    assert_int_equal(
        market_backup_write(subject->store, ds_clock_system(), take_bytes, &bytes, &backup), DS_OK);
    const int fd = memfd_create("backup", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes.data, bytes.size), (ssize_t)bytes.size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    ds_buffer_deinit(&bytes);
    snprintf(data_dir, sizeof(data_dir), "%s/%zu", subject->top, ++subject->restore_count);
    const struct storage_restore_options options = {.fd = fd, .data_dir = data_dir};
    if (storage_restore(&options, &backup, reason) != DS_OK) {
        ds_buffer_append_text(&subject->got, reason);
    } else {
        subject->store->ops->close(subject->store);
        snprintf(subject->folder, sizeof(subject->folder), "%s/storage", data_dir);
        subject->store = store_open(subject->folder);
    }
    close(fd);
    compare_all(subject);
}

static ds_code put_one(struct market_store *store, const struct operation *operation, size_t row)
{
    const struct market_row market_row =
        model_market_row(operation->rows_kind, &operation->rows[row]);
    enum market_outcome outcome;
    struct market_batch batch = {.kind = operation->rows_kind,
                                 .conflict = operation->conflict,
                                 .rows = &market_row,
                                 .row_count = 1,
                                 .outcomes = &outcome};
    return market_put_wait(store, &batch);
}

/* Puts the rows one by one and says so, until it is killed. */
static void child_run(const char *folder, const struct operation *operation, int pipe_fd)
{
    struct market_store *store = store_open(folder);
    for (size_t i = 0; i < operation->row_count; i++) {
        const char acknowledgement = 'x';
        if (put_one(store, operation, i) != DS_OK || write(pipe_fd, &acknowledgement, 1) != 1) {
            _exit(EXIT_FAILURE);
        }
    }
    for (;;) {
        pause();
    }
}

/* Kills a process in the middle of its puts; returns how many it had acknowledged. */
static size_t kill_in_the_middle(const char *folder, const struct operation *operation)
{
    int pipe_fds[2];
    char acknowledgement;
    size_t count = 0;
    assert_int_equal(pipe(pipe_fds), 0);
    fflush(stdout);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipe_fds[0]);
        child_run(folder, operation, pipe_fds[1]);
    }
    close(pipe_fds[1]);
    while (count < operation->kill_after && count < operation->row_count &&
           read(pipe_fds[0], &acknowledgement, 1) == 1) {
        count++;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(pipe_fds[0], &acknowledgement, 1) == 1) {
        count++;
    }
    close(pipe_fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return count;
}

static bool is_same(const struct subject *subject)
{
    return ds_bytes_equal(ds_buffer_bytes(&subject->got), ds_buffer_bytes(&subject->expected));
}

static void clear(struct subject *subject)
{
    ds_buffer_clear(&subject->got);
    ds_buffer_clear(&subject->expected);
}

/* Whatever was acknowledged is there; the row that was under way may be. */
static void run_crash(struct subject *subject, const struct operation *operation)
{
    subject->store->ops->close(subject->store);
    const size_t count = kill_in_the_middle(subject->folder, operation);
    subject->store = store_open(subject->folder);
    for (size_t i = 0; i < count; i++) {
        model_put(subject->model, operation->rows_kind, operation->conflict, &operation->rows[i]);
    }
    compare_all(subject);
    if (!is_same(subject) && count < operation->row_count) {
        clear(subject);
        model_put(subject->model, operation->rows_kind, operation->conflict,
                  &operation->rows[count]);
        compare_all(subject);
    }
}

static void run_reopen(struct subject *subject)
{
    subject->store->ops->close(subject->store);
    subject->store = store_open(subject->folder);
    compare_all(subject);
}

static void operation_run(struct subject *subject, const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_PUT:
        run_put(subject, operation);
        break;
    case OPERATION_DELETE:
        run_delete(subject, operation);
        break;
    case OPERATION_SCAN:
        run_page(subject, scan_of(operation));
        break;
    case OPERATION_NEXT_PAGE:
        if (subject->has_page) {
            run_page(subject, subject->page);
        }
        break;
    case OPERATION_LIST:
        run_list(subject, operation);
        break;
    case OPERATION_COUNT:
        run_count(subject);
        break;
    case OPERATION_VERIFY:
        run_verify(subject);
        break;
    case OPERATION_REOPEN:
        run_reopen(subject);
        break;
    case OPERATION_RESTORE:
        run_restore(subject);
        break;
    case OPERATION_CRASH:
        run_crash(subject, operation);
        break;
    case OPERATION_KIND_COUNT:
        break;
    }
}

static bool compared(struct subject *subject, size_t at, char *ret_failure)
{
    assert_false(subject->got.overflow || subject->expected.overflow);
    if (is_same(subject)) {
        clear(subject);
        return true;
    }
    snprintf(ret_failure, MODEL_TEXT_MAX,
             "operation %zu: the store says\n  %.*s\nthe model says\n  %.*s", at,
             (int)subject->got.size, (const char *)subject->got.data, (int)subject->expected.size,
             (const char *)subject->expected.data);
    return false;
}

bool history_run(const struct operation *operations, size_t count, enum model_mistake mistake,
                 char *ret_failure)
{
    struct subject subject;
    subject_init(&subject, mistake);
    bool is_right = true;
    for (size_t i = 0; is_right && i < count; i++) {
        operation_run(&subject, &operations[i]);
        is_right = compared(&subject, i, ret_failure);
    }
    if (is_right) {
        compare_all(&subject);
        is_right = compared(&subject, count, ret_failure);
    }
    if (is_right) {
        run_verify(&subject);
        is_right = compared(&subject, count, ret_failure);
    }
    subject_deinit(&subject);
    return is_right;
}
