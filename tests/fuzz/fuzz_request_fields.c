/* The fields of a request that the gateway reads beyond HTTP's framing, one "name: value" a line.
 */
#include "fuzz/fuzz.h"
#include "fuzz/http_fields.h"
#include "gateway/cors.h"
#include "gateway/etag.h"
#include "gateway/exchange.h"
#include "gateway/idempotency_key.h"
#include "gateway/negotiate.h"

#include <stdio.h>
#include <stdlib.h>

#define FIELDS_MAX 16
#define INPUT_BYTES_MAX 4096

static void check_codings(const struct http_request *request)
{
    struct problem problem;
    bool is_gzip = false;
    const struct negotiated_codings codings = negotiate_codings(request);
    fuzz_require(codings.gzip <= 1000 && codings.identity <= 1000, "weights are thousandths");
    const bool taken = negotiate_body_coding(request, true, &is_gzip, &problem);
    bool without = true;
    fuzz_require(negotiate_body_coding(request, false, &without, &problem) == (taken && !is_gzip),
                 "without gzip only what is not compressed is taken");
    (void)negotiate_accepts(request, "application", "json");
}

/* Each line that is written is a field of CORS's. */
static void check_cors(const struct http_request *request)
{
    static const char *const origins[] = {"https://app.example.com"};
    struct cors *cors = cors_create(origins, 1);
    struct ds_buffer head;
    struct problem problem;
    ds_buffer_init(&head, SIZE_MAX);
    cors_write_fields(cors, request, &head);
    const bool may_read = head.size > 0;
    const bool may_call =
        cors_write_preflight(cors, request, "GET, HEAD, OPTIONS", &head, &problem);
    fuzz_require(may_read == may_call, "who may call may read");
    struct ds_bytes lines = ds_buffer_bytes(&head);
    struct ds_bytes line;
    while (http_list_next(&lines, '\n', &line)) {
        fuzz_require(line.size > 15 && memcmp(line.data, "Access-Control-", 15) == 0 &&
                         memchr(line.data, '\r', line.size) == line.data + line.size - 1,
                     "nothing of the request becomes a line of its own");
    }
    ds_buffer_deinit(&head);
    cors_destroy(cors);
}

static void check_key(struct http_request *request)
{
    static struct gateway gateway;
    static struct exchange exchange;
    static const struct ds_method method = {.idempotency = DS_IDEMPOTENCY_UNKNOWN};
    static const struct ds_principal somebody = {.subject = "somebody"};
    struct problem problem;
    exchange.gateway = &gateway;
    exchange.request = request;
    exchange.method = &method;
    exchange.principal = &somebody;
    exchange.idempotency_key_bytes = 0;
    const bool is_given = request->seen[HTTP_HEADER_IDEMPOTENCY_KEY] > 0;
    const bool taken = idempotency_key_take(&exchange, &problem);
    fuzz_require(!taken || (exchange.idempotency_key_bytes > 0) == is_given,
                 "a key that is taken is not empty");
    fuzz_require(exchange.idempotency_key_bytes <= EXCHANGE_KEY_BYTES_MAX, "nor too long");
    fuzz_require(taken || problem.reason == DS_REASON(IDEMPOTENCY_KEY_INVALID),
                 "another one is refused by its reason");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_BYTES_MAX) {
        return 0;
    }
    struct http_request *request = http_request_create(FIELDS_MAX);
    struct ds_bytes lines = ds_bytes_of(data, size);
    struct ds_bytes line;
    while (http_list_next(&lines, '\n', &line)) {
        fuzz_add_field(request, line);
    }
    check_codings(request);
    check_cors(request);
    check_key(request);
    char tag[ETAG_BYTES];
    etag_of(ds_bytes_of(data, size), tag);
    (void)etag_is_listed(request, HTTP_HEADER_IF_NONE_MATCH, ds_bytes_of(tag, sizeof tag));
    (void)etag_any_is_listed(request, HTTP_HEADER_IF_NONE_MATCH);
    http_request_destroy(request);
    return 0;
}
