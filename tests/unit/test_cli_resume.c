#include "clients/cli/resume.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAVES_AT_ONCE 300

struct fixture {
    char folder[64];
    char path[RESUME_PATH_BYTES_MAX];
    char reason[RESUME_REASON_BYTES_MAX];
    struct resume_state *state;
    struct resume_state *loaded;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    strcpy(fixture->folder, "/tmp/ds-resume-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    setenv("XDG_STATE_HOME", fixture->folder, 1);
    fixture->state = resume_state_create();
    fixture->loaded = resume_state_create();
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char folder[128];
    resume_remove(fixture->path);
    snprintf(folder, sizeof(folder), "%s/deltastream", fixture->folder);
    rmdir(folder);
    assert_int_equal(rmdir(fixture->folder), 0);
    resume_state_destroy(fixture->state);
    resume_state_destroy(fixture->loaded);
    free(fixture);
    return 0;
}

static void find_path(struct fixture *fixture, const char *subject)
{
    assert_int_equal(resume_path("import", subject, fixture->path, fixture->reason), DS_OK);
}

static bool save_often(struct fixture *fixture)
{
    for (int i = 0; i < SAVES_AT_ONCE; i++) {
        if (resume_save(fixture->path, fixture->state) != DS_OK) {
            return false;
        }
    }
    return true;
}

static void two_runs_at_once_do_not_fail_one_another(void **state)
{
    struct fixture *fixture = *state;
    int status = 0;
    find_path(fixture, "a");
    resume_set(fixture->state, "offset", "%d", 1);
    const pid_t child = fork();
    if (child == 0) {
        _exit(save_often(fixture) ? 0 : 1);
    }
    const bool is_saved = save_often(fixture);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(is_saved);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(resume_load(fixture->path, fixture->loaded), DS_OK);
}

static void what_is_saved_is_loaded(void **state)
{
    struct fixture *fixture = *state;
    find_path(fixture, "a");
    assert_int_equal(resume_load(fixture->path, fixture->loaded), DS_NOT_FOUND);
    resume_set(fixture->state, "file", "%s", "/a b/c\nd");
    resume_set(fixture->state, "offset", "%d", 1);
    resume_set(fixture->state, "offset", "%d", 42);
    resume_set(fixture->state, "token", "%s", "");
    assert_int_equal(resume_save(fixture->path, fixture->state), DS_OK);
    assert_int_equal(resume_load(fixture->path, fixture->loaded), DS_OK);
    assert_string_equal(resume_get(fixture->loaded, "file"), "/a b/c?d");
    assert_string_equal(resume_get(fixture->loaded, "token"), "");
    assert_int_equal(resume_get_number(fixture->loaded, "offset"), 42);
    assert_int_equal(resume_get_number(fixture->loaded, "other"), 0);
    assert_null(resume_get(fixture->loaded, "other"));
}

static void only_its_owner_reads_the_state(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    find_path(fixture, "a");
    assert_int_equal(resume_save(fixture->path, fixture->state), DS_OK);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void every_subject_has_a_file_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    char other[RESUME_PATH_BYTES_MAX];
    find_path(fixture, "a");
    assert_int_equal(resume_path("import", "b", other, fixture->reason), DS_OK);
    assert_string_not_equal(fixture->path, other);
    assert_int_equal(resume_path("export", "a", other, fixture->reason), DS_OK);
    assert_string_not_equal(fixture->path, other);
}

static void a_damaged_state_is_told_from_none(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {
        "",
        "something else\n",
        "deltastream resume 1\n",
        "deltastream resume 1\noffset 12\n",
        "deltastream resume 1\noffset\nend\n",
        "deltastream resume 1\n a\nend\n",
        "deltastream resume 1\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1\nend\n",
    };
    find_path(fixture, "a");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FILE *file = fopen(fixture->path, "w");
        fputs(texts[i], file);
        fclose(file);
        assert_int_equal(resume_load(fixture->path, fixture->loaded), DS_DATA_LOSS);
        assert_int_equal(fixture->loaded->count, 0);
    }
}

static void a_state_folder_that_can_not_be_is_told(void **state)
{
    struct fixture *fixture = *state;
    char home[128];
    find_path(fixture, "a");
    setenv("XDG_STATE_HOME", "/proc/nothing", 1);
    char path[RESUME_PATH_BYTES_MAX];
    assert_int_equal(resume_path("import", "a", path, fixture->reason), DS_FAILED_PRECONDITION);
    assert_non_null(strstr(fixture->reason, "/proc/nothing"));
    setenv("XDG_STATE_HOME", "relative", 1);
    unsetenv("HOME");
    assert_int_equal(resume_path("import", "a", path, fixture->reason), DS_FAILED_PRECONDITION);
    assert_non_null(strstr(fixture->reason, "XDG_STATE_HOME"));
    snprintf(home, sizeof(home), "%s", fixture->folder);
    setenv("HOME", home, 1);
    assert_int_equal(resume_save("/proc/nothing/x", fixture->state), DS_UNAVAILABLE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_saved_is_loaded),           T(two_runs_at_once_do_not_fail_one_another),
        T(only_its_owner_reads_the_state),    T(every_subject_has_a_file_of_its_own),
        T(a_damaged_state_is_told_from_none), T(a_state_folder_that_can_not_be_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
