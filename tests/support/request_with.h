/* A request that only has fields, for what reads nothing else of it. */
#ifndef TESTS_SUPPORT_REQUEST_WITH_H
#define TESTS_SUPPORT_REQUEST_WITH_H

#include "http/request.h"
#include "support/test.h"

/* The fields are those of `lines`, "name: value" each, up to the first NULL. */
static inline struct http_request *request_with(const char *const lines[], size_t count)
{
    struct http_request *request = http_request_create(8);
    for (size_t i = 0; i < count && lines[i] != NULL; i++) {
        struct ds_bytes value = ds_bytes_of_text(lines[i]);
        struct ds_bytes name;
        assert_true(http_list_next(&value, ':', &name));
        const uint8_t id = (uint8_t)http_header_id_of(name);
        if (request->seen[id]++ == 0) {
            request->first_header[id] = (uint8_t)request->header_count;
        }
        request->headers[request->header_count++] =
            (struct http_header){.name = name, .value = http_trim(value), .id = id};
    }
    return request;
}

#endif
