/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS_MAX 16

static void open_files_are_counted(void **state)
{
    (void)state;
    struct ds_process_view before;
    struct ds_process_view after;
    ds_process_look(&before);
    const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    ds_process_look(&after);
    close(file);
    assert_int_equal(after.open_files, before.open_files + 1);
    assert_true(after.open_files < after.open_files_max);
}

struct standstill {
    pthread_mutex_t mutex;
};

static void *wait_for_mutex(void *context)
{
    struct standstill *standstill = context;
    pthread_mutex_lock(&standstill->mutex);
    pthread_mutex_unlock(&standstill->mutex);
    return NULL;
}

/* The kernel's own list; ThreadSanitizer adds a thread of its own at some time before ours runs. */
static int count_tasks(void)
{
    DIR *folder = opendir("/proc/self/task");
    assert_non_null(folder);
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void threads_are_counted(void **state)
{
    (void)state;
    struct standstill standstill = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct ds_process_view view;
    pthread_t thread;
    pthread_mutex_lock(&standstill.mutex);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_mutex, &standstill), 0);
    ds_process_look(&view);
    const int tasks = count_tasks();
    struct ds_thread_use threads[THREADS_MAX];
    const size_t listed = ds_process_threads(threads, THREADS_MAX);
    const size_t first = ds_process_threads(threads, 1);
    pthread_mutex_unlock(&standstill.mutex);
    pthread_join(thread, NULL);
    assert_true(tasks >= 2);
    assert_int_equal(view.threads, tasks);
    assert_int_equal(listed, tasks);
    assert_int_equal(first, 1);
    assert_int_equal(ds_process_threads(NULL, 0), 0);
    assert_int_equal(threads[0].thread_id, getpid()); /* The kernel lists the first thread first. */
    assert_true(threads[0].cpu_us >= 0);
}

static void memory_and_times_are_those_of_a_process_that_runs(void **state)
{
    (void)state;
    struct ds_process_view view;
    struct ds_process_view later;
    ds_process_look(&view);
    ds_process_look(&later);
    assert_true(view.anonymous_bytes > 0);
    assert_true(view.resident_bytes >= view.anonymous_bytes);
    assert_true(view.uptime_us >= 0 && later.uptime_us >= view.uptime_us);
    /* After 2020, and not in the future. */
    assert_true(view.started_at_us > 1577836800000000LL);
    assert_true(later.cpu_us >= view.cpu_us);
}

/* Whoever watches this figure takes a change for a restart. */
static void the_start_does_not_move(void **state)
{
    (void)state;
    struct ds_process_view first;
    ds_process_look(&first);
    for (int i = 0; i < 100; i++) {
        struct ds_process_view later;
        ds_process_look(&later);
        assert_int_equal(later.started_at_us, first.started_at_us);
    }
}

static void the_registry_names_the_program(void **state)
{
    (void)state;
    struct ds_metrics *metrics = ds_process_metrics_create("some-program");
    struct ds_buffer text;
    ds_buffer_init(&text, SIZE_MAX);
    ds_metrics_write(metrics, &text);
    ds_buffer_append_byte(&text, '\0');
    const char *written = (const char *)text.data;
    assert_non_null(
        strstr(written, "ds_build_info{program=\"some-program\",version=\"" DS_VERSION "\"} 1\n"));
    assert_non_null(strstr(written, "\n# TYPE process_open_fds gauge\nprocess_open_fds "));
    assert_non_null(strstr(written, "\n# TYPE process_cpu_seconds_total counter\n"));
    /* Known to the microsecond, and written so. */
    const char *start = strstr(written, "\nprocess_start_time_seconds ");
    assert_non_null(start);
    const char *fraction = strchr(start, '.');
    assert_true(fraction == NULL || strspn(fraction + 1, "0123456789") <= 6);
    ds_buffer_deinit(&text);
    ds_metrics_destroy(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_files_are_counted),
        cmocka_unit_test(threads_are_counted),
        cmocka_unit_test(memory_and_times_are_those_of_a_process_that_runs),
        cmocka_unit_test(the_start_does_not_move),
        cmocka_unit_test(the_registry_names_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
