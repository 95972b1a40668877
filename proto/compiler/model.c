#include "model.h"

#include "names.h"

#include <stdlib.h>
#include <string.h>

#define NAME_LENGTH_MAX UINT8_MAX
#define VALUES_MAX UINT16_MAX

/* The one file in proto2 that everybody imports: it describes options, none of its messages
 * travels. */
static const char descriptor_path[] = "google/protobuf/descriptor.proto";

static const char *join_path(struct memory *memory, const char *scope, const char *name)
{
    return scope[0] == '\0' ? name : memory_printf(memory, "%s.%s", scope, name);
}

static enum ds_wellknown wellknown_of(const char *full_name)
{
    static const struct {
        const char *name;
        enum ds_wellknown wellknown;
    } table[] = {
        {"Timestamp", DS_WELLKNOWN_TIMESTAMP},  {"Duration", DS_WELLKNOWN_DURATION},
        {"FieldMask", DS_WELLKNOWN_FIELD_MASK}, {"Struct", DS_WELLKNOWN_STRUCT},
        {"Value", DS_WELLKNOWN_VALUE},          {"ListValue", DS_WELLKNOWN_LIST_VALUE},
        {"DoubleValue", DS_WELLKNOWN_WRAPPER},  {"FloatValue", DS_WELLKNOWN_WRAPPER},
        {"Int64Value", DS_WELLKNOWN_WRAPPER},   {"UInt64Value", DS_WELLKNOWN_WRAPPER},
        {"Int32Value", DS_WELLKNOWN_WRAPPER},   {"UInt32Value", DS_WELLKNOWN_WRAPPER},
        {"BoolValue", DS_WELLKNOWN_WRAPPER},    {"StringValue", DS_WELLKNOWN_WRAPPER},
        {"BytesValue", DS_WELLKNOWN_WRAPPER},   {"Any", DS_WELLKNOWN_ANY},
        {"Empty", DS_WELLKNOWN_EMPTY},
    };
    static const char package[] = "google.protobuf.";
    if (strncmp(full_name, package, strlen(package)) != 0) {
        return DS_WELLKNOWN_NONE;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(full_name + strlen(package), table[i].name) == 0) {
            return table[i].wellknown;
        }
    }
    return DS_WELLKNOWN_NONE;
}

/* First pass: every type gets its place in the lists. `path` is its name within the package. */

static void enumeration_add(struct model *model, const struct file *file, const char *path,
                            const Google__Protobuf__EnumDescriptorProto *descriptor)
{
    if (descriptor->n_value > VALUES_MAX) {
        complain(model->complaints, file->path, path, "has more than %d values; split it",
                 VALUES_MAX);
    }
    model->enumerations = memory_grow(model->memory, model->enumerations, model->enumeration_count,
                                      sizeof *model->enumerations);
    model->enumerations[model->enumeration_count++] = (struct enumeration){
        .full_name = join_path(model->memory, file->package, path),
        .symbol = name_symbol(model->memory, file->package, path),
        .file = file,
        .descriptor = descriptor,
    };
}

static void message_add(struct model *model, const struct file *file, const char *path,
                        const Google__Protobuf__DescriptorProto *descriptor)
{
    if (descriptor->n_field > DS_MESSAGE_FIELDS_MAX) {
        complain(model->complaints, file->path, path, "has more than %d fields; split it",
                 DS_MESSAGE_FIELDS_MAX);
    }
    struct memory *memory = model->memory;
    const char *full_name = join_path(memory, file->package, path);
    model->messages =
        memory_grow(memory, model->messages, model->message_count, sizeof *model->messages);
    model->messages[model->message_count++] = (struct message){
        .full_name = full_name,
        .symbol = name_symbol(memory, file->package, path),
        .c_type = name_c_type(memory, file->package, path),
        .c_lower = name_c_lower(memory, file->package, path),
        .file = file,
        .descriptor = descriptor,
        .wellknown =
            option_list(descriptor->options) ? DS_WELLKNOWN_LIST_VALUE : wellknown_of(full_name),
        .is_map_entry = descriptor->options != NULL && descriptor->options->map_entry,
    };
    for (size_t i = 0; i < descriptor->n_nested_type; i++) {
        message_add(model, file, join_path(memory, path, descriptor->nested_type[i]->name),
                    descriptor->nested_type[i]);
    }
    for (size_t i = 0; i < descriptor->n_enum_type; i++) {
        enumeration_add(model, file, join_path(memory, path, descriptor->enum_type[i]->name),
                        descriptor->enum_type[i]);
    }
}

static void service_add(struct model *model, const struct file *file,
                        const Google__Protobuf__ServiceDescriptorProto *descriptor)
{
    model->services =
        memory_grow(model->memory, model->services, model->service_count, sizeof *model->services);
    model->services[model->service_count++] = (struct service){
        .full_name = join_path(model->memory, file->package, descriptor->name),
        .symbol = name_snake(model->memory, descriptor->name),
        .file = file,
        .descriptor = descriptor,
    };
}

static void file_load(struct model *model, const Google__Protobuf__FileDescriptorProto *descriptor)
{
    if (strcmp(descriptor->name, descriptor_path) == 0) {
        return;
    }
    struct file *file = &model->files[model->file_count++];
    *file = (struct file){
        .path = descriptor->name,
        .package = descriptor->package == NULL ? "" : descriptor->package,
    };
    if (descriptor->syntax == NULL || strcmp(descriptor->syntax, "proto3") != 0) {
        complain(model->complaints, file->path, "",
                 "is written in proto2, whose groups, required fields and defaults are not "
                 "supported; write syntax = \"proto3\"");
        return;
    }
    for (size_t i = 0; i < descriptor->n_message_type; i++) {
        message_add(model, file, descriptor->message_type[i]->name, descriptor->message_type[i]);
    }
    for (size_t i = 0; i < descriptor->n_enum_type; i++) {
        enumeration_add(model, file, descriptor->enum_type[i]->name, descriptor->enum_type[i]);
    }
    for (size_t i = 0; i < descriptor->n_service; i++) {
        service_add(model, file, descriptor->service[i]);
    }
}

/* Second pass, with the lists in order: names of types become pointers. */

/* Every element of the three lists begins with its full name. */
static int full_name_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `type_name` is as protoc writes it: absolute, with a dot in front. */
static const struct message *find_message(const struct model *model, const char *type_name)
{
    const char *full_name = type_name + 1;
    return bsearch(&full_name, model->messages, model->message_count, sizeof *model->messages,
                   full_name_compare);
}

static const struct enumeration *find_enumeration(const struct model *model, const char *type_name)
{
    const char *full_name = type_name + 1;
    return bsearch(&full_name, model->enumerations, model->enumeration_count,
                   sizeof *model->enumerations, full_name_compare);
}

static bool is_packable(int kind)
{
    return kind != DS_KIND_STRING && kind != DS_KIND_BYTES && kind != DS_KIND_MESSAGE;
}

static unsigned int field_flags(const struct field *field)
{
    const Google__Protobuf__FieldDescriptorProto *descriptor = field->descriptor;
    const Google__Protobuf__FieldOptions *options = descriptor->options;
    unsigned int flags = option_series(options) ? DS_FIELD_SERIES : 0;
    if (descriptor->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED) {
        flags |= DS_FIELD_REPEATED;
        const bool is_packed = options == NULL || !options->has_packed || options->packed;
        if (is_packed && is_packable((int)descriptor->type)) {
            flags |= DS_FIELD_PACKED;
        }
        if (field->message != NULL && field->message->is_map_entry) {
            flags |= DS_FIELD_MAP;
        }
        return flags;
    }
    /* A proto3 optional is the member of a oneof made up by protoc. */
    if (descriptor->has_oneof_index || field->message != NULL) {
        flags |= DS_FIELD_PRESENCE;
    }
    return flags;
}

static void field_load(struct model *model, const struct message *parent, struct field *field,
                       const Google__Protobuf__FieldDescriptorProto *descriptor)
{
    *field = (struct field){.descriptor = descriptor, .parent = parent, .oneof = -1};
    if (descriptor->has_oneof_index && !descriptor->proto3_optional) {
        field->oneof = descriptor->oneof_index;
    }
    if (strlen(descriptor->name) > NAME_LENGTH_MAX ||
        strlen(descriptor->json_name) > NAME_LENGTH_MAX) {
        complain(model->complaints, parent->file->path, parent->full_name,
                 "a field's name is longer than %d characters; shorten %s", NAME_LENGTH_MAX,
                 descriptor->name);
    }
    const int kind = (int)descriptor->type;
    if (kind == DS_KIND_MESSAGE) {
        field->message = find_message(model, descriptor->type_name);
    } else if (kind == DS_KIND_ENUM) {
        field->enumeration = find_enumeration(model, descriptor->type_name);
    }
    const bool needs_type = kind == DS_KIND_MESSAGE || kind == DS_KIND_ENUM;
    if (needs_type && field->message == NULL && field->enumeration == NULL) {
        complain(model->complaints, parent->file->path, parent->full_name,
                 "field %s is of the proto2 type %s; use a proto3 type", descriptor->name,
                 descriptor->type_name + 1);
    }
    field->flags = field_flags(field);
}

static int field_number_compare(const void *a, const void *b)
{
    const int32_t number_a = ((const struct field *)a)->descriptor->number;
    const int32_t number_b = ((const struct field *)b)->descriptor->number;
    return (number_a > number_b) - (number_a < number_b);
}

static void message_resolve(struct model *model, struct message *message)
{
    message->field_count = message->descriptor->n_field;
    message->fields = memory_alloc(model->memory, message->field_count * sizeof *message->fields);
    for (size_t i = 0; i < message->field_count; i++) {
        field_load(model, message, &message->fields[i], message->descriptor->field[i]);
    }
    qsort(message->fields, message->field_count, sizeof *message->fields, field_number_compare);
}

static void method_load(struct model *model, const struct service *service, struct method *method,
                        const Google__Protobuf__MethodDescriptorProto *descriptor)
{
    struct memory *memory = model->memory;
    *method = (struct method){
        .full_name = memory_printf(memory, "%s/%s", service->full_name, descriptor->name),
        .symbol =
            memory_printf(memory, "%s_%s", service->symbol, name_snake(memory, descriptor->name)),
        .service = service,
        .descriptor = descriptor,
        .request = find_message(model, descriptor->input_type),
        .response = find_message(model, descriptor->output_type),
        .rules = option_method_rules(memory, descriptor->options),
        .http_rule = option_http_rule(memory, descriptor->options),
    };
    method->binding_count = option_bindings(memory, descriptor->options, &method->bindings);
    if (method->request == NULL || method->response == NULL) {
        complain(model->complaints, service->file->path, method->full_name,
                 "takes or returns a proto2 message; use proto3 messages");
    }
    if (method->rules != NULL && method->request != NULL) {
        method->rows = message_field(method->request, method->rules->rows);
    }
}

static void service_resolve(struct model *model, struct service *service)
{
    service->method_count = service->descriptor->n_method;
    service->methods =
        memory_alloc(model->memory, service->method_count * sizeof *service->methods);
    for (size_t i = 0; i < service->method_count; i++) {
        method_load(model, service, &service->methods[i], service->descriptor->method[i]);
    }
}

static void sort_by_full_name(void *list, size_t count, size_t element_bytes)
{
    if (count > 0) {
        qsort(list, count, element_bytes, full_name_compare);
    }
}

void model_load(struct model *model, const Google__Protobuf__FileDescriptorSet *set)
{
    model->files = memory_alloc(model->memory, set->n_file * sizeof *model->files);
    for (size_t i = 0; i < set->n_file; i++) {
        file_load(model, set->file[i]);
    }
    sort_by_full_name(model->messages, model->message_count, sizeof *model->messages);
    sort_by_full_name(model->enumerations, model->enumeration_count, sizeof *model->enumerations);
    sort_by_full_name(model->services, model->service_count, sizeof *model->services);

    for (size_t i = 0; i < model->message_count; i++) {
        message_resolve(model, &model->messages[i]);
    }
    for (size_t i = 0; i < model->service_count; i++) {
        service_resolve(model, &model->services[i]);
    }
}

const struct field *message_field(const struct message *message, const char *name)
{
    for (size_t i = 0; i < message->field_count; i++) {
        if (strcmp(message->fields[i].descriptor->name, name) == 0) {
            return &message->fields[i];
        }
    }
    return NULL;
}
