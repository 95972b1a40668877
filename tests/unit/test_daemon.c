/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/daemon.h"
#include "ds/exit_code.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Short, since its end is what is awaited. */
#define LIMIT_MS 1

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_that_never_ends_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
