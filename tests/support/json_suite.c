#include "support/json_suite.h"

#include "ds/buffer.h"
#include "support/test.h"

#include <dirent.h>
#include <stdio.h>

#define SUITE_FOLDER DS_TESTS_DATA_DIR "/json-test-suite"
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const refused_of_y[] = {
    /* Names twice in an object: RFC 8259 allows them and warns that nobody knows which counts. */
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    /* U+0000, which the structs of protobuf-c can't keep. */
    "y_object_escaped_null_in_key.json",
    "y_string_null_escape.json",
};

/* Numbers that become the nearest double. All other i_ files are refused: numbers beyond any
 * double, lone surrogates, what is not UTF-8, a byte order mark, 500 arrays in one another. */
static const char *const taken_of_i[] = {
    "i_number_double_huge_neg_exp.json",   "i_number_real_underflow.json",
    "i_number_too_big_neg_int.json",       "i_number_too_big_pos_int.json",
    "i_number_very_big_negative_int.json",
};

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool json_suite_is_taken(const char *name)
{
    switch (name[0]) {
    case 'y':
        return !is_among(name, refused_of_y, COUNT_OF(refused_of_y));
    case 'i':
        return is_among(name, taken_of_i, COUNT_OF(taken_of_i));
    default:
        return false;
    }
}

static void read_file(const char *name, struct ds_buffer *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", SUITE_FOLDER, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    ds_buffer_clear(text);
    uint8_t *room = ds_buffer_reserve(text, JSON_SUITE_FILE_BYTES_MAX);
    const size_t size = fread(room, 1, JSON_SUITE_FILE_BYTES_MAX, file);
    assert_true(feof(file));
    ds_buffer_commit(text, size);
    fclose(file);
}

void json_suite_visit(void (*visit)(void *context, const char *name, struct ds_bytes text),
                      void *context)
{
    size_t taken = 0;
    size_t refused = 0;
    struct ds_buffer text;
    ds_buffer_init(&text, JSON_SUITE_FILE_BYTES_MAX);
    DIR *folder = opendir(SUITE_FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".json") == NULL) {
            continue;
        }
        read_file(entry->d_name, &text);
        visit(context, entry->d_name, ds_buffer_bytes(&text));
        if (json_suite_is_taken(entry->d_name)) {
            taken++;
        } else {
            refused++;
        }
    }
    closedir(folder);
    ds_buffer_deinit(&text);
    assert_int_equal(taken, JSON_SUITE_TAKEN_COUNT);
    assert_int_equal(refused, JSON_SUITE_REFUSED_COUNT);
}
