#include "options.h"

#include <string.h>

enum {
    TAG_METHOD = 50600,
    TAG_BINDING = 50601,
    TAG_SERIES = 50600,
    TAG_EXAMPLE = 50601,
    TAG_REQUIRED = 50602,
    TAG_LIST = 50600,
    TAG_HTTP_STATUS = 50600,
    TAG_HTTP_RULE = 72295728,
};

/* Reads a varint off the front of `data`; returns its bytes, 0 when it does not end. */
static size_t varint_read(const uint8_t *data, size_t size, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size && i < 10; i++) {
        value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
        if ((data[i] & 0x80) == 0) {
            *ret_value = value;
            return i + 1;
        }
    }
    return 0;
}

/* The content of a length-delimited unknown field; protobuf-c leaves the length in front of it. */
static const uint8_t *field_content(const ProtobufCMessageUnknownField *field, size_t *ret_size)
{
    uint64_t length = 0;
    const size_t prefix = varint_read(field->data, field->len, &length);
    if (field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED || prefix == 0 ||
        length != field->len - prefix) {
        return NULL;
    }
    *ret_size = (size_t)length;
    return field->data + prefix;
}

/*
 * Unpacks a message option. Where the .proto sets its members one by one, protoc writes the option
 * once for each: as the wire format has it, the pieces one after the other are the merged message.
 */
static void *unpack_merged(struct memory *memory, const ProtobufCMessage *options, uint32_t tag,
                           const ProtobufCMessageDescriptor *type)
{
    uint8_t *merged = NULL;
    size_t merged_size = 0;
    for (unsigned int i = 0; i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
        size_t size = 0;
        const uint8_t *content = field->tag == tag ? field_content(field, &size) : NULL;
        if (content == NULL) {
            continue;
        }
        uint8_t *longer = memory_alloc(memory, merged_size + size);
        if (merged_size > 0) {
            memcpy(longer, merged, merged_size);
        }
        memcpy(longer + merged_size, content, size);
        merged = longer;
        merged_size += size;
    }
    if (merged == NULL) {
        return NULL;
    }
    return protobuf_c_message_unpack(type, memory_allocator(memory), merged_size, merged);
}

static uint64_t varint_option(const ProtobufCMessage *options, uint32_t tag)
{
    uint64_t value = 0;
    for (unsigned int i = 0; i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
        if (field->tag == tag && field->wire_type == PROTOBUF_C_WIRE_TYPE_VARINT) {
            varint_read(field->data, field->len, &value);
        }
    }
    return value;
}

const Deltastream__MethodRules *option_method_rules(struct memory *memory,
                                                    const Google__Protobuf__MethodOptions *options)
{
    if (options == NULL) {
        return NULL;
    }
    return unpack_merged(memory, &options->base, TAG_METHOD,
                         &deltastream__method_rules__descriptor);
}

const Google__Api__HttpRule *option_http_rule(struct memory *memory,
                                              const Google__Protobuf__MethodOptions *options)
{
    if (options == NULL) {
        return NULL;
    }
    return unpack_merged(memory, &options->base, TAG_HTTP_RULE,
                         &google__api__http_rule__descriptor);
}

size_t option_bindings(struct memory *memory, const Google__Protobuf__MethodOptions *options,
                       Deltastream__Binding ***ret_bindings)
{
    Deltastream__Binding **bindings = NULL;
    size_t count = 0;
    for (unsigned int i = 0; options != NULL && i < options->base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->base.unknown_fields[i];
        size_t size = 0;
        const uint8_t *content = field->tag == TAG_BINDING ? field_content(field, &size) : NULL;
        Deltastream__Binding *binding = NULL;
        if (content != NULL) {
            binding = deltastream__binding__unpack(memory_allocator(memory), size, content);
        }
        if (binding != NULL) {
            bindings = memory_grow(memory, bindings, count, sizeof(*bindings));
            bindings[count++] = binding;
        }
    }
    *ret_bindings = bindings;
    return count;
}

bool option_list(const Google__Protobuf__MessageOptions *options)
{
    return options != NULL && varint_option(&options->base, TAG_LIST) != 0;
}

bool option_series(const Google__Protobuf__FieldOptions *options)
{
    return options != NULL && varint_option(&options->base, TAG_SERIES) != 0;
}

bool option_required(const Google__Protobuf__FieldOptions *options)
{
    return options != NULL && varint_option(&options->base, TAG_REQUIRED) != 0;
}

const char *option_example(struct memory *memory, const Google__Protobuf__FieldOptions *options)
{
    for (unsigned int i = 0; options != NULL && i < options->base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->base.unknown_fields[i];
        size_t size = 0;
        const uint8_t *content = field->tag == TAG_EXAMPLE ? field_content(field, &size) : NULL;
        if (content != NULL) {
            return memory_copy_text(memory, (const char *)content, size);
        }
    }
    return NULL;
}

uint32_t option_http_status(const Google__Protobuf__EnumValueOptions *options)
{
    return options == NULL ? 0 : (uint32_t)varint_option(&options->base, TAG_HTTP_STATUS);
}
