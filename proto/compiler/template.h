/* Path templates as google/api/http.proto has them, such as "/v1/{shelf.name}/books:archive". */
#ifndef COMPILER_TEMPLATE_H
#define COMPILER_TEMPLATE_H

#include "gateway/routes.h"
#include "memory.h"

/* In the order of their precedence. */
enum segment_kind {
    SEGMENT_LITERAL,
    SEGMENT_STAR, /* "*" or a variable without a pattern: one segment */
    SEGMENT_REST, /* "**": zero or more segments, at the end */
};

struct template_segment {
    enum segment_kind kind;
    const char *literal; /* of SEGMENT_LITERAL, percent-decoded */
};

struct template_variable {
    const char *field_path; /* dotted, as it stands in the braces */
    size_t segment_first;
    size_t segment_count;
    bool has_rest; /* its last segment is SEGMENT_REST */
};

struct path_template {
    struct template_segment segments[ROUTE_SEGMENTS_MAX];
    struct template_variable variables[ROUTE_VARIABLES_MAX];
    size_t segment_count;
    size_t variable_count;
    const char *verb; /* "" where there is none */
};

/*
 * Takes a template apart. Returns NULL on success, else what is wrong and what would do; then
 * ret_template is undefined.
 */
const char *template_parse(struct memory *memory, const char *text,
                           struct path_template *ret_template);

/* Whether a request for `path` ("/a/b", nothing encoded) would get to a route of this template. */
bool template_takes(const struct path_template *template, const char *path);

/* Whether every path that `narrow` takes is one that `wide` takes too. */
bool template_covers(const struct path_template *wide, const struct path_template *narrow);

/* Whether the matcher looks at `a` before `b` for a path that both take: at their first difference,
 * a literal comes before *, and * before **. */
bool template_precedes(const struct path_template *a, const struct path_template *b);

#endif
