#include "gateway/documents.h"

#include "gateway/system.h"
#include "http/reply.h"

/* Written by cmake/embed.cmake: the first byte, and what lies behind the last. */
#define EMBEDDED(name)                                                                             \
    extern const uint8_t name[];                                                                   \
    extern const uint8_t name##_end[]
EMBEDDED(document_openapi);
EMBEDDED(document_openapi_gzip);
EMBEDDED(document_page);
EMBEDDED(document_start);
EMBEDDED(document_license);
EMBEDDED(document_bundle_gzip);
EMBEDDED(document_style_gzip);

/* Whatever slips into the page can neither run nor tell anybody: all comes from this host and goes
 * to it. Swagger UI sets styles on elements and has its icons as data. */
#define PAGE_POLICY                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "                    \
    "img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "       \
    "base-uri 'none'"

struct document {
    enum http_extra_route route;
    const char *content_type;
    const uint8_t *plain; /* NULL: only compressed */
    const uint8_t *plain_end;
    const uint8_t *gzip; /* NULL: only plain */
    const uint8_t *gzip_end;
};

static const struct document documents[] = {
    {HTTP_ROUTE_OPENAPI, "application/json", document_openapi, document_openapi_end,
     document_openapi_gzip, document_openapi_gzip_end},
    {HTTP_ROUTE_DOCS, "text/html; charset=utf-8", document_page, document_page_end, NULL, NULL},
    {HTTP_ROUTE_DOCS_START, "text/javascript; charset=utf-8", document_start, document_start_end,
     NULL, NULL},
    {HTTP_ROUTE_DOCS_BUNDLE, "text/javascript; charset=utf-8", NULL, NULL, document_bundle_gzip,
     document_bundle_gzip_end},
    {HTTP_ROUTE_DOCS_STYLE, "text/css; charset=utf-8", NULL, NULL, document_style_gzip,
     document_style_gzip_end},
    {HTTP_ROUTE_DOCS_LICENSE, "text/plain; charset=utf-8", document_license, document_license_end,
     NULL, NULL},
};

static const struct document *document_find(enum http_extra_route route)
{
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        if (documents[i].route == route) {
            return &documents[i];
        }
    }
    return NULL;
}

static void refuse_encoding(struct exchange *exchange)
{
    struct problem problem;
    problem_set(&problem, DS_REASON(NOT_ACCEPTABLE), "this is kept compressed by gzip only");
    (void)problem_add(&problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Accept-Encoding"),
                      "it does not allow gzip");
    exchange_fail(exchange, &problem);
}

void documents_serve(struct exchange *exchange)
{
    struct http_request *request = exchange->request;
    const struct document *document = document_find(exchange->system_route->route);
    /* Without the field any encoding will do; but who sends none seldom can read gzip, so that it
     * gets plain text where there is one. */
    const bool may_compress = negotiate_codings(request).gzip > 0;
    const bool wants_plain = request->seen[HTTP_HEADER_ACCEPT_ENCODING] == 0;
    const bool compress =
        document->gzip != NULL && may_compress && !(wants_plain && document->plain != NULL);
    if (!compress && document->plain == NULL) {
        refuse_encoding(exchange);
        return;
    }
    exchange->has_etag = true;
    exchange->may_be_kept = true;
    exchange->varies_by_encoding = document->gzip != NULL;
    exchange_begin_reply(exchange, 200, document->content_type);
    if (compress) {
        http_reply_field_text(request, "Content-Encoding", "gzip");
    }
    if (document->route == HTTP_ROUTE_DOCS) {
        http_reply_field_text(request, "Content-Security-Policy", PAGE_POLICY);
        http_reply_field_text(request, "Referrer-Policy", "no-referrer");
    }
    const uint8_t *bytes = compress ? document->gzip : document->plain;
    const uint8_t *end = compress ? document->gzip_end : document->plain_end;
    ds_buffer_append(&request->reply_body, bytes, (size_t)(end - bytes));
    exchange_end(exchange);
}

void documents_redirect(struct exchange *exchange)
{
    exchange_begin_reply(exchange, 308, "text/html; charset=utf-8");
    http_reply_field_text(exchange->request, "Location", "/docs");
    ds_buffer_append_text(&exchange->request->reply_body, "<a href=\"/docs\">/docs</a>\n");
    exchange_end(exchange);
}
