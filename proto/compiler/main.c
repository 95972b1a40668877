/*
 * ds-proto-compiler: what the build makes of the .proto files. cmake/protos.cmake runs it.
 *
 *   ds-proto-compiler strip IN.pb OUT.pb              a descriptor set that protoc-c can work with
 *   ds-proto-compiler generate IN.pb OUT_DIR [PREFIX] the tables; PREFIX goes before all names
 *   ds-proto-compiler strip-library IN.pb OUT.pb      as strip, for the C client library's headers
 *   ds-proto-compiler client IN.pb OUT_DIR            the C client library's typed calls
 *   ds-proto-compiler openapi IN.pb OUT_DIR [connect] openapi.json, with Connect's paths if asked
 *   ds-proto-compiler http-doc IN.pb OUT_DIR          http-api.md
 *
 * The way of `generate`: model.c turns the descriptors into lists with pointers and unpacks our
 * options (options.c); check.c refuses methods and names; bindings.c checks the routes, whose paths
 * template.c takes apart; routes.c builds their trie; emit_*.c write C. Everything is checked
 * before anything is written, and every fault is told in one run (complaints.c).
 */
#include "check.h"
#include "emit.h"
#include "strip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTOR_BYTES_MAX (64L * 1024 * 1024)

static uint8_t *file_read(const char *path, struct memory *memory, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "can't read %s: %s\n", path, strerror(errno));
        return NULL;
    }
    uint8_t *data = NULL;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    if (size >= 0 && size <= DESCRIPTOR_BYTES_MAX) {
        rewind(file);
        data = memory_alloc(memory, (size_t)size);
        *ret_size = fread(data, 1, (size_t)size, file);
    }
    if (data == NULL || *ret_size != (size_t)size) {
        fprintf(stderr, "can't read %s: not a file of at most %ld bytes\n", path,
                DESCRIPTOR_BYTES_MAX);
        data = NULL;
    }
    fclose(file);
    return data;
}

static bool file_write(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    bool is_written = file != NULL && fwrite(data, 1, size, file) == size;
    if (file != NULL && fclose(file) != 0) {
        is_written = false;
    }
    if (!is_written) {
        fprintf(stderr, "can't write %s: %s\n", path, strerror(errno));
    }
    return is_written;
}

/* NULL, which has been told, where the file is no descriptor set. */
static Google__Protobuf__FileDescriptorSet *set_read(const char *path, struct memory *memory)
{
    size_t size = 0;
    const uint8_t *data = file_read(path, memory, &size);
    if (data == NULL) {
        return NULL;
    }
    Google__Protobuf__FileDescriptorSet *set =
        google__protobuf__file_descriptor_set__unpack(memory_allocator(memory), size, data);
    if (set == NULL) {
        fprintf(stderr, "%s is not a descriptor set; make one with protoc --descriptor_set_out\n",
                path);
    }
    return set;
}

static uint8_t *set_pack(const Google__Protobuf__FileDescriptorSet *set, struct memory *memory,
                         size_t *ret_size)
{
    *ret_size = google__protobuf__file_descriptor_set__get_packed_size(set);
    uint8_t *packed = memory_alloc(memory, *ret_size);
    google__protobuf__file_descriptor_set__pack(set, packed);
    return packed;
}

static int strip(const char *input, const char *target,
                 void (*strip_set)(Google__Protobuf__FileDescriptorSet *, struct memory *,
                                   struct complaints *),
                 struct memory *memory)
{
    Google__Protobuf__FileDescriptorSet *set = set_read(input, memory);
    if (set == NULL) {
        return EXIT_FAILURE;
    }
    struct complaints complaints = {0};
    strip_set(set, memory, &complaints);
    if (complaints.count > 0) {
        return EXIT_FAILURE;
    }
    size_t size = 0;
    const uint8_t *packed = set_pack(set, memory, &size);
    return file_write(target, packed, size) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A descriptor set and what is made of it. */
struct sources {
    Google__Protobuf__FileDescriptorSet *set;
    struct complaints complaints;
    struct model model;
    struct routes routes;
};

/* Reads, loads and checks everything, so that one run tells all that is wrong. The members point to
 * each other: the struct stays where it is. */
static bool sources_read(struct sources *sources, const char *path, struct memory *memory)
{
    struct model *model = &sources->model;
    *sources = (struct sources){.set = set_read(path, memory)};
    *model = (struct model){.memory = memory, .complaints = &sources->complaints};
    sources->routes = (struct routes){.memory = memory, .complaints = &sources->complaints};
    if (sources->set == NULL) {
        return false;
    }
    model_load(model, sources->set);
    if (sources->complaints.count > 0) {
        return false;
    }
    check_model(model);
    bindings_load(&sources->routes, model);
    routes_build(&sources->routes);
    return sources->complaints.count == 0;
}

static int generate(const char *input, const char *directory, const char *prefix,
                    struct memory *memory)
{
    struct sources sources;
    if (!sources_read(&sources, input, memory)) {
        return EXIT_FAILURE;
    }
    struct output output = {.directory = directory, .prefix = prefix};
    emit_schema(&output, &sources.model);
    emit_services(&output, &sources.model);
    emit_routes(&output, &sources.routes);
    /* Comments are for documents; in the programs they would make the set five times as
     * large. */
    strip_source_info(sources.set);
    size_t size = 0;
    const uint8_t *packed = set_pack(sources.set, memory, &size);
    emit_descriptor(&output, packed, size);
    return output.has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int client(const char *input, const char *directory, struct memory *memory)
{
    struct sources sources;
    if (!sources_read(&sources, input, memory)) {
        return EXIT_FAILURE;
    }
    struct output output = {.directory = directory, .prefix = ""};
    emit_client(&output, &sources.model, sources.set);
    return output.has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int openapi(const char *input, const char *directory, bool has_connect,
                   struct memory *memory)
{
    struct sources sources;
    if (!sources_read(&sources, input, memory)) {
        return EXIT_FAILURE;
    }
    struct output output = {.directory = directory, .prefix = ""};
    emit_openapi(&output, &sources.model, &sources.routes, sources.set, has_connect);
    return output.has_failed || sources.complaints.count > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int http_doc(const char *input, const char *directory, struct memory *memory)
{
    struct sources sources;
    if (!sources_read(&sources, input, memory)) {
        return EXIT_FAILURE;
    }
    struct output output = {.directory = directory, .prefix = ""};
    emit_http_doc(&output, &sources.model, &sources.routes, sources.set);
    return output.has_failed || sources.complaints.count > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argument_count, char **arguments)
{
    struct memory *memory = memory_create();
    int status = EXIT_FAILURE;
    if (argument_count == 4 && strcmp(arguments[1], "strip") == 0) {
        status = strip(arguments[2], arguments[3], strip_for_protoc_c, memory);
    } else if (argument_count == 4 && strcmp(arguments[1], "strip-library") == 0) {
        status = strip(arguments[2], arguments[3], strip_for_library, memory);
    } else if (argument_count == 4 && strcmp(arguments[1], "client") == 0) {
        status = client(arguments[2], arguments[3], memory);
    } else if ((argument_count == 4 ||
                (argument_count == 5 && strcmp(arguments[4], "connect") == 0)) &&
               strcmp(arguments[1], "openapi") == 0) {
        status = openapi(arguments[2], arguments[3], argument_count == 5, memory);
    } else if (argument_count == 4 && strcmp(arguments[1], "http-doc") == 0) {
        status = http_doc(arguments[2], arguments[3], memory);
    } else if ((argument_count == 4 || argument_count == 5) &&
               strcmp(arguments[1], "generate") == 0) {
        const char *prefix = argument_count == 5 ? arguments[4] : "";
        status = generate(arguments[2], arguments[3], prefix, memory);
    } else {
        fputs("usage: ds-proto-compiler strip IN.pb OUT.pb\n"
              "       ds-proto-compiler generate IN.pb OUT_DIR [PREFIX]\n"
              "       ds-proto-compiler strip-library IN.pb OUT.pb\n"
              "       ds-proto-compiler client IN.pb OUT_DIR\n"
              "       ds-proto-compiler openapi IN.pb OUT_DIR [connect]\n"
              "       ds-proto-compiler http-doc IN.pb OUT_DIR\n",
              stderr);
    }
    memory_destroy(memory);
    return status;
}
