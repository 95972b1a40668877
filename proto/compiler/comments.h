/* What the .proto files say in front of their messages, fields, enums, values, services and
 * methods. */
#ifndef COMPILER_COMMENTS_H
#define COMPILER_COMMENTS_H

#include "google/protobuf/descriptor.pb-c.h"
#include "memory.h"

struct comment {
    const void *descriptor;
    const char *text; /* lines without the blanks in front of them, paragraphs by an empty line */
};

struct comments {
    struct comment *list; /* by ascending descriptor */
    size_t count;
};

/* Of a set that has its source info. */
void comments_load(struct comments *comments, struct memory *memory,
                   const Google__Protobuf__FileDescriptorSet *set);

/* The comment in front of what has that descriptor; "" where there is none. */
const char *comment_of(const struct comments *comments, const void *descriptor);

#endif
