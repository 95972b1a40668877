#include "gateway/cors.h"

#include "http/host.h"

#include <stdlib.h>

#define MAX_AGE "7200" /* seconds; no browser keeps an answer much longer */

struct cors {
    bool any;
    size_t origin_count;
    struct ds_bytes *origins;
    char *text; /* that `origins` are views of */
};

/* The fields that mean something here, in lower case; a request may have them beside those that
 * need no leave. */
static const char *const request_fields[] = {
    "accept",
    "authorization",
    "connect-protocol-version",
    "connect-timeout-ms",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "traceparent",
    "tracestate",
    "x-api-key",
    "x-request-id",
};

/* What a page may read of a reply besides the few fields that it always may. */
#define EXPOSED                                                                                    \
    "Accept-Encoding, Accept-Patch, Accept-Post, Allow, Content-Encoding, ETag, Retry-After, "     \
    "Server-Timing, WWW-Authenticate, X-Request-Id"

static bool is_scheme(struct ds_bytes scheme)
{
    for (size_t i = 0; i < scheme.size; i++) {
        const uint8_t byte = scheme.data[i];
        const bool is_letter = byte >= 'a' && byte <= 'z';
        if (!is_letter && (i == 0 || ((byte < '0' || byte > '9') &&
                                      (byte == 0 || strchr("+-.", (char)byte) == NULL)))) {
            return false;
        }
    }
    return scheme.size > 0;
}

static bool ends_with(struct ds_bytes text, const char *end)
{
    const size_t size = strlen(end);
    return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

/* A browser writes hosts in lower case and leaves the scheme's own port out: what is written
 * otherwise would never match. */
static bool is_written_as_by_a_browser(struct ds_bytes scheme, struct ds_bytes host)
{
    for (size_t i = 0; i < host.size; i++) {
        if (host.data[i] >= 'A' && host.data[i] <= 'Z') {
            return false;
        }
    }
    return !ends_with(host, ":") &&
           !(ds_bytes_equal_text(scheme, "http") && ends_with(host, ":80")) &&
           !(ds_bytes_equal_text(scheme, "https") && ends_with(host, ":443"));
}

bool cors_origin_is_well_formed(struct ds_bytes origin)
{
    if (ds_bytes_equal_text(origin, "*")) {
        return true;
    }
    const uint8_t *colon = origin.size == 0 ? NULL : memchr(origin.data, ':', origin.size);
    if (colon == NULL) {
        return false;
    }
    const struct ds_bytes scheme = ds_bytes_of(origin.data, (size_t)(colon - origin.data));
    const struct ds_bytes rest = ds_bytes_of(colon, origin.size - scheme.size);
    if (!is_scheme(scheme) || rest.size < 3 || memcmp(rest.data, "://", 3) != 0) {
        return false;
    }
    const struct ds_bytes host = ds_bytes_of(rest.data + 3, rest.size - 3);
    return http_host_is_well_formed(host, HTTP_PORT_OPTIONAL) &&
           is_written_as_by_a_browser(scheme, host);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* Adds those of one item; returns where the next item's text goes. */
static char *add_origins(struct cors *cors, const char *item, char *text)
{
    const size_t item_bytes = strlen(item);
    memcpy(text, item, item_bytes);
    struct ds_bytes list = ds_bytes_of(text, item_bytes);
    struct ds_bytes origin;
    while (http_list_next(&list, ',', &origin)) {
        if (ds_bytes_equal_text(origin, "*")) {
            cors->any = true;
        } else if (origin.size > 0) {
            cors->origins[cors->origin_count++] = origin;
        }
    }
    return text + item_bytes;
}

struct cors *cors_create(const char *const *items, size_t count)
{
    size_t text_bytes = 0;
    size_t origin_max = 0;
    for (size_t i = 0; i < count; i++) {
        text_bytes += strlen(items[i]);
        origin_max++;
        for (const char *at = items[i]; *at != '\0'; at++) {
            origin_max += *at == ',';
        }
    }
    struct cors *cors = allocate(1, sizeof *cors);
    cors->origins = allocate(origin_max + 1, sizeof *cors->origins);
    cors->text = allocate(text_bytes + 1, 1);
    char *text = cors->text;
    for (size_t i = 0; i < count; i++) {
        text = add_origins(cors, items[i], text);
    }
    if (!cors->any && cors->origin_count == 0) {
        cors_destroy(cors);
        return NULL;
    }
    return cors;
}

void cors_destroy(struct cors *cors)
{
    if (cors != NULL) {
        free(cors->origins);
        free(cors->text);
        free(cors);
    }
}

static bool is_listed(const struct cors *cors, struct ds_bytes origin)
{
    for (size_t i = 0; i < cors->origin_count; i++) {
        if (ds_bytes_equal(cors->origins[i], origin)) {
            return true;
        }
    }
    return false;
}

bool cors_allows(const struct cors *cors, struct ds_bytes origin)
{
    return cors != NULL && (cors->any || is_listed(cors, origin));
}

bool cors_is_preflight(const struct http_request *request)
{
    return request->method == HTTP_METHOD_OPTIONS && request->seen[HTTP_HEADER_ORIGIN] > 0 &&
           request->seen[HTTP_HEADER_ACCESS_CONTROL_REQUEST_METHOD] > 0;
}

/* Empty where there is none; two are none as well, since nobody knows which one counts. */
static struct ds_bytes origin_of(const struct http_request *request)
{
    return request->seen[HTTP_HEADER_ORIGIN] == 1 ? http_request_header(request, HTTP_HEADER_ORIGIN)
                                                  : ds_bytes_of(NULL, 0);
}

void cors_write_fields(const struct cors *cors, const struct http_request *request,
                       struct ds_buffer *head)
{
    const struct ds_bytes origin = origin_of(request);
    if (origin.size == 0) {
        return;
    }
    if (is_listed(cors, origin)) {
        ds_buffer_append_text(head, "Access-Control-Allow-Origin: ");
        ds_buffer_append(head, origin.data, origin.size);
        ds_buffer_append_text(head, "\r\nAccess-Control-Allow-Credentials: true\r\n");
    } else if (cors->any) {
        ds_buffer_append_text(head, "Access-Control-Allow-Origin: *\r\n");
    } else {
        return;
    }
    if (request->method != HTTP_METHOD_OPTIONS) {
        ds_buffer_append_text(head, "Access-Control-Expose-Headers: " EXPOSED "\r\n");
    }
}

static bool is_request_field(struct ds_bytes name)
{
    for (size_t i = 0; i < sizeof request_fields / sizeof request_fields[0]; i++) {
        if (http_text_equal(name, request_fields[i])) {
            return true;
        }
    }
    return false;
}

/* The names are written as asked for: they are those of the list but for their case. */
static void write_allowed_fields(const struct http_request *request, struct ds_buffer *head)
{
    bool is_first = true;
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id != HTTP_HEADER_ACCESS_CONTROL_REQUEST_HEADERS) {
            continue;
        }
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes name;
        while (http_list_next(&list, ',', &name)) {
            if (is_request_field(name)) {
                ds_buffer_append_text(head, is_first ? "Access-Control-Allow-Headers: " : ", ");
                ds_buffer_append(head, name.data, name.size);
                is_first = false;
            }
        }
    }
    if (!is_first) {
        ds_buffer_append(head, "\r\n", 2);
    }
}

bool cors_write_preflight(const struct cors *cors, const struct http_request *request,
                          const char *methods, struct ds_buffer *head, struct problem *ret_problem)
{
    const struct ds_bytes origin = origin_of(request);
    if (!cors_allows(cors, origin) || origin.size == 0) {
        problem_set(ret_problem, DS_REASON(FORBIDDEN_ORIGIN),
                    "pages of this origin may not call; the setting cors-origin lists those that "
                    "may");
        ret_problem->code = DS_PERMISSION_DENIED;
        (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Origin"),
                          "it is not listed");
        return false;
    }
    ds_buffer_append_text(head, "Access-Control-Allow-Methods: ");
    ds_buffer_append_text(head, methods);
    ds_buffer_append_text(head, "\r\nAccess-Control-Max-Age: " MAX_AGE "\r\n");
    write_allowed_fields(request, head);
    return true;
}
