#include "clients/cli/fields.h"

#include "ds/wire.h"

static ds_code take_next(struct ds_wire_reader *reader, field_fn take, void *context)
{
    uint32_t number = 0;
    enum ds_wire_type type = DS_WIRE_VARINT;
    struct ds_bytes value = {0};
    if (!ds_wire_read_tag(reader, &number, &type)) {
        return DS_INVALID_ARGUMENT;
    }
    if (type != DS_WIRE_BYTES) {
        return ds_wire_skip(reader, type) ? DS_OK : DS_INVALID_ARGUMENT;
    }
    if (!ds_wire_read_bytes(reader, &value)) {
        return DS_INVALID_ARGUMENT;
    }
    return take(context, number, value);
}

ds_code fields_each(struct ds_bytes message, field_fn take, void *context)
{
    if (message.size == 0) {
        return DS_OK;
    }
    struct ds_wire_reader reader = ds_wire_reader_of(message);
    while (!ds_wire_at_end(&reader)) {
        DS_TRY(take_next(&reader, take, context));
    }
    return DS_OK;
}
