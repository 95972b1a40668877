/* Pages of rows as the list methods give them, whatever the kind. */
#ifndef CLI_ROW_PAGE_H
#define CLI_ROW_PAGE_H

#include "clients/cli/connection.h"
#include "clients/common/row_kind.h"

#define ROW_PAGE_TOKEN_BYTES_MAX 2048

struct row_page_request {
    enum row_kind kind;
    const char *key;    /* of ticks and chains the product, of quotes the symbol */
    const char *expiry; /* of chains; NULL or "": all */
    const char *start;  /* times as text; NULL or "": open */
    const char *end;
    int64_t limit;
    bool is_descending;
    const char *page_token; /* NULL or "": the first page */
};

/* Takes a row, complete with its product or symbol; anything but DS_OK ends the page. */
typedef ds_code (*row_page_fn)(void *context, struct ds_bytes row);

/*
 * Gets one page; ret_token is "" on the last one. DS_INVALID_ARGUMENT for a time that is none,
 * which has been told; other failures are the call's. `is_quiet`: that the service is
 * away, or has no room, is not told.
 */
DS_MUST_USE ds_code row_page_get(const struct connection *connection,
                                 const struct row_page_request *request, bool is_quiet,
                                 row_page_fn take, void *context,
                                 char ret_token[ROW_PAGE_TOKEN_BYTES_MAX]);

/* Whether the call may succeed later: the service is away, too slow or has no room. */
bool row_page_is_away(ds_code code);

/* Calls a method whose request is made of texts by the names of its fields; NULL values are left
 * out. The caller releases the answer. DS_INVALID_ARGUMENT where a text is no value of its field.
 */
struct row_page_field {
    const char *name;
    const char *value;
};
DS_MUST_USE ds_code row_page_call(const struct connection *connection,
                                  const struct ds_method *method,
                                  const struct row_page_field *fields, size_t field_count,
                                  bool is_quiet, struct answer *ret_answer);

#endif
