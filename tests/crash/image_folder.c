#include "image_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REMOVE_FDS_MAX 8

void image_folder_make(char folder[IMAGE_PATH_BYTES_MAX])
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, IMAGE_PATH_BYTES_MAX, "%s/ds-images-XXXXXX", base);
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        abort();
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void image_folder_remove(const char *folder)
{
    (void)nftw(folder, remove_one, REMOVE_FDS_MAX, FTW_DEPTH | FTW_PHYS);
}
