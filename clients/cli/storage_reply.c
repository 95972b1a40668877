#include "clients/cli/storage_reply.h"

#include "ds/wire.h"

#include <assert.h>
#include <stdio.h>

#define METHOD_BYTES_MAX 96

static bool field_read(struct ds_wire_reader *reader, reply_fn take, void *context)
{
    uint32_t field;
    enum ds_wire_type type;
    uint64_t number = 0;
    struct ds_bytes bytes = {0};
    if (!ds_wire_read_tag(reader, &field, &type)) {
        return false;
    }
    bool is_read;
    switch (type) {
    case DS_WIRE_VARINT:
        is_read = ds_wire_read_varint(reader, &number);
        break;
    case DS_WIRE_BYTES:
        is_read = ds_wire_read_bytes(reader, &bytes);
        break;
    default:
        return ds_wire_skip(reader, type);
    }
    if (is_read) {
        take(context, field, number, bytes);
    }
    return is_read;
}

ds_code reply_each(struct ds_bytes reply, reply_fn take, void *context)
{
    struct ds_wire_reader reader = ds_wire_reader_of(reply);
    while (!ds_wire_at_end(&reader)) {
        if (!field_read(&reader, take, context)) {
            fprintf(stderr, "deltastream: the service's reply is damaged\n");
            return DS_INTERNAL;
        }
    }
    return DS_OK;
}

const struct ds_method *storage_method(const char *name)
{
    char full_name[METHOD_BYTES_MAX];
    const int size =
        snprintf(full_name, sizeof(full_name), "deltastream.storage.v1.Storage/%s", name);
    const struct ds_method *method = ds_method_find(full_name, (size_t)size);
    assert(method != NULL);
    return method;
}
