/* The files that the compiler writes. */
#ifndef COMPILER_OUTPUT_H
#define COMPILER_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output {
    const char *directory;
    const char *prefix; /* in front of the names of files and of global symbols, so that tests can
                           have tables of their own; usually "" */
    bool has_failed;    /* something could not be written; stderr has the reason */
};

/* Opens the file of that name for writing, with a first line that says where it comes from. NULL
 * when it can't; then has_failed is set. */
FILE *output_open(struct output *output, const char *name);

/* The same without the first line, for a file that is no C. */
FILE *output_open_bare(struct output *output, const char *name);

/* Takes NULL. */
void output_close(struct output *output, FILE *file, const char *name);

/* Writes `text` as a C string literal. */
void output_literal(FILE *file, const char *text);

/* Writes the #include of what protoc-c makes of that .proto file. */
void output_include(FILE *file, const char *proto_path);

#endif
