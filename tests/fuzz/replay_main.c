/* Runs a fuzz target on every file of the folders that are named: a corpus as a plain test. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    fuzz_require(file != NULL && fseek(file, 0, SEEK_END) == 0, "a file of the corpus opens");
    const long size = ftell(file);
    fuzz_require(size >= 0 && fseek(file, 0, SEEK_SET) == 0, "a file of the corpus has a size");
    /* Exactly as large as the input, so that the sanitizer sees a read beyond its end. */
    uint8_t *data = malloc(size == 0 ? 1 : (size_t)size);
    fuzz_require(data != NULL && fread(data, 1, (size_t)size, file) == (size_t)size,
                 "a file of the corpus can be read");
    fclose(file);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
}

static int replay_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    fuzz_require(entries != NULL, "the folder of the corpus opens");
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        fprintf(stderr, "%s\n", path);
        replay_file(path);
        count++;
    }
    closedir(entries);
    return count;
}

int main(int argument_count, char **arguments)
{
    int count = 0;
    for (int i = 1; i < argument_count; i++) {
        count += replay_folder(arguments[i]);
    }
    printf("%d files\n", count);
    fuzz_require(count > 0, "the corpus is not empty");
    return 0;
}
