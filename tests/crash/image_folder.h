/* Folders that are gone when a test is. */
#ifndef TESTS_CRASH_IMAGE_FOLDER_H
#define TESTS_CRASH_IMAGE_FOLDER_H

#define IMAGE_PATH_BYTES_MAX 128

/* An empty folder in memory where that can be had, else on disk. */
void image_folder_make(char folder[IMAGE_PATH_BYTES_MAX]);

/* Removes a folder and all in it. */
void image_folder_remove(const char *folder);

#endif
