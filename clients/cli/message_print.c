#include "clients/cli/message_print.h"

static const char *kind_name(const struct ds_field *field)
{
    switch ((enum ds_kind)field->kind) {
    case DS_KIND_DOUBLE:
        return "double";
    case DS_KIND_FLOAT:
        return "float";
    case DS_KIND_INT64:
        return "int64";
    case DS_KIND_UINT64:
        return "uint64";
    case DS_KIND_INT32:
        return "int32";
    case DS_KIND_FIXED64:
        return "fixed64";
    case DS_KIND_FIXED32:
        return "fixed32";
    case DS_KIND_BOOL:
        return "bool";
    case DS_KIND_STRING:
        return "string";
    case DS_KIND_BYTES:
        return "bytes";
    case DS_KIND_UINT32:
        return "uint32";
    case DS_KIND_SFIXED32:
        return "sfixed32";
    case DS_KIND_SFIXED64:
        return "sfixed64";
    case DS_KIND_SINT32:
        return "sint32";
    case DS_KIND_SINT64:
        return "sint64";
    case DS_KIND_ENUM:
        return field->enumeration->full_name;
    case DS_KIND_MESSAGE:
        return field->message->full_name;
    }
    return "";
}

static const char *label_of(const struct ds_field *field)
{
    if ((field->flags & DS_FIELD_REPEATED) != 0) {
        return "repeated ";
    }
    const bool is_optional = (field->flags & DS_FIELD_PRESENCE) != 0 && field->oneof < 0 &&
                             field->kind != DS_KIND_MESSAGE;
    return is_optional ? "optional " : "";
}

void message_print(const struct ds_message *message, FILE *stream)
{
    fprintf(stream, "message %s\n", message->full_name);
    for (size_t i = 0; i < message->field_count; i++) {
        const struct ds_field *field = &message->fields[i];
        fprintf(stream, "  %4u  %-22s%s%s\n", field->number, field->name, label_of(field),
                kind_name(field));
    }
}
