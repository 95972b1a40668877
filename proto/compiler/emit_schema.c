#include "emit.h"
#include "names.h"

#include <inttypes.h>
#include <string.h>

/* Arrays of fields and methods have names of their own because the routes point into them. */

static void enumeration_write(FILE *file, const struct output *output, const struct model *model,
                              const struct enumeration *enumeration)
{
    const Google__Protobuf__EnumDescriptorProto *descriptor = enumeration->descriptor;
    fprintf(file, "\nstatic const struct ds_enum_value %s_values[] = {\n", enumeration->symbol);
    for (size_t i = 0; i < descriptor->n_value; i++) {
        const Google__Protobuf__EnumValueDescriptorProto *value = descriptor->value[i];
        fprintf(file,
                "    {.name = \"%s\", .short_name = \"%s\", .number = %" PRId32
                ", .http_status = %" PRIu32 "},\n",
                value->name, name_enum_short(model->memory, descriptor->name, value->name),
                value->number, option_http_status(value->options));
    }
    fprintf(file,
            "};\n\nconst struct ds_enum %sds_enum_%s = {\n"
            "    .full_name = \"%s\",\n"
            "    .values = %s_values,\n"
            "    .value_count = %zu,\n};\n",
            output->prefix, enumeration->symbol, enumeration->full_name, enumeration->symbol,
            descriptor->n_value);
}

static void flags_write(FILE *file, unsigned int flags)
{
    static const struct {
        unsigned int flag;
        const char *name;
    } table[] = {
        {DS_FIELD_REPEATED, "DS_FIELD_REPEATED"}, {DS_FIELD_PACKED, "DS_FIELD_PACKED"},
        {DS_FIELD_PRESENCE, "DS_FIELD_PRESENCE"}, {DS_FIELD_MAP, "DS_FIELD_MAP"},
        {DS_FIELD_SERIES, "DS_FIELD_SERIES"},
    };
    const char *separator = "";
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if ((flags & table[i].flag) != 0) {
            fprintf(file, "%s%s", separator, table[i].name);
            separator = " | ";
        }
    }
}

static const char *kind_name(int kind)
{
    static const char *const names[] = {
        [DS_KIND_DOUBLE] = "DS_KIND_DOUBLE",     [DS_KIND_FLOAT] = "DS_KIND_FLOAT",
        [DS_KIND_INT64] = "DS_KIND_INT64",       [DS_KIND_UINT64] = "DS_KIND_UINT64",
        [DS_KIND_INT32] = "DS_KIND_INT32",       [DS_KIND_FIXED64] = "DS_KIND_FIXED64",
        [DS_KIND_FIXED32] = "DS_KIND_FIXED32",   [DS_KIND_BOOL] = "DS_KIND_BOOL",
        [DS_KIND_STRING] = "DS_KIND_STRING",     [DS_KIND_MESSAGE] = "DS_KIND_MESSAGE",
        [DS_KIND_BYTES] = "DS_KIND_BYTES",       [DS_KIND_UINT32] = "DS_KIND_UINT32",
        [DS_KIND_ENUM] = "DS_KIND_ENUM",         [DS_KIND_SFIXED32] = "DS_KIND_SFIXED32",
        [DS_KIND_SFIXED64] = "DS_KIND_SFIXED64", [DS_KIND_SINT32] = "DS_KIND_SINT32",
        [DS_KIND_SINT64] = "DS_KIND_SINT64",
    };
    return names[kind];
}

static void field_write(FILE *file, const struct output *output, const struct field *field)
{
    const Google__Protobuf__FieldDescriptorProto *descriptor = field->descriptor;
    fprintf(file, "    {.name = \"%s\", .json_name = ", descriptor->name);
    output_literal(file, descriptor->json_name);
    fprintf(file, ", .name_bytes = %zu, .json_name_bytes = %zu,\n     .kind = %s",
            strlen(descriptor->name), strlen(descriptor->json_name),
            kind_name((int)descriptor->type));
    if (field->flags != 0) {
        fputs(", .flags = ", file);
        flags_write(file, field->flags);
    }
    fprintf(file, ", .number = %" PRId32 ", .oneof = %d", descriptor->number, field->oneof);
    if (field->message != NULL) {
        fprintf(file, ",\n     .message = &%sds_message_%s", output->prefix,
                field->message->symbol);
    }
    if (field->enumeration != NULL) {
        fprintf(file, ",\n     .enumeration = &%sds_enum_%s", output->prefix,
                field->enumeration->symbol);
    }
    fputs("},\n", file);
}

static const char *wellknown_name(enum ds_wellknown wellknown)
{
    static const char *const names[] = {
        [DS_WELLKNOWN_NONE] = "DS_WELLKNOWN_NONE",
        [DS_WELLKNOWN_TIMESTAMP] = "DS_WELLKNOWN_TIMESTAMP",
        [DS_WELLKNOWN_DURATION] = "DS_WELLKNOWN_DURATION",
        [DS_WELLKNOWN_FIELD_MASK] = "DS_WELLKNOWN_FIELD_MASK",
        [DS_WELLKNOWN_STRUCT] = "DS_WELLKNOWN_STRUCT",
        [DS_WELLKNOWN_VALUE] = "DS_WELLKNOWN_VALUE",
        [DS_WELLKNOWN_LIST_VALUE] = "DS_WELLKNOWN_LIST_VALUE",
        [DS_WELLKNOWN_WRAPPER] = "DS_WELLKNOWN_WRAPPER",
        [DS_WELLKNOWN_ANY] = "DS_WELLKNOWN_ANY",
        [DS_WELLKNOWN_EMPTY] = "DS_WELLKNOWN_EMPTY",
    };
    return names[wellknown];
}

static void message_write(FILE *file, const struct output *output, const struct message *message)
{
    if (message->field_count > 0) {
        fprintf(file, "\nconst struct ds_field %sds_fields_%s[] = {\n", output->prefix,
                message->symbol);
        for (size_t i = 0; i < message->field_count; i++) {
            field_write(file, output, &message->fields[i]);
        }
        fputs("};\n", file);
    }
    fprintf(file, "\nconst struct ds_message %sds_message_%s = {\n    .full_name = \"%s\",\n",
            output->prefix, message->symbol, message->full_name);
    if (message->field_count > 0) {
        fprintf(file, "    .fields = %sds_fields_%s,\n    .field_count = %zu,\n", output->prefix,
                message->symbol, message->field_count);
    }
    fprintf(file, "    .wellknown = %s,\n    .descriptor = &%s__descriptor,\n};\n",
            wellknown_name(message->wellknown), message->c_lower);
}

/* The field that says how many rows the reply may have: by its name, as in every list of Google's
 * APIs. NULL where the request has none. */
static const struct field *limit_of(const struct method *method)
{
    const struct field *limit = message_field(method->request, "limit");
    return limit != NULL && (int)limit->descriptor->type == DS_KIND_INT32 &&
                   (limit->flags & DS_FIELD_REPEATED) == 0
               ? limit
               : NULL;
}

static void method_write(FILE *file, const struct output *output, const struct method *method,
                         size_t index)
{
    const Google__Protobuf__MethodOptions *options = method->descriptor->options;
    const char *prefix = output->prefix;
    fprintf(file, "    {.full_name = \"%s\",\n     .name = \"%s\",\n", method->full_name,
            method->descriptor->name);
    fprintf(file,
            "     .service = &%sds_service_%s,\n     .request = &%sds_message_%s,\n"
            "     .response = &%sds_message_%s,\n     .permission = ",
            prefix, method->service->symbol, prefix, method->request->symbol, prefix,
            method->response->symbol);
    output_literal(file, method->rules->permission);
    if (method->rows != NULL) {
        fprintf(file, ",\n     .rows = &%sds_fields_%s[%td]", prefix, method->request->symbol,
                method->rows - method->request->fields);
    }
    const struct field *limit = limit_of(method);
    if (limit != NULL) {
        fprintf(file, ",\n     .limit = &%sds_fields_%s[%td]", prefix, method->request->symbol,
                limit - method->request->fields);
    }
    fprintf(file,
            ",\n     .request_bytes_max = %" PRIu32 ",\n     .timeout_ms = %" PRIu32
            ",\n     .index = %zu,\n     .pool = %d,\n     .idempotency = %d,\n     .may_compress "
            "= %s},\n",
            method->rules->request_bytes_max, method->rules->timeout_ms, index,
            (int)method->rules->pool, options == NULL ? 0 : (int)options->idempotency_level,
            method->rules->compress ? "true" : "false");
}

static void service_write(FILE *file, const struct output *output, const struct service *service)
{
    if (service->method_count > 0) {
        fprintf(file, "\nconst struct ds_method %sds_methods_%s[] = {\n", output->prefix,
                service->symbol);
        for (size_t i = 0; i < service->method_count; i++) {
            method_write(file, output, &service->methods[i], i);
        }
        fputs("};\n", file);
    }
    for (size_t i = 0; i < service->method_count; i++) {
        fprintf(file, "\nconst struct ds_method *const %sds_method_%s = &%sds_methods_%s[%zu];\n",
                output->prefix, service->methods[i].symbol, output->prefix, service->symbol, i);
    }
    fprintf(file, "\nconst struct ds_service %sds_service_%s = {\n    .full_name = \"%s\",\n",
            output->prefix, service->symbol, service->full_name);
    if (service->method_count > 0) {
        fprintf(file, "    .methods = %sds_methods_%s,\n    .method_count = %zu,\n", output->prefix,
                service->symbol, service->method_count);
    }
    fputs("};\n", file);
}

/* The lists end with NULL, which their counts leave out, so that an empty one is valid C too. */
static void lists_write(FILE *file, const struct output *output, const struct model *model)
{
    const char *prefix = output->prefix;
    fprintf(file, "\nconst struct ds_service *const %sds_services[] = {\n", prefix);
    for (size_t i = 0; i < model->service_count; i++) {
        fprintf(file, "    &%sds_service_%s,\n", prefix, model->services[i].symbol);
    }
    fprintf(file, "    NULL,\n};\nconst size_t %sds_service_count = %zu;\n", prefix,
            model->service_count);
    fprintf(file, "\nconst struct ds_message *const %sds_messages[] = {\n", prefix);
    for (size_t i = 0; i < model->message_count; i++) {
        fprintf(file, "    &%sds_message_%s,\n", prefix, model->messages[i].symbol);
    }
    fprintf(file, "    NULL,\n};\nconst size_t %sds_message_count = %zu;\n", prefix,
            model->message_count);
}

static void service_declare(FILE *file, const char *prefix, const struct service *service)
{
    fprintf(file, "\nextern const struct ds_service %sds_service_%s;\n", prefix, service->symbol);
    if (service->method_count > 0) {
        fprintf(file, "extern const struct ds_method %sds_methods_%s[];\n", prefix,
                service->symbol);
    }
    for (size_t i = 0; i < service->method_count; i++) {
        fprintf(file, "extern const struct ds_method *const %sds_method_%s;\n", prefix,
                service->methods[i].symbol);
    }
}

/* ds/schema.h declares the lists for the tables without a prefix. */
static void lists_declare(FILE *file, const char *prefix)
{
    fprintf(file, "\nextern const struct ds_service *const %sds_services[];\n", prefix);
    fprintf(file, "extern const size_t %sds_service_count;\n", prefix);
    fprintf(file, "extern const struct ds_message *const %sds_messages[];\n", prefix);
    fprintf(file, "extern const size_t %sds_message_count;\n", prefix);
    fprintf(file, "extern const uint8_t %sds_descriptor_set[];\n", prefix);
    fprintf(file, "extern const size_t %sds_descriptor_set_bytes;\n", prefix);
}

static void header_write(FILE *file, const struct output *output, const struct model *model)
{
    const char *prefix = output->prefix;
    fprintf(file, "#ifndef %sSCHEMA_GEN_H\n#define %sSCHEMA_GEN_H\n\n#include \"ds/schema.h\"\n\n",
            prefix, prefix);
    for (size_t i = 0; i < model->enumeration_count; i++) {
        fprintf(file, "extern const struct ds_enum %sds_enum_%s;\n", prefix,
                model->enumerations[i].symbol);
    }
    fputc('\n', file);
    for (size_t i = 0; i < model->message_count; i++) {
        const struct message *message = &model->messages[i];
        fprintf(file, "extern const struct ds_message %sds_message_%s;\n", prefix, message->symbol);
        if (message->field_count > 0) {
            fprintf(file, "extern const struct ds_field %sds_fields_%s[];\n", prefix,
                    message->symbol);
        }
    }
    for (size_t i = 0; i < model->service_count; i++) {
        service_declare(file, prefix, &model->services[i]);
    }
    if (prefix[0] != '\0') {
        lists_declare(file, prefix);
    }
    fputs("\n#endif\n", file);
}

static void includes_write(FILE *file, const struct output *output, const struct model *model)
{
    fprintf(file, "#include \"%sschema.gen.h\"\n\n", output->prefix);
    for (size_t i = 0; i < model->file_count; i++) {
        output_include(file, model->files[i].path);
    }
}

void emit_schema(struct output *output, const struct model *model)
{
    FILE *header = output_open(output, "schema.gen.h");
    FILE *source = output_open(output, "schema.gen.c");
    if (header != NULL && source != NULL) {
        header_write(header, output, model);
        includes_write(source, output, model);
        for (size_t i = 0; i < model->enumeration_count; i++) {
            enumeration_write(source, output, model, &model->enumerations[i]);
        }
        for (size_t i = 0; i < model->message_count; i++) {
            message_write(source, output, &model->messages[i]);
        }
        for (size_t i = 0; i < model->service_count; i++) {
            service_write(source, output, &model->services[i]);
        }
        lists_write(source, output, model);
    }
    output_close(output, header, "schema.gen.h");
    output_close(output, source, "schema.gen.c");
}
