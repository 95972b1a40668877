#include "strip.h"

#include "names.h"

#include <stdbool.h>
#include <string.h>

/* protobuf-c/protobuf-c.proto: FileOptions has pb_c_file = 1019, whose c_package = 6. */
#define PB_C_FILE_TAG 1019
#define C_PACKAGE_KEY ((6 << 3) | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
/* The folder of the installed headers, and what C names of the library begin with. */
#define LIBRARY_ROOT "deltastream"
#define C_PACKAGE_LENGTH_MAX 120 /* so that both lengths below fit one byte of varint */

static void fields_strip(Google__Protobuf__FieldDescriptorProto **fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fields[i]->has_proto3_optional = 0;
        fields[i]->proto3_optional = 0;
        if (fields[i]->options != NULL) {
            fields[i]->options->has_deprecated = 0;
        }
    }
}

static void message_strip(Google__Protobuf__DescriptorProto *message)
{
    fields_strip(message->field, message->n_field);
    fields_strip(message->extension, message->n_extension);
    for (size_t i = 0; i < message->n_nested_type; i++) {
        message_strip(message->nested_type[i]);
    }
}

static void options_add_c_package(Google__Protobuf__FileOptions *options, struct memory *memory,
                                  const char *c_package)
{
    const size_t length = strlen(c_package);
    uint8_t *data = memory_alloc(memory, length + 3);
    data[0] = (uint8_t)(length + 2);
    data[1] = C_PACKAGE_KEY;
    data[2] = (uint8_t)length;
    memcpy(data + 3, c_package, length);

    const unsigned int count = options->base.n_unknown_fields;
    ProtobufCMessageUnknownField *fields = memory_alloc(memory, (count + 1) * sizeof *fields);
    if (count > 0) {
        memcpy(fields, options->base.unknown_fields, count * sizeof *fields);
    }
    fields[count] = (ProtobufCMessageUnknownField){
        .tag = PB_C_FILE_TAG,
        .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        .len = length + 3,
        .data = data,
    };
    options->base.unknown_fields = fields;
    options->base.n_unknown_fields = count + 1;
}

static void file_name_package(Google__Protobuf__FileDescriptorProto *file, const char *c_package,
                              struct memory *memory, struct complaints *complaints)
{
    const char *package = file->package == NULL ? "" : file->package;
    if (strcmp(package, c_package) == 0) {
        return;
    }
    if (strlen(c_package) > C_PACKAGE_LENGTH_MAX) {
        complain(complaints, file->name, "", "package %s is longer than %d characters; shorten it",
                 package, C_PACKAGE_LENGTH_MAX);
        return;
    }
    if (file->options == NULL) {
        file->options = memory_alloc(memory, sizeof *file->options);
        google__protobuf__file_options__init(file->options);
    }
    options_add_c_package(file->options, memory, c_package);
}

void strip_source_info(Google__Protobuf__FileDescriptorSet *set)
{
    for (size_t i = 0; i < set->n_file; i++) {
        set->file[i]->source_code_info = NULL;
    }
}

static void set_strip(Google__Protobuf__FileDescriptorSet *set)
{
    strip_source_info(set);
    for (size_t i = 0; i < set->n_file; i++) {
        Google__Protobuf__FileDescriptorProto *file = set->file[i];
        fields_strip(file->extension, file->n_extension);
        for (size_t j = 0; j < file->n_message_type; j++) {
            message_strip(file->message_type[j]);
        }
    }
}

void strip_for_protoc_c(Google__Protobuf__FileDescriptorSet *set, struct memory *memory,
                        struct complaints *complaints)
{
    set_strip(set);
    for (size_t i = 0; i < set->n_file; i++) {
        Google__Protobuf__FileDescriptorProto *file = set->file[i];
        const char *package = file->package == NULL ? "" : file->package;
        file_name_package(file, name_c_package(memory, package), memory, complaints);
    }
}

static bool is_below_root(const char *path)
{
    return strncmp(path, LIBRARY_ROOT "/", strlen(LIBRARY_ROOT "/")) == 0;
}

static char *library_path(struct memory *memory, const char *path)
{
    return is_below_root(path) ? memory_copy_text(memory, path, strlen(path))
                               : memory_printf(memory, "%s/%s", LIBRARY_ROOT, path);
}

static bool extends_options(const Google__Protobuf__FileDescriptorSet *set, const char *path)
{
    for (size_t i = 0; i < set->n_file; i++) {
        if (strcmp(set->file[i]->name, path) == 0) {
            return set->file[i]->n_extension > 0;
        }
    }
    return false;
}

/* Before any file has its new name, since the imports are found by the old ones. */
static void imports_rename(const Google__Protobuf__FileDescriptorSet *set, struct memory *memory,
                           Google__Protobuf__FileDescriptorProto *file)
{
    size_t kept = 0;
    for (size_t i = 0; i < file->n_dependency; i++) {
        if (!extends_options(set, file->dependency[i])) {
            file->dependency[kept++] = library_path(memory, file->dependency[i]);
        }
    }
    file->n_dependency = kept;
}

void strip_for_library(Google__Protobuf__FileDescriptorSet *set, struct memory *memory,
                       struct complaints *complaints)
{
    set_strip(set);
    for (size_t i = 0; i < set->n_file; i++) {
        if (set->file[i]->n_public_dependency > 0) {
            complain(complaints, set->file[i]->name, "",
                     "the C client library knows no public imports; import the file where it is "
                     "needed");
        }
        imports_rename(set, memory, set->file[i]);
    }
    for (size_t i = 0; i < set->n_file; i++) {
        Google__Protobuf__FileDescriptorProto *file = set->file[i];
        const char *package = file->package == NULL ? "" : file->package;
        const char *c_package =
            memory_printf(memory, "%s.%s", LIBRARY_ROOT, name_c_package(memory, package));
        file->name = library_path(memory, file->name);
        file->n_service = 0;
        file_name_package(file, c_package, memory, complaints);
    }
}
