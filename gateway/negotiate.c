#include "gateway/negotiate.h"

#define WEIGHT_MAX 1000

/* The part in front of the first `separator`; `text` is left with what is behind it. */
static struct ds_bytes take_part(struct ds_bytes *text, char separator)
{
    struct ds_bytes part = {0};
    (void)http_list_next(text, separator, &part);
    return part;
}

/* Splits "name=value" and takes quotes off the value. */
static void split_parameter(struct ds_bytes parameter, struct ds_bytes *ret_name,
                            struct ds_bytes *ret_value)
{
    *ret_name = take_part(&parameter, '=');
    struct ds_bytes value = http_trim(parameter);
    if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"') {
        value = ds_bytes_of(value.data + 1, value.size - 2);
    }
    *ret_value = value;
}

/* A weight of zero: "0", "0." or "0.0" to "0.000". */
static bool is_zero_weight(struct ds_bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] != '0' && value.data[i] != '.') {
            return false;
        }
    }
    return value.size > 0;
}

struct media_range {
    int precision; /* 3: the type itself, 2: type/ *, 1: * / *; 0: it does not match */
    bool excluded; /* by q=0 */
};

static struct media_range read_range(struct ds_bytes element, const char *type, const char *subtype)
{
    struct ds_bytes media = take_part(&element, ';');
    const struct ds_bytes range_type = take_part(&media, '/');
    const struct ds_bytes range_subtype = http_trim(media);
    struct media_range range = {0};
    if (http_text_equal(range_type, "*") && http_text_equal(range_subtype, "*")) {
        range.precision = 1;
    } else if (http_text_equal(range_type, type)) {
        range.precision = http_text_equal(range_subtype, "*")       ? 2
                          : http_text_equal(range_subtype, subtype) ? 3
                                                                    : 0;
    }
    struct ds_bytes parameter;
    while (http_list_next(&element, ';', &parameter)) {
        struct ds_bytes name;
        struct ds_bytes value;
        split_parameter(parameter, &name, &value);
        if (http_text_equal(name, "q")) {
            range.excluded = is_zero_weight(value);
        }
    }
    return range;
}

bool negotiate_accepts(const struct http_request *request, const char *type, const char *subtype)
{
    if (request->seen[HTTP_HEADER_ACCEPT] == 0) {
        return true;
    }
    struct media_range best = {0};
    size_t element_count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id != HTTP_HEADER_ACCEPT) {
            continue;
        }
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes element;
        while (http_list_next(&list, ',', &element)) {
            if (element.size == 0) {
                continue;
            }
            element_count++;
            const struct media_range range = read_range(element, type, subtype);
            if (range.precision > best.precision) {
                best = range;
            }
        }
    }
    return element_count == 0 || (best.precision > 0 && !best.excluded);
}

static bool refuse(struct problem *ret_problem, bool rows_are_taken, const char *what)
{
    const char *forms =
        rows_are_taken ? "application/json or application/x-ndjson" : "application/json";
    problem_set(ret_problem, DS_REASON(UNSUPPORTED_MEDIA_TYPE), "%s; send %s in UTF-8", what,
                forms);
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Content-Type"), what);
    return false;
}

static bool is_utf8(struct ds_bytes charset)
{
    return http_text_equal(charset, "utf-8") || http_text_equal(charset, "utf8");
}

bool negotiate_body(const struct http_request *request, bool rows_are_taken,
                    enum body_form *ret_form, struct problem *ret_problem)
{
    if (request->seen[HTTP_HEADER_CONTENT_TYPE] == 0) {
        if (!request->has_body) {
            *ret_form = BODY_FORM_JSON;
            return true;
        }
        return refuse(ret_problem, rows_are_taken, "the Content-Type is missing");
    }
    if (request->seen[HTTP_HEADER_CONTENT_TYPE] > 1) {
        return refuse(ret_problem, rows_are_taken, "there is more than one Content-Type");
    }
    struct ds_bytes rest = http_request_header(request, HTTP_HEADER_CONTENT_TYPE);
    const struct ds_bytes media = take_part(&rest, ';');
    struct ds_bytes parameter;
    while (http_list_next(&rest, ';', &parameter)) {
        struct ds_bytes name;
        struct ds_bytes value;
        split_parameter(parameter, &name, &value);
        if (http_text_equal(name, "charset") && !is_utf8(value)) {
            return refuse(ret_problem, rows_are_taken, "the charset is not UTF-8");
        }
    }
    if (http_text_equal(media, "application/json")) {
        *ret_form = BODY_FORM_JSON;
        return true;
    }
    if (rows_are_taken && http_text_equal(media, "application/x-ndjson")) {
        *ret_form = BODY_FORM_NDJSON;
        return true;
    }
    return refuse(ret_problem, rows_are_taken, "the Content-Type is not one that this route takes");
}

bool negotiate_no_body(const struct http_request *request, struct problem *ret_problem)
{
    if (!request->has_body) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(INVALID_REQUEST),
                "this request takes no body: send what it needs in the path and the query");
    return false;
}

bool negotiate_reply(const struct http_request *request, const char *type, const char *subtype,
                     struct problem *ret_problem)
{
    if (negotiate_accepts(request, type, subtype)) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(NOT_ACCEPTABLE), "the reply is %s/%s", type, subtype);
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Accept"),
                      "it does not allow the reply's type");
    return false;
}

/* A weight in thousandths: "0.25" is 250. What is no weight counts as 0. */
static uint16_t weight_of(struct ds_bytes text)
{
    uint16_t weight = 0;
    if (text.size == 0 || text.size > 5 || text.data[0] < '0' || text.data[0] > '1' ||
        (text.size > 1 && text.data[1] != '.')) {
        return 0;
    }
    for (size_t i = 2, place = 100; i < text.size; i++, place /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
        weight = (uint16_t)(weight + (size_t)(text.data[i] - '0') * place);
    }
    if (text.data[0] == '0') {
        return weight;
    }
    return weight == 0 ? WEIGHT_MAX : 0;
}

/* Takes an element such as "gzip;q=0.5" apart. */
static uint16_t read_coding(struct ds_bytes element, struct ds_bytes *ret_name)
{
    uint16_t weight = WEIGHT_MAX;
    struct ds_bytes parameter;
    *ret_name = take_part(&element, ';');
    while (http_list_next(&element, ';', &parameter)) {
        struct ds_bytes name;
        struct ds_bytes value;
        split_parameter(parameter, &name, &value);
        if (http_text_equal(name, "q")) {
            weight = weight_of(value);
        }
    }
    return weight;
}

static bool is_gzip(struct ds_bytes coding)
{
    return http_text_equal(coding, "gzip") || http_text_equal(coding, "x-gzip");
}

struct negotiated_codings negotiate_codings(const struct http_request *request)
{
    int gzip = -1;
    int identity = -1;
    int others = -1;
    if (request->seen[HTTP_HEADER_ACCEPT_ENCODING] == 0) {
        return (struct negotiated_codings){.gzip = WEIGHT_MAX, .identity = WEIGHT_MAX};
    }
    for (size_t i = 0; i < request->header_count; i++) {
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes element;
        while (request->headers[i].id == HTTP_HEADER_ACCEPT_ENCODING &&
               http_list_next(&list, ',', &element)) {
            struct ds_bytes name;
            const uint16_t weight = read_coding(element, &name);
            if (is_gzip(name)) {
                gzip = weight;
            } else if (http_text_equal(name, "identity")) {
                identity = weight;
            } else if (http_text_equal(name, "*")) {
                others = weight;
            }
        }
    }
    gzip = gzip >= 0 ? gzip : others >= 0 ? others : 0;
    identity = identity >= 0 ? identity : others >= 0 ? others : 1;
    return (struct negotiated_codings){.gzip = (uint16_t)gzip, .identity = (uint16_t)identity};
}

bool negotiate_body_coding(const struct http_request *request, bool gzip_is_taken,
                           bool *ret_is_gzip, struct problem *ret_problem)
{
    bool is_compressed = false;
    bool is_known = true;
    for (size_t i = 0; i < request->header_count && is_known; i++) {
        struct ds_bytes list = request->headers[i].value;
        struct ds_bytes coding;
        while (request->headers[i].id == HTTP_HEADER_CONTENT_ENCODING &&
               http_list_next(&list, ',', &coding)) {
            const bool is_identity = coding.size == 0 || http_text_equal(coding, "identity");
            is_known = is_known && (is_identity || (is_gzip(coding) && !is_compressed));
            is_compressed = is_compressed || !is_identity;
        }
    }
    if (is_known && (gzip_is_taken || !is_compressed)) {
        *ret_is_gzip = is_compressed;
        return true;
    }
    problem_set(ret_problem, DS_REASON(UNSUPPORTED_ENCODING), "%s",
                gzip_is_taken ? "the body may be compressed by gzip, once, or not at all"
                              : "the body may not be compressed");
    ret_problem->code = DS_UNIMPLEMENTED;
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Content-Encoding"),
                      "it names what is not taken");
    return false;
}

bool negotiate_length(const struct http_request *request, struct problem *ret_problem)
{
    if (request->chunked || request->seen[HTTP_HEADER_CONTENT_LENGTH] > 0 ||
        request->method == HTTP_METHOD_DELETE) {
        return true;
    }
    problem_set(ret_problem, DS_REASON(LENGTH_REQUIRED),
                "this route takes a body: send it with Content-Length or chunked");
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Content-Length"),
                      "it is missing");
    return false;
}
