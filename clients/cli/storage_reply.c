#include "clients/cli/storage_reply.h"

#include "clients/cli/fields.h"

#include <assert.h>
#include <stdio.h>

#define METHOD_BYTES_MAX 96

ds_code reply_each(struct ds_bytes reply, reply_fn take, void *context)
{
    struct ds_wire_reader reader = ds_wire_reader_of(reply);
    while (!ds_wire_at_end(&reader)) {
        struct field field;
        if (field_next(&reader, &field) != DS_OK) {
            fprintf(stderr, "deltastream: the reply is damaged\n");
            return DS_INTERNAL;
        }
        if (field.type == DS_WIRE_VARINT || field.type == DS_WIRE_BYTES) {
            take(context, field.number, field.varint, field.bytes);
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
