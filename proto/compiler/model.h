/*
 * The descriptor set as the emitters want it: every message, enum and service in one list, types
 * resolved to pointers, options unpacked, names in C worked out.
 */
#ifndef COMPILER_MODEL_H
#define COMPILER_MODEL_H

#include "complaints.h"
#include "ds/schema.h"
#include "memory.h"
#include "options.h"

struct file {
    const char *path;    /* "deltastream/storage/v1/storage.proto" */
    const char *package; /* "" where there is none */
};

struct enumeration {
    const char *full_name;
    const char *symbol; /* "storage_order" */
    const struct file *file;
    const Google__Protobuf__EnumDescriptorProto *descriptor;
};

struct field {
    const Google__Protobuf__FieldDescriptorProto *descriptor;
    const struct message *parent;
    const struct message *message;         /* of a message field */
    const struct enumeration *enumeration; /* of an enum field */
    unsigned int flags;                    /* enum ds_field_flag */
    int oneof;                             /* as ds_field.oneof */
};

struct message {
    const char *full_name;
    const char *symbol;  /* "storage_tick" */
    const char *c_type;  /* "Storage__Tick" */
    const char *c_lower; /* "storage__tick" */
    const struct file *file;
    const Google__Protobuf__DescriptorProto *descriptor;
    struct field *fields; /* by ascending number */
    size_t field_count;
    enum ds_wellknown wellknown;
    bool is_map_entry;
};

struct method {
    const char *full_name; /* "deltastream.storage.v1.Storage/ListTicks" */
    const char *symbol;    /* "storage_list_ticks" */
    const struct service *service;
    const Google__Protobuf__MethodDescriptorProto *descriptor;
    const struct message *request;
    const struct message *response;
    const Deltastream__MethodRules *rules; /* NULL where there are none */
    const struct field *rows;
    const Google__Api__HttpRule *http_rule; /* NULL where there is none */
    Deltastream__Binding **bindings;
    size_t binding_count;
};

struct service {
    const char *full_name; /* "deltastream.storage.v1.Storage" */
    const char *symbol;    /* "storage" */
    const struct file *file;
    const Google__Protobuf__ServiceDescriptorProto *descriptor;
    struct method *methods; /* in the order of the .proto */
    size_t method_count;
};

/* Messages, enums and services stand in the order of their full names. */
struct model {
    struct memory *memory;
    struct complaints *complaints;
    struct file *files;
    struct message *messages;
    struct enumeration *enumerations;
    struct service *services;
    size_t file_count;
    size_t message_count;
    size_t enumeration_count;
    size_t service_count;
};

/* Fills `model`, whose memory and complaints are set. Where it complains, the model is incomplete
 * and only good for being thrown away. */
void model_load(struct model *model, const Google__Protobuf__FileDescriptorSet *set);

/* NULL where there is none. */
const struct field *message_field(const struct message *message, const char *name);

#endif
