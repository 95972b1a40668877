/* What is written to stderr between begin and end. */
#ifndef TESTS_SUPPORT_LOG_CAPTURE_H
#define TESTS_SUPPORT_LOG_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG_CAPTURE_BYTES_MAX 65536

struct log_capture {
    int saved;
    FILE *file;
    char text[LOG_CAPTURE_BYTES_MAX];
};

static inline void log_capture_begin(struct log_capture *capture)
{
    capture->file = tmpfile();
    capture->saved = dup(STDERR_FILENO);
    if (capture->file == NULL || capture->saved < 0 ||
        dup2(fileno(capture->file), STDERR_FILENO) < 0) {
        abort();
    }
}

static inline const char *log_capture_end(struct log_capture *capture)
{
    (void)dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    rewind(capture->file);
    const size_t size = fread(capture->text, 1, sizeof capture->text - 1, capture->file);
    capture->text[size] = '\0';
    fclose(capture->file);
    return capture->text;
}

#endif
