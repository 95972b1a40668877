/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/daemon.h"
#include "ds/exit_code.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Short, since its end is what is awaited. */
#define LIMIT_MS 1
#define LINE_BYTES 512

static void end_never(int log)
{
    dup2(log, STDERR_FILENO);
    ds_daemon_limit_stop(LIMIT_MS);
    for (;;) {
        pause();
    }
}

static void a_stop_that_never_ends_is_cut_off(void **state)
{
    (void)state;
    int log[2];
    char line[512] = "";
    int status = 0;
    assert_int_equal(pipe(log), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        end_never(log[1]);
    }
    close(log[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(log[0], line, sizeof line - 1) > 0);
    close(log[0]);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), DS_EXIT_ERROR);
    assert_non_null(strstr(line, "\"event\":\"stop_cut_off\",\"limit_ms\":1}"));
}

/* In a child, since what has been lowered is not raised again. */
static bool allow_with_hard_limit(rlim_t hard, uint64_t connections, rlim_t *ret_soft,
                                  char line[LINE_BYTES])
{
    struct {
        rlim_t soft;
        bool is_enough;
    } told = {0};
    int log[2];
    int answer[2];
    assert_int_equal(pipe(log), 0);
    assert_int_equal(pipe(answer), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit low = {.rlim_cur = 32, .rlim_max = hard};
        struct rlimit raised = {0};
        dup2(log[1], STDERR_FILENO);
        (void)setrlimit(RLIMIT_NOFILE, &low);
        told.is_enough = ds_daemon_allow_connections(connections);
        (void)getrlimit(RLIMIT_NOFILE, &raised);
        told.soft = raised.rlim_cur;
        _exit(write(answer[1], &told, sizeof told) == sizeof told ? 0 : 1);
    }
    close(log[1]);
    close(answer[1]);
    assert_int_equal(read(answer[0], &told, sizeof told), sizeof told);
    assert_true(read(log[0], line, LINE_BYTES - 1) >= 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(log[0]);
    close(answer[0]);
    *ret_soft = told.soft;
    return told.is_enough;
}

static void a_program_may_open_as_many_files_as_it_is_allowed(void **state)
{
    (void)state;
    char line[LINE_BYTES] = "";
    rlim_t soft = 0;
    assert_true(allow_with_hard_limit(1000, 1000 - DS_DAEMON_FILES_BESIDES, &soft, line));
    assert_int_equal(soft, 1000);
    assert_string_equal(line, "");
}

static void caps_that_cannot_be_kept_are_warned_of(void **state)
{
    (void)state;
    char line[LINE_BYTES] = "";
    rlim_t soft = 0;
    assert_false(allow_with_hard_limit(1000, 1001 - DS_DAEMON_FILES_BESIDES, &soft, line));
    assert_int_equal(soft, 1000);
    assert_non_null(strstr(line, "\"level\":\"warning\""));
    assert_non_null(strstr(line, "too_few_files_for_the_connections\",\"files\":1000,"
                                 "\"wanted\":1001,\"hint\":\"raise the limit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_that_never_ends_is_cut_off),
        cmocka_unit_test(a_program_may_open_as_many_files_as_it_is_allowed),
        cmocka_unit_test(caps_that_cannot_be_kept_are_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
