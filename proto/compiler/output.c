#include "output.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void output_fail(struct output *output, const char *name)
{
    fprintf(stderr, "can't write %s/%s%s: %s\n", output->directory, output->prefix, name,
            strerror(errno));
    output->has_failed = true;
}

FILE *output_open_bare(struct output *output, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s%s", output->directory, output->prefix, name) < 0) {
        abort();
    }
    FILE *file = fopen(path, "w");
    free(path);
    if (file == NULL) {
        output_fail(output, name);
    }
    return file;
}

FILE *output_open(struct output *output, const char *name)
{
    FILE *file = output_open_bare(output, name);
    if (file != NULL) {
        fputs("/* Written by ds-proto-compiler from the .proto files; changes here are lost. */\n",
              file);
    }
    return file;
}

void output_close(struct output *output, FILE *file, const char *name)
{
    if (file == NULL) {
        return;
    }
    const bool has_error = ferror(file) != 0;
    const bool has_close_error = fclose(file) != 0;
    if (has_error || has_close_error) {
        output_fail(output, name);
    }
}

void output_literal(FILE *file, const char *text)
{
    fputc('"', file);
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        if (isalnum(byte) || byte == ' ' || (ispunct(byte) && strchr("\"\\?", byte) == NULL)) {
            fputc(byte, file);
        } else {
            fprintf(file, "\\%03o", byte);
        }
    }
    fputc('"', file);
}

void output_include(FILE *file, const char *proto_path)
{
    const char *extension = strrchr(proto_path, '.');
    const size_t length = extension == NULL ? strlen(proto_path) : (size_t)(extension - proto_path);
    fprintf(file, "#include \"%.*s.pb-c.h\"\n", (int)length, proto_path);
}
