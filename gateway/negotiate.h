/* What a request says of the form of its body and of the reply. */
#ifndef GATEWAY_NEGOTIATE_H
#define GATEWAY_NEGOTIATE_H

#include "gateway/problem.h"

enum body_form {
    BODY_FORM_JSON,
    BODY_FORM_NDJSON,
};

/* Whether the Accept fields allow `type`/`subtype`; without any they allow everything. */
bool negotiate_accepts(const struct http_request *request, const char *type, const char *subtype);

/* The form of the body by its Content-Type. False fills ret_problem (415). */
bool negotiate_body(const struct http_request *request, bool rows_are_taken,
                    enum body_form *ret_form, struct problem *ret_problem);

/* Refuses a body where the route takes none (400). */
bool negotiate_no_body(const struct http_request *request, struct problem *ret_problem);

/* Refuses a request that does not accept the reply's type (406). */
bool negotiate_reply(const struct http_request *request, const char *type, const char *subtype,
                     struct problem *ret_problem);

/* Whether the reply may be in that content coding (in lower case): by Accept-Encoding's own word of
 * it, else by its *. Every coding will do where there is no such field. */
bool negotiate_accepts_encoding(const struct http_request *request, const char *encoding);

#endif
