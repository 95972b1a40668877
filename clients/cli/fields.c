#include "clients/cli/fields.h"

static bool read_value(struct ds_wire_reader *reader, struct field *field)
{
    switch (field->type) {
    case DS_WIRE_VARINT:
        return ds_wire_read_varint(reader, &field->varint);
    case DS_WIRE_BYTES:
        return ds_wire_read_bytes(reader, &field->bytes);
    default:
        return ds_wire_skip(reader, field->type);
    }
}

ds_code field_next(struct ds_wire_reader *reader, struct field *ret_field)
{
    const uint8_t *begin = reader->next;
    struct field field = {0};
    if (!ds_wire_read_tag(reader, &field.number, &field.type) || !read_value(reader, &field)) {
        return DS_INVALID_ARGUMENT;
    }
    field.whole = ds_bytes_of(begin, (size_t)(reader->next - begin));
    *ret_field = field;
    return DS_OK;
}

ds_code fields_each(struct ds_bytes message, field_fn take, void *context)
{
    struct ds_wire_reader reader = ds_wire_reader_of(message);
    while (!ds_wire_at_end(&reader)) {
        struct field field;
        DS_TRY(field_next(&reader, &field));
        if (field.type == DS_WIRE_BYTES) {
            DS_TRY(take(context, field.number, field.bytes));
        }
    }
    return DS_OK;
}
