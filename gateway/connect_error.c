#include "gateway/connect_error.h"

#include "ds/wire.h"
#include "ds/wire_check.h"
#include "gateway/connect_metadata.h"
#include "http/reply.h"
#include "schema.gen.h"

/* Connect's names, which are American. */
static const char *const code_names[DS_CODE_COUNT] = {
    [DS_OK] = "unknown", /* No failure has it. */
    [DS_CANCELLED] = "canceled",
    [DS_UNKNOWN] = "unknown",
    [DS_INVALID_ARGUMENT] = "invalid_argument",
    [DS_DEADLINE_EXCEEDED] = "deadline_exceeded",
    [DS_NOT_FOUND] = "not_found",
    [DS_ALREADY_EXISTS] = "already_exists",
    [DS_PERMISSION_DENIED] = "permission_denied",
    [DS_RESOURCE_EXHAUSTED] = "resource_exhausted",
    [DS_FAILED_PRECONDITION] = "failed_precondition",
    [DS_ABORTED] = "aborted",
    [DS_OUT_OF_RANGE] = "out_of_range",
    [DS_UNIMPLEMENTED] = "unimplemented",
    [DS_INTERNAL] = "internal",
    [DS_UNAVAILABLE] = "unavailable",
    [DS_DATA_LOSS] = "data_loss",
    [DS_UNAUTHENTICATED] = "unauthenticated",
};

/*
 * Failures that are HTTP's and not a call's: they keep HTTP's status, which those between us and
 * the client understand, and have the code that a client would make of it (or a closer one). All
 * others have the problem's code and the status of the code.
 */
static const struct {
    ds_reason reason;
    ds_code code;
    uint16_t status; /* 0: of the code */
} http_failures[] = {
    {DS_REASON(NOT_FOUND), DS_UNIMPLEMENTED, 404},
    {DS_REASON(METHOD_NOT_ALLOWED), DS_UNKNOWN, 405},
    {DS_REASON(NOT_ACCEPTABLE), DS_UNKNOWN, 406},
    {DS_REASON(REQUEST_TIMEOUT), DS_DEADLINE_EXCEEDED, 408},
    {DS_REASON(PRECONDITION_FAILED), DS_FAILED_PRECONDITION, 412},
    {DS_REASON(REQUEST_TOO_LARGE), DS_RESOURCE_EXHAUSTED, 413},
    {DS_REASON(UNSUPPORTED_MEDIA_TYPE), DS_UNKNOWN, 415},
    {DS_REASON(HEADERS_TOO_LARGE), DS_RESOURCE_EXHAUSTED, 431},
    {DS_REASON(UNSUPPORTED_ENCODING), DS_UNIMPLEMENTED, 0},
    {DS_REASON(NOT_IMPLEMENTED), DS_UNIMPLEMENTED, 0},
    {DS_REASON(SERVER_BUSY), DS_UNAVAILABLE, 0},
};

/* Whether it is the call that failed: then its code says all. */
static bool is_of_call(const struct exchange *exchange)
{
    return exchange->is_called && exchange->call.code != DS_OK;
}

static ds_code code_of(const struct exchange *exchange, const struct problem *problem,
                       unsigned int *ret_status)
{
    ds_code code = problem->code;
    uint16_t status = 0;
    for (size_t i = 0; i < sizeof http_failures / sizeof http_failures[0]; i++) {
        if (http_failures[i].reason == problem->reason && !is_of_call(exchange)) {
            code = http_failures[i].code;
            status = http_failures[i].status;
        }
    }
    *ret_status = status != 0 ? status : (unsigned int)ds_code_http_status(code);
    return code;
}

/* Takes the next field of a checked message that is length-delimited; false at the end. */
static bool next_bytes(struct ds_wire_reader *reader, uint32_t *ret_number,
                       struct ds_bytes *ret_bytes)
{
    enum ds_wire_type type = DS_WIRE_VARINT;
    while (!ds_wire_at_end(reader) && ds_wire_read_tag(reader, ret_number, &type)) {
        if (type == DS_WIRE_BYTES) {
            return ds_wire_read_bytes(reader, ret_bytes);
        }
        if (!ds_wire_skip(reader, type)) {
            return false;
        }
    }
    return false;
}

/* The value as JSON, for whoever reads along; left out where the gateway does not know the type. */
static void debug_write(const struct gateway *gateway, struct ds_bytes type, struct ds_bytes value,
                        struct ds_buffer *json)
{
    const struct ds_json_types types = gateway_tables_types(&gateway->tables);
    const struct ds_json_style style = {.types = &types};
    const struct ds_message *message = types.find(types.context, type);
    const size_t start = json->size;
    if (message == NULL) {
        return;
    }
    ds_buffer_append_text(json, ",\"debug\":");
    if (ds_wire_to_json(message, value, &style, json) != DS_OK) {
        json->size = start;
    }
}

/* A google.protobuf.Any. */
static void detail_write(const struct gateway *gateway, struct ds_bytes any, struct ds_buffer *json)
{
    struct ds_wire_reader reader = ds_wire_reader_of(any);
    struct ds_bytes type = {0};
    struct ds_bytes value = {0};
    struct ds_bytes bytes;
    uint32_t number = 0;
    while (next_bytes(&reader, &number, &bytes)) {
        if (number == 1) {
            type = bytes;
        } else if (number == 2) {
            value = bytes;
        }
    }
    /* What stands before the name of the type is the place where one might ask for it. */
    for (size_t i = type.size; i > 0; i--) {
        if (type.data[i - 1] == '/') {
            ds_bytes_skip(&type, i);
            break;
        }
    }
    ds_buffer_append_text(json, "{\"type\":");
    ds_json_append_string(json, type);
    ds_buffer_append_text(json, ",\"value\":\"");
    connect_base64_append(value, json);
    ds_buffer_append_byte(json, '"');
    debug_write(gateway, type, value, json);
    ds_buffer_append_byte(json, '}');
}

static void details_write(const struct gateway *gateway, struct ds_bytes status,
                          struct ds_buffer *json)
{
    struct ds_wire_reader reader = ds_wire_reader_of(status);
    struct ds_wire_error error;
    struct ds_bytes any;
    uint32_t number = 0;
    if (ds_wire_check(&ds_message_google_rpc_status, status, &error) != DS_OK) {
        return;
    }
    const char *before = ",\"details\":[";
    while (next_bytes(&reader, &number, &any)) {
        if (number == 3) {
            ds_buffer_append_text(json, before);
            detail_write(gateway, any, json);
            before = ",";
        }
    }
    if (before[1] == '\0') {
        ds_buffer_append_byte(json, ']');
    }
}

/* The fields that go with the status. */
static void fields_write(struct exchange *exchange, const struct problem *problem)
{
    struct http_request *request = exchange->request;
    if (problem->allow != NULL) {
        http_reply_field_text(request, "Allow", problem->allow);
    }
    if (problem->retry_after_ms > 0) {
        http_reply_field_number(request, "Retry-After",
                                ((uint64_t)problem->retry_after_ms + 999) / 1000);
    }
    if (request->status == 401) {
        http_reply_field_text(request, "WWW-Authenticate", "Bearer");
    } else if (request->status == 415) {
        http_reply_field_text(request, "Accept-Post", "application/json, application/proto");
    } else if (problem->reason == DS_REASON(UNSUPPORTED_ENCODING)) {
        http_reply_field_text(request, "Accept-Encoding",
                              exchange->gateway->gzip != NULL ? "gzip, identity" : "identity");
    }
}

void connect_fail(struct exchange *exchange, const struct problem *problem)
{
    struct ds_buffer *json = &exchange->request->reply_body;
    unsigned int status = 0;
    const ds_code code = code_of(exchange, problem, &status);
    exchange->may_be_kept = false;
    exchange_begin_reply(exchange, status, "application/json");
    fields_write(exchange, problem);
    ds_buffer_printf(json, "{\"code\":\"%s\",\"message\":", code_names[code]);
    ds_json_append_string(
        json, ds_bytes_of_text(is_of_call(exchange) ? exchange->call.message : problem->detail));
    if (is_of_call(exchange)) {
        connect_metadata_write(&exchange->call, exchange->request);
        details_write(exchange->gateway, exchange->call.status_details, json);
    }
    ds_buffer_append_byte(json, '}');
}
