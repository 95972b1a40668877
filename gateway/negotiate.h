/* What a request says of the form of its body and of the reply. */
#ifndef GATEWAY_NEGOTIATE_H
#define GATEWAY_NEGOTIATE_H

#include "gateway/problem.h"

enum body_form {
    BODY_FORM_JSON,
    BODY_FORM_NDJSON,
    BODY_FORM_PROTO, /* wire bytes; of Connect */
};

/* Whether the Accept fields allow `type`/`subtype`; without any they allow everything. */
bool negotiate_accepts(const struct http_request *request, const char *type, const char *subtype);

/* The form of the body by its Content-Type. False fills ret_problem (415). */
bool negotiate_body(const struct http_request *request, bool rows_are_taken,
                    enum body_form *ret_form, struct problem *ret_problem);

/* Refuses a body where the route takes none (400). */
bool negotiate_no_body(const struct http_request *request, struct problem *ret_problem);

/* Refuses a request that announces no body to a route that needs one (411). */
bool negotiate_length(const struct http_request *request, struct problem *ret_problem);

/* Whether the body is compressed by gzip or not at all, by its Content-Encoding. False fills
 * ret_problem (415). */
bool negotiate_body_coding(const struct http_request *request, bool gzip_is_taken,
                           bool *ret_is_gzip, struct problem *ret_problem);

/* Refuses a request that does not accept the reply's type (406). */
bool negotiate_reply(const struct http_request *request, const char *type, const char *subtype,
                     struct problem *ret_problem);

/* What Accept-Encoding says of the two forms that a reply may have: weights in thousandths, 0 where
 * the client does not take it. */
struct negotiated_codings {
    uint16_t gzip;
    uint16_t identity; /* 1 where nothing is said of it: taken, but worse than all that is named */
};

/* Without the field, any form will do. */
struct negotiated_codings negotiate_codings(const struct http_request *request);

#endif
