#include "comments.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of descriptor.proto, which the paths of the source info are made of. */
enum {
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2,
};

static const void *enum_find(const Google__Protobuf__EnumDescriptorProto *descriptor,
                             const int32_t *path, size_t count)
{
    if (count == 0) {
        return descriptor;
    }
    return count == 2 && path[0] == ENUM_VALUE ? descriptor->value[path[1]] : NULL;
}

static const void *message_find(const Google__Protobuf__DescriptorProto *descriptor,
                                const int32_t *path, size_t count)
{
    if (count == 0) {
        return descriptor;
    }
    if (count == 1) {
        return NULL;
    }
    switch (path[0]) {
    case MESSAGE_FIELD:
        return count == 2 ? descriptor->field[path[1]] : NULL;
    case MESSAGE_NESTED:
        return message_find(descriptor->nested_type[path[1]], path + 2, count - 2);
    case MESSAGE_ENUM:
        return enum_find(descriptor->enum_type[path[1]], path + 2, count - 2);
    default:
        return NULL;
    }
}

static const void *service_find(const Google__Protobuf__ServiceDescriptorProto *descriptor,
                                const int32_t *path, size_t count)
{
    if (count == 0) {
        return descriptor;
    }
    return count == 2 && path[0] == SERVICE_METHOD ? descriptor->method[path[1]] : NULL;
}

/* The descriptor that a path means; NULL for what nobody asks about. */
static const void *descriptor_find(const Google__Protobuf__FileDescriptorProto *file,
                                   const int32_t *path, size_t count)
{
    if (count < 2) {
        return NULL;
    }
    switch (path[0]) {
    case FILE_MESSAGE:
        return message_find(file->message_type[path[1]], path + 2, count - 2);
    case FILE_ENUM:
        return enum_find(file->enum_type[path[1]], path + 2, count - 2);
    case FILE_SERVICE:
        return service_find(file->service[path[1]], path + 2, count - 2);
    default:
        return NULL;
    }
}

/* The lines without the blank that follows "//", and without blanks at the end. */
static const char *text_trim(struct memory *memory, const char *text)
{
    char *trimmed = memory_alloc(memory, strlen(text) + 1);
    size_t size = 0;
    bool line_begins = true;
    for (const char *at = text; *at != '\0'; at++) {
        if (line_begins && *at == ' ') {
            continue;
        }
        line_begins = *at == '\n';
        trimmed[size++] = *at;
    }
    while (size > 0 && (trimmed[size - 1] == '\n' || trimmed[size - 1] == ' ')) {
        size--;
    }
    trimmed[size] = '\0';
    return trimmed;
}

static int comment_compare(const void *a, const void *b)
{
    const uintptr_t one = (uintptr_t)((const struct comment *)a)->descriptor;
    const uintptr_t other = (uintptr_t)((const struct comment *)b)->descriptor;
    return (one > other) - (one < other);
}

static void file_load(struct comments *comments, struct memory *memory,
                      const Google__Protobuf__FileDescriptorProto *file)
{
    const Google__Protobuf__SourceCodeInfo *info = file->source_code_info;
    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Google__Protobuf__SourceCodeInfo__Location *location = info->location[i];
        const void *descriptor = descriptor_find(file, location->path, location->n_path);
        if (descriptor == NULL || location->leading_comments == NULL) {
            continue;
        }
        comments->list =
            memory_grow(memory, comments->list, comments->count, sizeof *comments->list);
        comments->list[comments->count++] = (struct comment){
            .descriptor = descriptor, .text = text_trim(memory, location->leading_comments)};
    }
}

void comments_load(struct comments *comments, struct memory *memory,
                   const Google__Protobuf__FileDescriptorSet *set)
{
    *comments = (struct comments){.count = 0};
    for (size_t i = 0; i < set->n_file; i++) {
        file_load(comments, memory, set->file[i]);
    }
    if (comments->count > 0) {
        qsort(comments->list, comments->count, sizeof *comments->list, comment_compare);
    }
}

const char *comment_of(const struct comments *comments, const void *descriptor)
{
    if (comments->count == 0) {
        return "";
    }
    const struct comment wanted = {.descriptor = descriptor};
    const struct comment *found =
        bsearch(&wanted, comments->list, comments->count, sizeof *comments->list, comment_compare);
    return found == NULL ? "" : found->text;
}
