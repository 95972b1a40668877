#include "comments.h"
#include "emit.h"
#include "names.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define COMMENT_COLUMNS 96

/* The words of `text` in lines of a C comment. A word that would end the comment is left out. */
static void words_write(FILE *file, const char *text)
{
    size_t column = COMMENT_COLUMNS;
    while (*text != '\0') {
        const size_t blanks = strspn(text, " \t\r\n");
        text += blanks;
        const size_t length = strcspn(text, " \t\r\n");
        if (length == 0) {
            break;
        }
        if (memmem(text, length, "*/", 2) == NULL) {
            if (column + 1 + length > COMMENT_COLUMNS) {
                fputs("\n *", file);
                column = 2;
            }
            fprintf(file, " %.*s", (int)length, text);
            column += 1 + length;
        }
        text += length;
    }
}

static const char *repeatability(const struct method *method)
{
    const Google__Protobuf__MethodOptions *options = method->descriptor->options;
    switch (options == NULL ? 0 : (int)options->idempotency_level) {
    case DS_NO_SIDE_EFFECTS:
        return "Changes nothing, so a retry policy makes it again.";
    case DS_IDEMPOTENT:
        return "Made twice it changes what it changes once, so a retry policy makes it again.";
    default:
        return "A retry policy makes it again only with an idempotency key.";
    }
}

static void method_comment(FILE *file, const struct model *model, const struct comments *comments,
                           const struct method *method)
{
    fprintf(file, "\n/*\n * %s", method->full_name);
    words_write(file, comment_of(comments, method->descriptor));
    words_write(file, memory_printf(model->memory,
                                    "Needs the permission %s; has %" PRIu32
                                    " ms unless a time limit is given; the request has at most "
                                    "%" PRIu32 " bytes. %s",
                                    method->rules->permission, method->rules->timeout_ms,
                                    method->rules->request_bytes_max, repeatability(method)));
    fputs("\n */\n", file);
}

static void method_declare(FILE *file, const struct method *method)
{
    fprintf(file,
            "DELTASTREAM_API enum deltastream_code deltastream_%s(\n"
            "    struct deltastream_client *client,\n    const Deltastream__%s *request,\n"
            "    const struct deltastream_call_options *options,\n"
            "    struct deltastream_reply **ret_reply);\n",
            method->symbol, method->request->c_type);
    fprintf(file,
            "DELTASTREAM_API enum deltastream_code deltastream_%s_async(\n"
            "    struct deltastream_client *client,\n    const Deltastream__%s *request,\n"
            "    const struct deltastream_call_options *options, deltastream_done_fn done,\n"
            "    void *context, struct deltastream_call **ret_call);\n",
            method->symbol, method->request->c_type);
    fprintf(file,
            "DELTASTREAM_API const Deltastream__%s *\n"
            "deltastream_%s_response(const struct deltastream_reply *reply);\n",
            method->response->c_type, method->symbol);
}

static const char *guard_of(struct memory *memory, const char *name)
{
    char *guard = memory_printf(memory, "DELTASTREAM_%s_H", name);
    for (char *at = guard; *at != '\0'; at++) {
        *at = (char)toupper((unsigned char)*at);
    }
    return guard;
}

/* Where strip_for_library() puts the structs of the service's file and of its imports. */
static void structs_include(FILE *file, struct memory *memory, const struct service *service)
{
    const char *path = service->file->path;
    const bool is_below_root = strncmp(path, "deltastream/", strlen("deltastream/")) == 0;
    output_include(file, is_below_root ? path : memory_printf(memory, "deltastream/%s", path));
}

static void header_write(FILE *file, const struct model *model, const struct comments *comments,
                         const struct service *service)
{
    const char *guard = guard_of(model->memory, service->symbol);
    fprintf(file,
            "/*\n * The typed calls of %s. What all of them have in common, ownership, codes, "
            "waiting\n * and threads, is said in deltastream.h at \"Typed calls\".\n */\n"
            "#ifndef %s\n#define %s\n\n#include \"deltastream.h\"\n\n",
            service->full_name, guard, guard);
    structs_include(file, model->memory, service);
    fputs("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n", file);
    for (size_t i = 0; i < service->method_count; i++) {
        method_comment(file, model, comments, &service->methods[i]);
        method_declare(file, &service->methods[i]);
    }
    fputs("\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n", file);
}

static void method_define(FILE *file, const struct method *method)
{
    const char *symbol = method->symbol;
    fprintf(file,
            "\nstatic const struct typed_method %s = {\n    .method = &ds_method_%s,\n"
            "    .request = &deltastream__%s__descriptor,\n"
            "    .response = &deltastream__%s__descriptor,\n};\n",
            symbol, symbol, method->request->c_lower, method->response->c_lower);
    fprintf(file,
            "\nenum deltastream_code deltastream_%s(struct deltastream_client *client,\n"
            "    const Deltastream__%s *request, const struct deltastream_call_options *options,\n"
            "    struct deltastream_reply **ret_reply)\n{\n"
            "    return typed_call(client, &%s, &request->base, options, ret_reply);\n}\n",
            symbol, method->request->c_type, symbol);
    fprintf(file,
            "\nenum deltastream_code deltastream_%s_async(struct deltastream_client *client,\n"
            "    const Deltastream__%s *request, const struct deltastream_call_options *options,\n"
            "    deltastream_done_fn done, void *context, struct deltastream_call **ret_call)\n{\n"
            "    return typed_call_async(client, &%s, &request->base, options, done, context,\n"
            "                            ret_call);\n}\n",
            symbol, method->request->c_type, symbol);
    fprintf(file,
            "\nconst Deltastream__%s *\n"
            "deltastream_%s_response(const struct deltastream_reply *reply)\n{\n"
            "    return (const Deltastream__%s *)typed_response(reply, &%s);\n}\n",
            method->response->c_type, symbol, method->response->c_type, symbol);
}

static void service_write(struct output *output, const struct model *model,
                          const struct comments *comments, const struct service *service)
{
    const char *header_name = memory_printf(model->memory, "deltastream/%s.h", service->symbol);
    const char *source_name = memory_printf(model->memory, "%s_client.gen.c", service->symbol);
    FILE *header = output_open(output, header_name);
    FILE *source = output_open(output, source_name);
    if (header != NULL && source != NULL) {
        header_write(header, model, comments, service);
        fprintf(source, "#include \"%s\"\n\n#include \"typed.h\"\n#include \"schema.gen.h\"\n",
                header_name);
        for (size_t i = 0; i < service->method_count; i++) {
            method_define(source, &service->methods[i]);
        }
    }
    output_close(output, header, header_name);
    output_close(output, source, source_name);
}

/* Notes the message and what its fields are made of. */
static void reach(const struct model *model, const struct message *message, bool *reached)
{
    const size_t place = (size_t)(message - model->messages);
    if (reached[place]) {
        return;
    }
    reached[place] = true;
    for (size_t i = 0; i < message->field_count; i++) {
        if (message->fields[i].message != NULL) {
            reach(model, message->fields[i].message, reached);
        }
    }
}

static const char *enumeration_c_type(struct memory *memory, const struct enumeration *enumeration)
{
    const char *package = enumeration->file->package;
    const size_t package_length = strlen(package);
    return memory_printf(
        memory, "Deltastream__%s",
        name_c_type(memory, package,
                    enumeration->full_name + package_length + (package_length > 0)));
}

/* As protoc-c writes the field's type. */
static const char *field_c_type(struct memory *memory, const struct field *field)
{
    switch ((int)field->descriptor->type) {
    case DS_KIND_DOUBLE:
        return "double ";
    case DS_KIND_FLOAT:
        return "float ";
    case DS_KIND_INT64:
    case DS_KIND_SINT64:
    case DS_KIND_SFIXED64:
        return "int64_t ";
    case DS_KIND_UINT64:
    case DS_KIND_FIXED64:
        return "uint64_t ";
    case DS_KIND_INT32:
    case DS_KIND_SINT32:
    case DS_KIND_SFIXED32:
        return "int32_t ";
    case DS_KIND_UINT32:
    case DS_KIND_FIXED32:
        return "uint32_t ";
    case DS_KIND_BOOL:
        return "protobuf_c_boolean ";
    case DS_KIND_STRING:
        return "char *";
    case DS_KIND_BYTES:
        return "ProtobufCBinaryData ";
    case DS_KIND_ENUM:
        return memory_printf(memory, "%s ", enumeration_c_type(memory, field->enumeration));
    default:
        return memory_printf(memory, "Deltastream__%s *", field->message->c_type);
    }
}

static const char *upper(struct memory *memory, const char *text)
{
    char *copy = memory_copy_text(memory, text, strlen(text));
    for (char *at = copy; *at != '\0'; at++) {
        *at = (char)toupper((unsigned char)*at);
    }
    return copy;
}

/* For protoc-c an optional field is the only member of a oneof "_name" (see strip.h). */
static void optional_write(FILE *file, struct memory *memory, const struct field *field)
{
    const struct message *message = field->parent;
    const char *name = field->descriptor->name;
    const char *present =
        memory_printf(memory, "DELTASTREAM__%s___%s_%s", upper(memory, message->c_lower),
                      upper(memory, name), upper(memory, name));
    fprintf(file,
            "static inline bool deltastream__%s__has_%s(const Deltastream__%s *message)\n{\n"
            "    return message->_%s_case == %s;\n}\n",
            message->c_lower, name, message->c_type, name, present);
    fprintf(file,
            "static inline void deltastream__%s__set_%s(Deltastream__%s *message,\n"
            "    %svalue)\n{\n    message->_%s_case = %s;\n    message->%s = value;\n}\n\n",
            message->c_lower, name, message->c_type, field_c_type(memory, field), name, present,
            name);
}

static void optionals_write(FILE *file, const struct model *model, const bool *reached)
{
    for (size_t i = 0; i < model->message_count; i++) {
        const struct message *message = &model->messages[i];
        for (size_t k = 0; reached[i] && k < message->field_count; k++) {
            if (message->fields[k].descriptor->proto3_optional != 0) {
                optional_write(file, model->memory, &message->fields[k]);
            }
        }
    }
}

static void optionals_header_write(FILE *file, const struct model *model)
{
    bool *reached = memory_alloc(model->memory, model->message_count * sizeof *reached);
    fputs("/*\n * Optional fields: absent is not the same as their default value. …__has_name() "
          "asks, "
          "and\n * …__set_name() sets the value and says that it is there. Pointers are kept, not "
          "copied.\n */\n#ifndef DELTASTREAM_OPTIONAL_FIELDS_H\n"
          "#define DELTASTREAM_OPTIONAL_FIELDS_H\n\n#include <stdbool.h>\n\n",
          file);
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service *service = &model->services[i];
        structs_include(file, model->memory, service);
        for (size_t k = 0; k < service->method_count; k++) {
            reach(model, service->methods[k].request, reached);
            reach(model, service->methods[k].response, reached);
        }
    }
    fputs("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n", file);
    optionals_write(file, model, reached);
    fputs("#ifdef __cplusplus\n}\n#endif\n\n#endif\n", file);
}

void emit_client(struct output *output, const struct model *model,
                 const Google__Protobuf__FileDescriptorSet *set)
{
    static const char list_name[] = "deltastream/services.h";
    FILE *list = output_open(output, list_name);
    if (list != NULL) {
        fputs("#ifndef DELTASTREAM_SERVICES_H\n#define DELTASTREAM_SERVICES_H\n\n", list);
        for (size_t i = 0; i < model->service_count; i++) {
            fprintf(list, "#include \"deltastream/%s.h\"\n", model->services[i].symbol);
        }
        fputs("#include \"deltastream/optional_fields.h\"\n\n#endif\n", list);
    }
    output_close(output, list, list_name);
    static const char optionals_name[] = "deltastream/optional_fields.h";
    FILE *optionals = output_open(output, optionals_name);
    if (optionals != NULL) {
        optionals_header_write(optionals, model);
    }
    output_close(output, optionals, optionals_name);
    struct comments comments;
    comments_load(&comments, model->memory, set);
    for (size_t i = 0; i < model->service_count; i++) {
        service_write(output, model, &comments, &model->services[i]);
    }
}
