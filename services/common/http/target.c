#include "http/target.h"

#include "ds/utf8.h"
#include "http/host.h"

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

/* What RFC 3986 lets stand in a path or a query. */
static bool is_target_byte(uint8_t byte)
{
    static const char others[] = "-._~!$&'()*+,;=:@/?%";
    const uint8_t lowered = byte | 0x20;
    return (lowered >= 'a' && lowered <= 'z') || (byte >= '0' && byte <= '9') ||
           memchr(others, byte, sizeof others - 1) != NULL;
}

static const char *check_characters(struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '#') {
            return "the request target has a fragment, which is the client's to keep";
        }
        if (!is_target_byte(text.data[i])) {
            return "the request target has characters that must be percent-encoded";
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

/* Takes "http://host" off the front of "http://host/path?query". */
static const char *take_authority(struct http_request *request, struct ds_bytes *target)
{
    const size_t scheme_bytes = has_prefix(*target, "https://") ? 8 : 7;
    const uint8_t *start = target->data + scheme_bytes;
    const uint8_t *end = target->data + target->size;
    const uint8_t *at = start;
    while (at < end && memchr("/?#", *at, 3) == NULL) {
        if (*at == '@') {
            return "the request target may not name a user";
        }
        at++;
    }
    request->host = ds_bytes_of(start, (size_t)(at - start));
    *target = ds_bytes_of(at, (size_t)(end - at));
    return http_host_is_well_formed(request->host, HTTP_PORT_OPTIONAL)
               ? NULL
               : "the request target names no host, or not in the form HOST or HOST:PORT";
}

static const char *read_asterisk(struct http_request *request)
{
    request->path = ds_bytes_of_text("*");
    return request->method == HTTP_METHOD_OPTIONS ? NULL
                                                  : "the request target \"*\" is for OPTIONS only";
}

/* CONNECT names nothing of this server: its path is that of the whole server. */
static const char *read_authority_form(struct http_request *request, struct ds_bytes target)
{
    request->path = ds_bytes_of_text("*");
    request->host = target;
    return http_host_is_well_formed(target, HTTP_PORT_REQUIRED)
               ? NULL
               : "the request target of CONNECT must be HOST:PORT";
}

/* "/path?query", or what an absolute-form has behind its host: its path may be empty. */
static const char *read_path(struct http_request *request, struct ds_bytes target)
{
    const char *wrong = check_characters(target);
    if (wrong != NULL) {
        return wrong;
    }
    const uint8_t *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);
    const size_t path_bytes = mark == NULL ? target.size : (size_t)(mark - target.data);
    request->path = path_bytes == 0 ? ds_bytes_of_text("/") : ds_bytes_of(target.data, path_bytes);
    if (mark != NULL) {
        request->query = ds_bytes_of(mark + 1, target.size - path_bytes - 1);
    }
    return NULL;
}

const char *http_target_read(struct http_request *request, struct ds_bytes target)
{
    if (request->method == HTTP_METHOD_CONNECT) {
        return read_authority_form(request, target);
    }
    if (ds_bytes_equal_text(target, "*")) {
        return read_asterisk(request);
    }
    if (has_prefix(target, "http://") || has_prefix(target, "https://")) {
        const char *wrong = take_authority(request, &target);
        if (wrong != NULL) {
            return wrong;
        }
        /* RFC 9112 3.2.4: a URL without path and query stands for "*" here. */
        if (target.size == 0 && request->method == HTTP_METHOD_OPTIONS) {
            return read_asterisk(request);
        }
    } else if (target.data[0] != '/') {
        return "the request target must be a path that begins with '/', or a whole URL";
    }
    return read_path(request, target);
}
