#include "clients/load/client_bound.h"
#include "clients/load/sampler.h"
#include "support/test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS 1000000LL

static void samples_are_what_has_been_used_since_the_one_before(void **state)
{
    (void)state;
    const struct load_watched watched = {.name = "storaged", .process_id = 1};
    struct load_watch watch;
    load_watch_init(&watch, &watched);
    load_watch_take(&watch, 0, &(struct ds_process_use){.cpu_us = 5000000});
    load_watch_take(&watch, 0, &(struct ds_process_use){.cpu_us = 5400000, .anonymous_bytes = 7});
    load_watch_measure(&watch, &(struct ds_process_use){.cpu_us = 5500000});
    load_watch_take(
        &watch, 1,
        &(struct ds_process_use){
            .cpu_us = 6000000, .anonymous_bytes = 9, .resident_bytes = 11, .open_files = 3});
    load_watch_take(&watch, 2, &(struct ds_process_use){.cpu_us = 7500000, .anonymous_bytes = 8});
    const struct load_watched_result result = load_watch_result(&watch, 100);
    assert_string_equal(result.name, "storaged");
    assert_int_equal(result.sample_count, 3);
    assert_int_equal(result.samples[1].second, 1);
    assert_true(result.samples[0].cpu_seconds > 0.399 && result.samples[0].cpu_seconds < 0.401);
    assert_true(result.samples[2].cpu_seconds > 1.499 && result.samples[2].cpu_seconds < 1.501);
    assert_int_equal(result.samples[1].resident_bytes, 11);
    assert_int_equal(result.samples[1].open_files, 3);
    assert_int_equal(result.memory_bytes_max, 9);
    assert_true(result.cpu_seconds > 1.999 && result.cpu_seconds < 2.001);
    assert_true(result.calls_per_cpu_second > 49.9 && result.calls_per_cpu_second < 50.1);
    assert_false(result.has_ended);
    load_watch_deinit(&watch);
}

static void a_server_that_ends_keeps_its_samples(void **state)
{
    (void)state;
    const struct load_watched watched = {.name = "storaged", .process_id = 1};
    struct load_watch watch;
    load_watch_init(&watch, &watched);
    load_watch_take(&watch, 0, &(struct ds_process_use){.cpu_us = 0});
    load_watch_measure(&watch, &(struct ds_process_use){.cpu_us = 0});
    load_watch_take(&watch, 0, &(struct ds_process_use){.cpu_us = 1000000});
    load_watch_take(&watch, 1, NULL);
    load_watch_take(&watch, 2, &(struct ds_process_use){.cpu_us = 9000000});
    const struct load_watched_result result = load_watch_result(&watch, 10);
    assert_true(result.has_ended);
    assert_int_equal(result.sample_count, 1);
    assert_true(result.cpu_seconds > 0.999 && result.cpu_seconds < 1.001);
    load_watch_deinit(&watch);
}

static void a_process_is_looked_at_until_it_ends(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    const struct load_watched watched = {.name = "child", .process_id = child};
    struct load_watch watch;
    struct ds_process_use use;
    load_watch_init(&watch, &watched);
    assert_true(load_watch_look(&watch, &use));
    assert_true(use.start_ticks > 0);
    assert_true(use.open_files > 0);
    assert_true(use.resident_bytes >= use.anonymous_bytes);
    load_watch_take(&watch, 0, &use);
    watch.before.start_ticks++; /* As if another process had come in its place. */
    assert_false(load_watch_look(&watch, &use));
    watch.before.start_ticks--;
    assert_int_equal(kill(child, SIGKILL), 0);
    siginfo_t ended;
    assert_int_equal(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
    assert_false(load_watch_look(&watch, &use)); /* A zombie has ended. */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(load_watch_look(&watch, &use));
    load_watch_deinit(&watch);
}

static void the_busiest_thread_is_the_one_that_used_most_since(void **state)
{
    (void)state;
    static struct load_own_use before;
    static struct load_own_use after;
    before.thread_count = 2;
    before.threads[0] = (struct ds_thread_use){1, 1000};
    before.threads[1] = (struct ds_thread_use){2, 9000};
    after.thread_count = 3;
    after.threads[0] = (struct ds_thread_use){2, 9100};
    after.threads[1] = (struct ds_thread_use){1, 1500};
    after.threads[2] = (struct ds_thread_use){3, 300}; /* new */
    assert_int_equal(load_own_use_busiest_us(&after, &before), 500);
}

static void our_own_threads_are_all_seen(void **state)
{
    (void)state;
    static struct load_own_use before;
    static struct load_own_use after;
    load_own_use_look(&before);
    assert_true(before.thread_count >= 1);
    /* CPU times come in hundredths of a second: work until one has gone by. */
    do {
        load_own_use_look(&after);
    } while (load_own_use_busiest_us(&after, &before) == 0);
    assert_true(after.cpu_us > before.cpu_us);
}

static void a_run_is_bound_by_a_client_that_is_out_of_cpu_or_late(void **state)
{
    (void)state;
    const struct load_client_use well = {
        .busiest_share = 0.9, .whole_share = 0.9, .lateness_p99_ns = MS, .latency_p99_ns = MS / 10};
    assert_string_equal(load_client_bound(&well), "");
    struct load_client_use use = well;
    use.busiest_share = 0.91;
    assert_non_null(strstr(load_client_bound(&use), "thread"));
    use = well;
    use.whole_share = 0.91;
    assert_non_null(strstr(load_client_bound(&use), "cores"));
    use = well;
    use.lateness_p99_ns = MS + 1;
    assert_non_null(strstr(load_client_bound(&use), "later than planned"));
    use.latency_p99_ns = 20 * MS; /* of which it is less than a tenth */
    assert_string_equal(load_client_bound(&use), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_what_has_been_used_since_the_one_before),
        cmocka_unit_test(a_server_that_ends_keeps_its_samples),
        cmocka_unit_test(a_process_is_looked_at_until_it_ends),
        cmocka_unit_test(the_busiest_thread_is_the_one_that_used_most_since),
        cmocka_unit_test(our_own_threads_are_all_seen),
        cmocka_unit_test(a_run_is_bound_by_a_client_that_is_out_of_cpu_or_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
