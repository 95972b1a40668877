#include "gateway/etag.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

void etag_of(struct ds_bytes body, char ret_tag[ETAG_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = XXH3_64bits(body.data, body.size);
    memcpy(ret_tag, "W/\"", 3);
    for (size_t i = 16; i > 0; i--) {
        ret_tag[2 + i] = digits[hash & 15];
        hash >>= 4;
    }
    ret_tag[ETAG_BYTES - 1] = '"';
}

bool etag_any_is_listed(const struct http_request *request, enum http_header_id id)
{
    return request->seen[id] == 1 && ds_bytes_equal_text(http_request_header(request, id), "*");
}

static void skip_separators(struct ds_bytes *list)
{
    while (list->size > 0 &&
           (list->data[0] == ' ' || list->data[0] == '\t' || list->data[0] == ',')) {
        ds_bytes_skip(list, 1);
    }
}

/* Takes the next tag off the list, without W/ but with its quotes: a tag may hold commas. False at
 * the end and where something else stands there. */
static bool next_tag(struct ds_bytes *list, struct ds_bytes *ret_opaque)
{
    skip_separators(list);
    if (list->size >= 2 && list->data[0] == 'W' && list->data[1] == '/') {
        ds_bytes_skip(list, 2);
    }
    if (list->size < 2 || list->data[0] != '"') {
        return false;
    }
    const uint8_t *end = memchr(list->data + 1, '"', list->size - 1);
    if (end == NULL) {
        return false;
    }
    *ret_opaque = ds_bytes_of(list->data, (size_t)(end + 1 - list->data));
    ds_bytes_skip(list, ret_opaque->size);
    return list->size == 0 || memchr(" \t,", list->data[0], 3) != NULL;
}

bool etag_is_listed(const struct http_request *request, enum http_header_id id, struct ds_bytes tag)
{
    const struct ds_bytes wanted = ds_bytes_of(tag.data + 2, tag.size - 2);
    for (size_t i = 0; i < request->header_count; i++) {
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes opaque = {0};
        while (request->headers[i].id == id && next_tag(&list, &opaque)) {
            if (ds_bytes_equal(opaque, wanted)) {
                return true;
            }
        }
    }
    return false;
}
