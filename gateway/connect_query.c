#include "gateway/connect_query.h"

#include "ds/base64.h"
#include "gateway/gzip.h"
#include "gateway/negotiate.h"
#include "http/target.h"

enum parameter {
    PARAMETER_CONNECT,
    PARAMETER_ENCODING,
    PARAMETER_MESSAGE,
    PARAMETER_BASE64,
    PARAMETER_COMPRESSION,
    PARAMETER_COUNT,
};

static const char *const names[PARAMETER_COUNT] = {
    [PARAMETER_CONNECT] = "connect",         [PARAMETER_ENCODING] = "encoding",
    [PARAMETER_MESSAGE] = "message",         [PARAMETER_BASE64] = "base64",
    [PARAMETER_COMPRESSION] = "compression",
};

struct parameters {
    struct ds_bytes values[PARAMETER_COUNT];
    bool given[PARAMETER_COUNT];
};

static bool refuse(struct problem *ret_problem, ds_reason reason, const char *name,
                   const char *detail)
{
    problem_set(ret_problem, reason, "%s: %s", name, detail);
    return false;
}

/* Appends to `scratch`, which has room for the whole query: nothing moves. */
static struct ds_bytes decode(struct ds_bytes text, struct ds_buffer *scratch)
{
    const size_t start = scratch->size;
    http_target_decode(text, false, true, scratch);
    return ds_bytes_of(scratch->data + start, scratch->size - start);
}

static bool take_parameter(struct ds_bytes pair, struct ds_buffer *scratch,
                           struct parameters *parameters, struct problem *ret_problem)
{
    struct ds_bytes raw_name = {0};
    (void)http_list_next(&pair, '=', &raw_name);
    const struct ds_bytes name = decode(raw_name, scratch);
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        if (!ds_bytes_equal_text(name, names[i])) {
            continue;
        }
        if (parameters->given[i]) {
            return refuse(ret_problem, DS_REASON(INVALID_REQUEST), names[i],
                          "the parameter is given twice");
        }
        parameters->given[i] = true;
        parameters->values[i] = decode(pair, scratch);
        return true;
    }
    problem_set(ret_problem, DS_REASON(UNKNOWN_PARAMETER),
                "%.*s: there is no such parameter; there are connect, encoding, message, base64 "
                "and compression",
                (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
    return false;
}

static bool take_parameters(struct ds_bytes query, struct ds_buffer *scratch,
                            struct parameters *parameters, struct problem *ret_problem)
{
    struct ds_bytes pair;
    if (query.size > 0) {
        (void)ds_buffer_reserve(scratch, query.size);
    }
    while (http_list_next(&query, '&', &pair)) {
        if (pair.size > 0 && !take_parameter(pair, scratch, parameters, ret_problem)) {
            return false;
        }
    }
    return true;
}

/* What the parameter chooses among; without it, the first. */
static bool choose(const struct parameters *parameters, enum parameter parameter, const char *first,
                   const char *second, bool *ret_is_second)
{
    const struct ds_bytes value = parameters->values[parameter];
    *ret_is_second = parameters->given[parameter] && ds_bytes_equal_text(value, second);
    return !parameters->given[parameter] || *ret_is_second || ds_bytes_equal_text(value, first);
}

static bool check_parameters(const struct parameters *parameters, bool *ret_is_proto,
                             bool *ret_is_base64, bool *ret_is_gzip, struct problem *ret_problem)
{
    bool is_v1 = false;
    if (!choose(parameters, PARAMETER_CONNECT, "v1", "v1", &is_v1)) {
        return refuse(ret_problem, DS_REASON(INVALID_REQUEST), "connect", "the only version is v1");
    }
    if (!parameters->given[PARAMETER_MESSAGE]) {
        return refuse(ret_problem, DS_REASON(INVALID_REQUEST), "message",
                      "the parameter is missing; an empty one is the empty message of proto");
    }
    if (!parameters->given[PARAMETER_ENCODING] ||
        !choose(parameters, PARAMETER_ENCODING, "json", "proto", ret_is_proto)) {
        return refuse(ret_problem, DS_REASON(UNSUPPORTED_MEDIA_TYPE), "encoding",
                      "send json or proto");
    }
    if (!choose(parameters, PARAMETER_BASE64, "0", "1", ret_is_base64)) {
        return refuse(ret_problem, DS_REASON(INVALID_REQUEST), "base64", "send 1, or leave it out");
    }
    if (!choose(parameters, PARAMETER_COMPRESSION, "identity", "gzip", ret_is_gzip)) {
        return refuse(ret_problem, DS_REASON(UNSUPPORTED_ENCODING), "compression",
                      "send gzip or identity, or leave it out");
    }
    return true;
}

/* Into request->body, which a GET does not use. */
static bool decompress(struct exchange *exchange, struct ds_bytes *message,
                       struct problem *ret_problem)
{
    struct http_request *request = exchange->request;
    const size_t bytes_max = request->body_bytes_max < exchange->method->request_bytes_max
                                 ? request->body_bytes_max
                                 : exchange->method->request_bytes_max;
    struct ds_buffer unpacked;
    ds_buffer_init(&unpacked, bytes_max);
    const enum gzip_result result =
        gzip_decompress(exchange->gateway->gzip, *message, bytes_max, &unpacked);
    const bool is_kept = result == GZIP_OK && http_request_replace_body(request, &unpacked);
    ds_buffer_deinit(&unpacked);
    if (is_kept) {
        *message = ds_buffer_bytes(&request->body);
        return true;
    }
    if (result == GZIP_OK) {
        return refuse(ret_problem, DS_REASON(SERVER_BUSY), "message",
                      "the server has too many large requests in work; try again");
    }
    return result == GZIP_TOO_LARGE
               ? refuse(ret_problem, DS_REASON(REQUEST_TOO_LARGE), "message",
                        "it is larger than this method takes once it is unpacked")
               : refuse(ret_problem, DS_REASON(INVALID_REQUEST), "message",
                        "it is not gzip, as compression says, or damaged");
}

bool connect_query_read(struct exchange *exchange, struct ds_bytes *ret_message,
                        struct problem *ret_problem)
{
    struct parameters parameters = {.given = {false}};
    bool is_proto = false;
    bool is_base64 = false;
    bool is_gzip = false;
    if (!take_parameters(exchange->request->query, &exchange->scratch, &parameters, ret_problem) ||
        !check_parameters(&parameters, &is_proto, &is_base64, &is_gzip, ret_problem)) {
        return false;
    }
    exchange->form = is_proto ? BODY_FORM_PROTO : BODY_FORM_JSON;
    struct ds_bytes message = parameters.values[PARAMETER_MESSAGE];
    if (is_base64) {
        /* In its place: the bytes are fewer than the text. */
        uint8_t *place = (uint8_t *)(uintptr_t)message.data;
        if (!ds_base64_decode(message, place, &message.size)) {
            return refuse(ret_problem, DS_REASON(INVALID_REQUEST), "message",
                          "it is not base64, as base64=1 says");
        }
    }
    if (is_gzip && exchange->gateway->gzip == NULL) {
        return refuse(ret_problem, DS_REASON(UNSUPPORTED_ENCODING), "compression",
                      "send identity, or leave it out");
    }
    if (is_gzip && !decompress(exchange, &message, ret_problem)) {
        return false;
    }
    if (message.size > exchange->method->request_bytes_max) {
        return refuse(ret_problem, DS_REASON(REQUEST_TOO_LARGE), "message",
                      "it is larger than this method takes");
    }
    *ret_message = message;
    return true;
}
