#include "http/target.h"

#include "ds/utf8.h"

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    const uint8_t letter = (uint8_t)(byte | 0x20);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* The byte that the three characters at `text` stand for; -1 where they are no percent-encoding. */
static int encoded_byte(struct ds_bytes text)
{
    if (text.size < 3) {
        return -1;
    }
    const int high = hex_digit(text.data[1]);
    const int low = hex_digit(text.data[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void http_target_decode(struct ds_bytes text, bool keep_slash, bool plus_is_blank,
                        struct ds_buffer *target)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '%') {
            const int decoded = encoded_byte(ds_bytes_of(text.data + i, text.size - i));
            if (decoded >= 0 && !(keep_slash && decoded == '/')) {
                byte = (uint8_t)decoded;
                i += 2;
            }
        } else if (byte == '+' && plus_is_blank) {
            byte = ' ';
        }
        ds_buffer_append_byte(target, byte);
    }
}

/* Counts the encoded bytes. False where there is a '%' without two hexadecimal digits. */
static bool check_encoding(struct ds_bytes text, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '%') {
            if (encoded_byte(ds_bytes_of(text.data + i, text.size - i)) < 0) {
                return false;
            }
            count++;
        }
    }
    *ret_count = count;
    return true;
}

static bool is_utf8_once_decoded(struct ds_bytes text)
{
    struct ds_buffer decoded;
    ds_buffer_init(&decoded, text.size);
    http_target_decode(text, false, false, &decoded);
    const bool valid = ds_utf8_valid_without_nul(ds_buffer_bytes(&decoded));
    ds_buffer_deinit(&decoded);
    return valid;
}

static const char *check_characters(struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f) {
            return "the request target has characters that must be percent-encoded";
        }
        if (text.data[i] == '#') {
            return "the request target has a fragment, which is the client's to keep";
        }
    }
    size_t encoded_count = 0;
    if (!check_encoding(text, &encoded_count)) {
        return "the request target has a '%' without two hexadecimal digits behind it";
    }
    if (encoded_count > 0 && !is_utf8_once_decoded(text)) {
        return "the request target is not UTF-8 without U+0000 once it is decoded";
    }
    return NULL;
}

static bool has_prefix(struct ds_bytes text, const char *prefix)
{
    const size_t size = strlen(prefix);
    return text.size >= size && http_text_equal(ds_bytes_of(text.data, size), prefix);
}

/* Leaves of "http://host/path?query" what origin-form would have. */
static const char *strip_authority(struct ds_bytes *target)
{
    const size_t scheme_bytes = has_prefix(*target, "https://") ? 8 : 7;
    const uint8_t *start = target->data + scheme_bytes;
    const uint8_t *end = target->data + target->size;
    const uint8_t *at = start;
    while (at < end && *at != '/' && *at != '?') {
        if (*at == '@') {
            return "the request target may not name a user";
        }
        at++;
    }
    if (at == start) {
        return "the request target has no host";
    }
    if (at == end) {
        *target = ds_bytes_of_text("/");
        return NULL;
    }
    *target = ds_bytes_of(at, (size_t)(end - at));
    return target->data[0] == '/' ? NULL : "the request target has a query but no path";
}

const char *http_target_read(struct http_request *request, struct ds_bytes target)
{
    const char *wrong = check_characters(target);
    if (wrong != NULL) {
        return wrong;
    }
    if (ds_bytes_equal_text(target, "*")) {
        request->path = target;
        return request->method == HTTP_METHOD_OPTIONS
                   ? NULL
                   : "the request target \"*\" is for OPTIONS only";
    }
    if (has_prefix(target, "http://") || has_prefix(target, "https://")) {
        wrong = strip_authority(&target);
        if (wrong != NULL) {
            return wrong;
        }
    }
    if (target.data[0] != '/') {
        return "the request target must be a path that begins with '/', or a whole URL";
    }
    const uint8_t *mark = memchr(target.data, '?', target.size);
    const size_t path_bytes = mark == NULL ? target.size : (size_t)(mark - target.data);
    request->path = ds_bytes_of(target.data, path_bytes);
    if (mark != NULL) {
        request->query = ds_bytes_of(mark + 1, target.size - path_bytes - 1);
    }
    return NULL;
}
