#include "ds/paths.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REASON_BYTES_MAX 256

struct fixture {
    char root[64];
    char reason[REASON_BYTES_MAX];
    struct ds_arena *arena;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/ds_test_paths_XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->arena = ds_arena_create(64 * 1024);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", fixture->root);
    assert_int_equal(system(command), 0);
    ds_arena_destroy(fixture->arena);
    free(fixture);
    return 0;
}

static const char *below(struct fixture *fixture, const char *name)
{
    return ds_arena_printf(fixture->arena, "%s/%s", fixture->root, name);
}

static void write_file(const char *path)
{
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs("something\n", stream);
    fclose(stream);
}

static ds_code prepare(struct fixture *fixture, const char *path)
{
    return ds_data_dir_prepare(path, fixture->reason, sizeof(fixture->reason));
}

static void a_missing_folder_is_made_for_its_owner_alone(void **state)
{
    const char *folder = below(*state, "a/b/data");
    assert_int_equal(prepare(*state, folder), DS_OK);
    struct stat status;
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
}

static void a_folder_of_ours_is_taken_again_with_files_in_it(void **state)
{
    const char *folder = below(*state, "data");
    assert_int_equal(prepare(*state, folder), DS_OK);
    write_file(below(*state, "data/storage"));
    assert_int_equal(prepare(*state, folder), DS_OK);
}

static void a_folder_with_other_files_is_refused_and_left_alone(void **state)
{
    struct fixture *fixture = *state;
    const char *folder = below(fixture, "home");
    assert_int_equal(mkdir(folder, 0755), 0);
    write_file(below(fixture, "home/letter.txt"));
    assert_int_equal(prepare(fixture, folder), DS_FAILED_PRECONDITION);
    assert_non_null(strstr(fixture->reason, "not DeltaStream's"));
    assert_int_not_equal(access(below(fixture, "home/deltastream.folder"), F_OK), 0);
}

static void a_fresh_file_systems_folder_is_taken(void **state)
{
    const char *folder = below(*state, "disk");
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(below(*state, "disk/lost+found"), 0700), 0);
    assert_int_equal(prepare(*state, folder), DS_OK);
}

static void a_file_in_the_folders_place_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *file = below(fixture, "file");
    write_file(file);
    assert_int_equal(prepare(fixture, file), DS_PERMISSION_DENIED);
    assert_non_null(strstr(fixture->reason, "Not a directory"));
}

static void a_place_where_no_folder_can_be_made_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(prepare(fixture, "/proc/deltastream/data"), DS_PERMISSION_DENIED);
    assert_non_null(strstr(fixture->reason, "can't make"));
}

static void a_relative_path_is_made_absolute(void **state)
{
    struct fixture *fixture = *state;
    const char *absolute = ds_absolute_path(fixture->arena, "data");
    assert_int_equal(absolute[0], '/');
    assert_non_null(strstr(absolute, "/data"));
    assert_string_equal(ds_absolute_path(fixture->arena, "/srv"), "/srv");
}

static void the_places_in_the_folder_follow_from_it(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(ds_storage_url(fixture->arena, "/srv/x"), "ipc:///srv/x/run/storage.sock");
    assert_string_equal(ds_storage_folder(fixture->arena, "/srv/x"), "/srv/x/storage");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_missing_folder_is_made_for_its_owner_alone),
        T(a_folder_of_ours_is_taken_again_with_files_in_it),
        T(a_folder_with_other_files_is_refused_and_left_alone),
        T(a_fresh_file_systems_folder_is_taken),
        T(a_file_in_the_folders_place_is_refused),
        T(a_place_where_no_folder_can_be_made_is_refused),
        T(a_relative_path_is_made_absolute),
        T(the_places_in_the_folder_follow_from_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
