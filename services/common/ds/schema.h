/*
 * The messages, enums and methods of the .proto files as constant tables. proto/compiler writes
 * them at build time; JSON, the wire check, dispatch, the gateway and the command line read them.
 * Nothing here is ever changed at run time, so everything may be read from any thread.
 */
#ifndef DS_SCHEMA_H
#define DS_SCHEMA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers of google.protobuf.FieldDescriptorProto.Type; groups are refused by the generator. */
enum ds_kind {
    DS_KIND_DOUBLE = 1,
    DS_KIND_FLOAT = 2,
    DS_KIND_INT64 = 3,
    DS_KIND_UINT64 = 4,
    DS_KIND_INT32 = 5,
    DS_KIND_FIXED64 = 6,
    DS_KIND_FIXED32 = 7,
    DS_KIND_BOOL = 8,
    DS_KIND_STRING = 9,
    DS_KIND_MESSAGE = 11,
    DS_KIND_BYTES = 12,
    DS_KIND_UINT32 = 13,
    DS_KIND_ENUM = 14,
    DS_KIND_SFIXED32 = 15,
    DS_KIND_SFIXED64 = 16,
    DS_KIND_SINT32 = 17,
    DS_KIND_SINT64 = 18,
};

enum ds_field_flag {
    DS_FIELD_REPEATED = 1 << 0,
    DS_FIELD_PACKED = 1 << 1, /* how a writer lays it out; readers take both layouts */
    DS_FIELD_PRESENCE =
        1 << 2,            /* absent is not the default value: optional, oneof members, messages */
    DS_FIELD_MAP = 1 << 3, /* repeated, of an entry message with key = 1 and value = 2 */
    DS_FIELD_SERIES = 1 << 4, /* option (deltastream.series) */
};

/* Messages that protobuf's JSON mapping writes in a form of their own. */
enum ds_wellknown {
    DS_WELLKNOWN_NONE = 0,
    DS_WELLKNOWN_TIMESTAMP,
    DS_WELLKNOWN_DURATION,
    DS_WELLKNOWN_FIELD_MASK,
    DS_WELLKNOWN_STRUCT,
    DS_WELLKNOWN_VALUE,
    DS_WELLKNOWN_LIST_VALUE, /* its one field's array; of option (deltastream.list) too */
    DS_WELLKNOWN_WRAPPER,    /* DoubleValue to BytesValue: one field, number 1 */
    DS_WELLKNOWN_ANY,
    DS_WELLKNOWN_EMPTY,
};

struct ds_message;

/* Whether JSON writes the well-known message as a string or a scalar. */
static inline bool ds_wellknown_is_text(enum ds_wellknown wellknown)
{
    return wellknown == DS_WELLKNOWN_TIMESTAMP || wellknown == DS_WELLKNOWN_DURATION ||
           wellknown == DS_WELLKNOWN_FIELD_MASK || wellknown == DS_WELLKNOWN_WRAPPER;
}

struct ds_enum_value {
    const char *name;       /* "ORDER_ASC" */
    const char *short_name; /* "asc": lower case, without the enum's own prefix; what query
                               parameters take too */
    int32_t number;
    uint16_t http_status; /* option (deltastream.http_status); 0 where there is none */
};

struct ds_enum {
    const char *full_name; /* "deltastream.storage.v1.Order" */
    const struct ds_enum_value *values;
    uint16_t value_count;
};

struct ds_field {
    const char *name;      /* as in the .proto */
    const char *json_name; /* lowerCamelCase, or what json_name says */
    uint8_t name_bytes;
    uint8_t json_name_bytes;
    uint8_t kind;  /* enum ds_kind */
    uint8_t flags; /* enum ds_field_flag */
    uint32_t number;
    int16_t oneof; /* index of the oneof within the message, -1 where there is none; a proto3
                    * optional field has none here */
    const struct ds_message *message;  /* of DS_KIND_MESSAGE, else NULL */
    const struct ds_enum *enumeration; /* of DS_KIND_ENUM, else NULL */
};

/* Of one message; the JSON reader keeps a bit for each on its stack. The generator refuses more. */
#define DS_MESSAGE_FIELDS_MAX 1024

struct ds_message {
    const char *full_name;         /* "deltastream.storage.v1.Tick" */
    const struct ds_field *fields; /* by ascending number */
    uint16_t field_count;
    uint8_t wellknown; /* enum ds_wellknown */
    const ProtobufCMessageDescriptor *descriptor;
};

/* The numbers of deltastream.Pool. */
enum ds_pool {
    DS_POOL_INLINE = 1,
    DS_POOL_READ = 2,
    DS_POOL_WRITE = 3,
    DS_POOL_CONTROL = 4,
};

/* The numbers of google.protobuf.MethodOptions.IdempotencyLevel. */
enum ds_idempotency {
    DS_IDEMPOTENCY_UNKNOWN = 0,
    DS_NO_SIDE_EFFECTS = 1,
    DS_IDEMPOTENT = 2,
};

struct ds_service;

struct ds_method {
    const char *full_name; /* "deltastream.storage.v1.Storage/ListTicks" */
    const char *name;      /* "ListTicks" */
    const struct ds_service *service;
    const struct ds_message *request;
    const struct ds_message *response;
    const char *permission; /* "market:read"; "public" where none is needed */
    const struct ds_field
        *rows; /* field of the request that NDJSON rows fill; NULL where there is none */
    const struct ds_field *limit; /* int32 field of the request that bounds the reply's rows; NULL
                                     where there is none */
    uint32_t request_bytes_max;
    uint32_t timeout_ms;
    uint16_t index;      /* of the method in its service */
    uint8_t pool;        /* enum ds_pool */
    uint8_t idempotency; /* enum ds_idempotency */
    bool may_compress;   /* its payloads may travel compressed: they hold no secrets */
};

struct ds_service {
    const char *full_name; /* "deltastream.storage.v1.Storage" */
    const struct ds_method *methods;
    uint16_t method_count;
};

/* Every service of the .proto files, in the order of their names; written by the generator. */
extern const struct ds_service *const ds_services[];
extern const size_t ds_service_count;

/* Every message of the .proto files, in the order of their full names; written by the generator. */
extern const struct ds_message *const ds_messages[];
extern const size_t ds_message_count;

/* The FileDescriptorSet of the .proto files, for reflection and the command line; written by the
 * generator. */
extern const uint8_t ds_descriptor_set[];
extern const size_t ds_descriptor_set_bytes;

/* NULL where there is none of that name; `full_name` need not be terminated. */
const struct ds_method *ds_method_find(const char *full_name, size_t full_name_bytes);

/* The same among the methods of one service, which need not be one of ds_services. */
const struct ds_method *ds_service_method_find(const struct ds_service *service,
                                               const char *full_name, size_t full_name_bytes);

const struct ds_message *ds_message_find(const char *full_name);

/* The same among any messages in the order of their names. */
const struct ds_message *ds_message_find_among(const struct ds_message *const *messages,
                                               size_t count, const char *full_name,
                                               size_t full_name_bytes);

/* The field of that number; NULL where there is none. */
const struct ds_field *ds_field_by_number(const struct ds_message *message, uint32_t number);

/* The field whose .proto name or JSON name is `name`; NULL where there is none. */
const struct ds_field *ds_field_by_name(const struct ds_message *message, const char *name,
                                        size_t name_bytes);

const struct ds_enum_value *ds_enum_by_name(const struct ds_enum *enumeration, const char *name,
                                            size_t name_bytes);
const struct ds_enum_value *ds_enum_by_number(const struct ds_enum *enumeration, int32_t number);

#endif
