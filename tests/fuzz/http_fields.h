/* Lines "name: value" of an input as the fields of a request. */
#ifndef TESTS_FUZZ_HTTP_FIELDS_H
#define TESTS_FUZZ_HTTP_FIELDS_H

#include "http/request.h"

/* As the server's reader: a name is a token, a value has no control characters. */
static inline bool fuzz_is_field(struct ds_bytes name, struct ds_bytes value)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!http_is_token_byte(name.data[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < value.size; i++) {
        if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f) {
            return false;
        }
    }
    return name.size > 0;
}

/* Passes over what is no field, and what is too much. */
static inline void fuzz_add_field(struct http_request *request, struct ds_bytes line)
{
    struct ds_bytes value = line;
    struct ds_bytes name = {0};
    if (!http_list_next(&value, ':', &name) || !fuzz_is_field(name, value) ||
        request->header_count == request->header_count_max) {
        return;
    }
    const uint8_t id = (uint8_t)http_header_id_of(name);
    if (request->seen[id]++ == 0) {
        request->first_header[id] = (uint8_t)request->header_count;
    }
    request->headers[request->header_count++] =
        (struct http_header){.name = name, .value = http_trim(value), .id = id};
}

#endif
