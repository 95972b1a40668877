#include "clients/c/client.h"

#define METHOD_INFO_BYTES_MIN sizeof(struct deltastream_method_info)

size_t deltastream_method_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < ds_service_count; i++) {
        count += ds_services[i]->method_count;
    }
    return count;
}

const struct deltastream_method *deltastream_method_at(size_t place)
{
    for (size_t i = 0; i < ds_service_count; i++) {
        if (place < ds_services[i]->method_count) {
            return (const struct deltastream_method *)&ds_services[i]->methods[place];
        }
        place -= ds_services[i]->method_count;
    }
    return NULL;
}

const struct deltastream_method *deltastream_method_find(const char *full_name)
{
    return (const struct deltastream_method *)ds_method_find(full_name, strlen(full_name));
}

enum deltastream_code deltastream_method_describe(const struct deltastream_method *method,
                                                  struct deltastream_method_info *ret_info)
{
    const struct ds_method *row = method_of(method);
    const struct deltastream_method_info known = {
        .full_name = row->full_name,
        .service = row->service->full_name,
        .name = row->name,
        .request = row->request->full_name,
        .response = row->response->full_name,
        .permission = row->permission,
        .timeout_ms = row->timeout_ms,
        .request_bytes_max = row->request_bytes_max,
        .idempotency = (enum deltastream_idempotency)row->idempotency,
        .may_compress = row->may_compress,
        .is_inline = row->pool == DS_POOL_INLINE || row->pool == DS_POOL_CONTROL,
    };
    return struct_give(ret_info, &known, sizeof known, METHOD_INFO_BYTES_MIN)
               ? DELTASTREAM_OK
               : DELTASTREAM_INVALID_ARGUMENT;
}
