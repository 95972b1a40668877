/* Requests and responses of every method, as server and client take them: the wire check, then
 * protobuf-c, and JSON both ways. The first byte names the method, lowest bit of the second the
 * response. */
#include "fuzz/fuzz.h"

static const struct ds_method *method_of(uint8_t selector)
{
    size_t count = 0;
    for (size_t i = 0; i < ds_service_count; i++) {
        count += ds_services[i]->method_count;
    }
    size_t place = (size_t)(uint8_t)(selector - '0') % count;
    size_t service = 0;
    while (place >= ds_services[service]->method_count) {
        place -= ds_services[service++]->method_count;
    }
    return &ds_services[service]->methods[place];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    const struct ds_method *method = method_of(data[0]);
    fuzz_check_unpacked((data[1] & 1) != 0 ? method->response : method->request,
                        ds_bytes_of(data + 2, size - 2));
    return 0;
}
