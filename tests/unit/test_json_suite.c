#include "support/codec_helper.h"

#include <dirent.h>
#include <stdio.h>

/* JSONTestSuite, each file as a google.protobuf.Value. Its names say what has to become of a file:
 * y_ has to be taken, n_ to be refused; of i_ the reader decides. */

#define SUITE_FOLDER DS_TESTS_DATA_DIR "/json-test-suite"
#define FILE_BYTES_MAX (512 * 1024)

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

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_taken(const char *name)
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
    uint8_t *room = ds_buffer_reserve(text, FILE_BYTES_MAX);
    const size_t size = fread(room, 1, FILE_BYTES_MAX, file);
    assert_true(feof(file));
    ds_buffer_commit(text, size);
    fclose(file);
}

/* Requires that what was read is written as JSON that reads back to the same. */
static void goes_round(const char *name, struct ds_bytes wire)
{
    const struct ds_json_style style = {.proto_names = true};
    struct ds_buffer text;
    struct ds_buffer again;
    ds_buffer_init(&text, CODEC_BYTES_MAX);
    ds_buffer_init(&again, CODEC_BYTES_MAX);
    assert_int_equal(ds_wire_to_json(&fixture_value, wire, &style, &text), DS_OK);
    ds_buffer_append_byte(&text, '\0');
    codec_read(&fixture_value, (const char *)text.data, &again);
    if (!ds_bytes_equal(ds_buffer_bytes(&again), wire)) {
        fail_msg("%s: %s reads back as something else", name, (const char *)text.data);
    }
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&again);
}

static void every_file_is_taken_or_refused_as_its_name_says(void **state)
{
    (void)state;
    const struct ds_json_read_options options = {0};
    struct ds_json_error error;
    struct ds_buffer text;
    struct ds_buffer wire;
    ds_buffer_init(&text, FILE_BYTES_MAX);
    ds_buffer_init(&wire, CODEC_BYTES_MAX);
    size_t taken = 0;
    size_t refused = 0;
    DIR *folder = opendir(SUITE_FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *name = entry->d_name;
        if (strstr(name, ".json") == NULL) {
            continue;
        }
        read_file(name, &text);
        ds_buffer_clear(&wire);
        const ds_code code =
            ds_json_to_wire(&fixture_value, ds_buffer_bytes(&text), &options, &wire, &error);
        if (code != (is_taken(name) ? DS_OK : DS_INVALID_ARGUMENT)) {
            fail_msg("%s: %s", name, code == DS_OK ? "taken" : error.message);
        }
        if (code == DS_OK) {
            goes_round(name, ds_buffer_bytes(&wire));
            taken++;
        } else {
            assert_in_range(error.offset, 0, text.size);
            assert_true(error.message[0] != '\0');
            refused++;
        }
    }
    closedir(folder);
    assert_int_equal(taken, 95 - COUNT_OF(refused_of_y) + COUNT_OF(taken_of_i));
    assert_int_equal(refused, 188 + COUNT_OF(refused_of_y) + 35 - COUNT_OF(taken_of_i));
    ds_buffer_deinit(&text);
    ds_buffer_deinit(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_taken_or_refused_as_its_name_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
