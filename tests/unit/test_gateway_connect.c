/* Connect's unary protocol through the whole gateway, over real sockets. */
#include "ds/base64.h"
#include "ds/rpc_call.h"
#include "gateway/routes.h"
#include "http/request.h"
#include "support/gateway_fixture.h"
#include "support/test.h"

#define STORAGE_PATH "/" STORAGE "/"
#define LIST_TICKS "POST " STORAGE_PATH "ListTicks"
#define LIST_TICKS_GET "GET " STORAGE_PATH "ListTicks?"
#define PROTO "Content-Type: application/proto\r\n"
#define JSON_REPLY "\r\nContent-Type: application/json\r\n"
#define PROTO_REPLY "\r\nContent-Type: application/proto\r\n"

static atomic_int reached_count;

static ds_code count_calls(void *context, struct ds_call *call, const ProtobufCMessage *request,
                           ProtobufCMessage *response)
{
    (void)context;
    (void)call;
    (void)request;
    (void)response;
    atomic_fetch_add(&reached_count, 1);
    return DS_OK;
}

/* "key=value;" of the call's metadata, bytes beyond ASCII as "#". */
static ds_code tell_metadata(struct ds_call *call)
{
    char text[DS_METADATA_BYTES_MAX * 2] = "";
    struct ds_buffer *wire = ds_call_raw_response(call);
    size_t size = 0;
    for (size_t i = 0; i < call->request.metadata_count; i++) {
        const struct ds_metadata_entry *entry = &call->request.metadata[i];
        size += (size_t)snprintf(text + size, sizeof text - size, "%s=", entry->key);
        for (size_t j = 0; j < entry->value.size; j++) {
            const uint8_t byte = entry->value.data[j];
            text[size++] = byte >= 0x20 && byte < 0x7f ? (char)byte : '#';
        }
        text[size++] = ';';
    }
    ds_wire_write_bytes_field(wire, 1, ds_bytes_of(text, size));
    return DS_OK;
}

static ds_code answer_with_metadata(struct ds_call *call)
{
    static const struct {
        const char *key;
        const char *value;
    } entries[] = {
        {"x-one", "1, 2"},
        {"trailer-x-two", "three"},
        {"x-four-bin", "f\xfcr"},
        {"trailer-five-bin", ""},
        {"content-length", "9"},
        {"connection", "close"},
        {"transfer-encoding", "y"},
        {"x-request-id", "mine"},
        {"access-control-allow-origin", "*"},
        {"set-cookie", "a=b"},
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        DS_TRY(ds_call_set_metadata(call, entries[i].key, ds_bytes_of_text(entries[i].value)));
    }
    return DS_OK;
}

static ds_code fail_in_every_way(struct ds_call *call)
{
    DS_TRY(answer_with_metadata(call));
    ds_call_set_retry_after_ms(call, 1200);
    const ds_code code =
        ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(STORE_FULL), "no \"room\"");
    assert_true(ds_fail_detail(call, "no.such.Message", ds_bytes_of_text("\x01\x02\xff\xfe")));
    return code;
}

static ds_code list_ticks(void *context, struct ds_call *call, const ProtobufCMessage *request,
                          ProtobufCMessage *response)
{
    const char *product = ((const Storage__ListTicksRequest *)request)->product;
    if (strcmp(product, "META") == 0) {
        return tell_metadata(call);
    }
    if (strcmp(product, "ANSWER") == 0) {
        DS_TRY(answer_with_metadata(call));
        return fixture_respond(call, &ds_message_storage_list_ticks_response, "{\"count\":1}");
    }
    if (strcmp(product, "FAIL") == 0) {
        return fail_in_every_way(call);
    }
    if (strncmp(product, "CODE", 4) == 0) {
        return ds_fail(call, ds_code_of((unsigned int)atoi(product + 4)), "told");
    }
    return fixture_list_ticks(context, call, request, response);
}

static int start(void **state, struct gateway_options options)
{
    struct gateway_fixture *fixture = gateway_fixture_start_with(options);
    fixture_handlers[ds_method_storage_list_ticks->index] = list_ticks;
    *state = fixture;
    return 0;
}

static int setup(void **state)
{
    return start(state, (struct gateway_options){.anonymous = &fixture_writer, .gzip = true});
}

static int setup_without_gzip(void **state)
{
    return start(state, (struct gateway_options){.anonymous = &fixture_writer});
}

static int teardown(void **state)
{
    gateway_fixture_stop(*state);
    return 0;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* The reply's status, a part of its head, and its whole body. */
static void expect(const struct gateway_fixture *fixture, const char *request, const char *fields,
                   const char *body, int status, const char *head, const char *reply_body)
{
    struct http_client_reply reply = ask(fixture, request, fields, body);
    if (reply.status != status || !has(reply.head, head) ||
        (reply_body != NULL && strcmp(reply.body, reply_body) != 0)) {
        fail_msg("%s %s %s: %s%s", request, fields, body, reply.head, reply.body);
    }
    http_reply_free(&reply);
}

static void json_is_protobufs_to_the_letter(void **state)
{
    /* lowerCamelCase, no defaults, whole 64-bit integers as strings. */
    expect(*state, LIST_TICKS, JSON, "{\"product\":\"TICKS\"}", 200, JSON_REPLY,
           "{\"product\":\"TICKS\",\"count\":1,\"ticks\":[{\"price\":21500,"
           "\"timestamp\":\"2025-01-25T10:00:00Z\",\"tickId\":\"7\","
           "\"processedAt\":\"2025-01-25T10:00:00.500Z\",\"open\":0.1}],"
           "\"nextPageToken\":\"abc\"}");
    expect(*state, LIST_TICKS, "content-type: Application/JSON; charset=UTF-8\r\n",
           "{\"product\":\"A\",\"pageToken\":\"b\",\"page_token\":null}", 400, JSON_REPLY, NULL);
    expect(*state, LIST_TICKS, "content-type: Application/JSON; charset=\"UTF-8\"\r\n",
           "{\"product\":\"A\",\"page_token\":\"b\",\"order\":1}", 200, JSON_REPLY,
           "{\"product\":\"A|-1|-1|-1|1|b\"}");
    /* Readers take what they take everywhere. */
    expect(*state, LIST_TICKS, JSON,
           "{\"product\":\"A\",\"start\":\"2025-01-25\",\"order\":\"ORDER_ASC\"}", 200, JSON_REPLY,
           "{\"product\":\"A|1737763200|-1|-1|2|\"}");
}

static void protobuf_goes_both_ways_as_it_is(void **state)
{
    struct http_client_reply reply = ask(*state, LIST_TICKS, PROTO, "\x0a\x04META");
    assert_int_equal(reply.status, 200);
    assert_true(has(reply.head, PROTO_REPLY));
    assert_int_equal(reply.body_bytes, 2);
    assert_memory_equal(reply.body, "\x0a\x00", 2);
    http_reply_free(&reply);
    /* What is no such message the service refuses, and the error is JSON nevertheless. */
    expect(*state, LIST_TICKS, PROTO, "\x0a\x05META", 400, JSON_REPLY, NULL);
}

static void no_bytes_are_the_empty_message_but_no_json(void **state)
{
    static const char products[] = "\x0a\x01"
                                   "A\x0a\x01"
                                   "B";
    static const char *const lengths[] = {"Content-Length: 0\r\n", ""};
    for (size_t i = 0; i < 2; i++) {
        char fields[128];
        (void)snprintf(fields, sizeof fields, PROTO "%s", lengths[i]);
        expect(*state, "POST " STORAGE_PATH "ListProducts", fields, NULL, 200, PROTO_REPLY,
               products);
        (void)snprintf(fields, sizeof fields, JSON "%s", lengths[i]);
        expect(*state, "POST " STORAGE_PATH "ListProducts", fields, NULL, 400, JSON_REPLY, NULL);
    }
}

static void each_code_has_its_name_and_its_status(void **state)
{
    static const struct {
        const char *name;
        int status;
    } codes[] = {
        {"canceled", 499},
        {"unknown", 500},
        {"invalid_argument", 400},
        {"deadline_exceeded", 504},
        {"not_found", 404},
        {"already_exists", 409},
        {"permission_denied", 403},
        {"resource_exhausted", 429},
        {"failed_precondition", 400},
        {"aborted", 409},
        {"out_of_range", 400},
        {"unimplemented", 501},
        {"internal", 500},
        {"unavailable", 503},
        {"data_loss", 500},
        {"unauthenticated", 401},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char body[64];
        char wanted[128];
        (void)snprintf(body, sizeof body, "{\"product\":\"CODE%zu\"}", i + 1);
        (void)snprintf(wanted, sizeof wanted, "{\"code\":\"%s\",\"message\":\"told\"}",
                       codes[i].name);
        expect(*state, LIST_TICKS, JSON, body, codes[i].status, JSON_REPLY, wanted);
    }
}

/* STORE_FULL alone would be 507: the code alone decides. */
static void a_failure_has_its_details_and_metadata(void **state)
{
    struct http_client_reply reply = ask(*state, LIST_TICKS, JSON, "{\"product\":\"FAIL\"}");
    assert_int_equal(reply.status, 429);
    assert_true(has(reply.head, "\r\nRetry-After: 2\r\n"));
    assert_true(has(reply.head, "\r\nx-one: 1, 2\r\n"));
    assert_true(has(reply.head, "\r\ntrailer-x-two: three\r\n"));
    assert_string_equal(
        reply.body,
        "{\"code\":\"resource_exhausted\",\"message\":\"no \\\"room\\\"\",\"details\":["
        "{\"type\":\"google.rpc.ErrorInfo\",\"value\":\"CgpTVE9SRV9GVUxMEgtkZWx0YXN0cmVhbQ\","
        "\"debug\":{\"reason\":\"STORE_FULL\",\"domain\":\"deltastream\"}},"
        "{\"type\":\"google.rpc.RetryInfo\",\"value\":\"CgcIARCAhK9f\","
        "\"debug\":{\"retryDelay\":\"1.200s\"}},"
        "{\"type\":\"no.such.Message\",\"value\":\"AQL//g\"}]}");
    http_reply_free(&reply);
}

static void an_answers_metadata_are_fields_but_for_those_that_are_https(void **state)
{
    struct http_client_reply reply = ask(*state, LIST_TICKS, JSON, "{\"product\":\"ANSWER\"}");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "{\"count\":1}");
    assert_true(has(reply.head, "\r\nx-one: 1, 2\r\n"));
    assert_true(has(reply.head, "\r\ntrailer-x-two: three\r\n"));
    assert_true(has(reply.head, "\r\nx-four-bin: Zvxy\r\n"));
    assert_true(has(reply.head, "\r\ntrailer-five-bin: \r\n"));
    assert_true(has(reply.head, "\r\nContent-Length: 11\r\n"));
    assert_false(has(reply.head, "content-length"));
    assert_false(has(reply.head, "connection"));
    assert_false(has(reply.head, "transfer-encoding"));
    assert_false(has(reply.head, "mine"));
    assert_false(has(reply.head, "access-control"));
    assert_false(has(reply.head, "cookie"));
    http_reply_free(&reply);
}

/* Fields of a request, and the metadata that the service sees. */
static void metadata_of_a_request_arrives(void **state)
{
    static const struct {
        const char *fields;
        const char *seen;
    } rows[] = {
        {"", ""},
        {"X-One: 1\r\nx-TWO_2.b: a, b\r\nX-One: \r\n", "x-one=1;x-two_2.b=a, b;x-one=;"},
        {"X-Data-Bin: Zvxy\r\n", "x-data-bin=f#r;"},
        {"X-Data-Bin: QQ==, QUI=,QUJD\r\nx-data-bin:\r\n",
         "x-data-bin=A;x-data-bin=AB;x-data-bin=ABC;x-data-bin=;"},
        {"-Bin: a=b\r\n", "-bin=a=b;"},
        {"User-Agent: a\r\nAccept-Language: b\r\nCookie: c\r\nReferer: d\r\nSec-Fetch-Mode: e\r\n"
         "Connect-Extra: f\r\nContent-Language: g\r\nX-Forwarded-Host: h\r\nX-Request-Id: i\r\n"
         "Authorization: j\r\nIf-Range: k\r\nVia: l\r\nCache-Control: m\r\nX-Real-IP: n\r\n",
         ""},
        {"grpc-timeout: 1S\r\nds-anything: x\r\ntraceparent: 1\r\nKey$: x\r\nwh!at: y\r\n", ""},
        {"Trailer-X: kept\r\n", "trailer-x=kept;"},
        {"X-Data-Bin: ,QQ,,\r\nX-Other: 1\r\n", "x-data-bin=;x-data-bin=A;x-data-bin=;x-other=1;"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char fields[1024];
        char wanted[512];
        (void)snprintf(fields, sizeof fields, JSON "%s", rows[i].fields);
        (void)snprintf(wanted, sizeof wanted, "{\"product\":\"%s\"}", rows[i].seen);
        expect(*state, LIST_TICKS, fields, "{\"product\":\"META\"}", 200, JSON_REPLY,
               rows[i].seen[0] == '\0' ? "{}" : wanted);
    }
}

/* JSON's Content-Type and `count` entries whose keys and values have `bytes` bytes each. */
static int ask_with_metadata(const struct gateway_fixture *fixture, size_t count, size_t bytes,
                             bool is_binary)
{
    struct ds_buffer fields;
    ds_buffer_init(&fields, SIZE_MAX);
    ds_buffer_append_text(&fields, JSON);
    for (size_t i = 0; i < count; i++) {
        const size_t value_bytes = bytes - 8;
        char *value = calloc(1, value_bytes * 2 + 8);
        if (is_binary) {
            uint8_t *zeros = calloc(1, value_bytes);
            ds_base64_encode(ds_bytes_of(zeros, value_bytes), value);
            free(zeros);
        } else {
            memset(value, 'v', value_bytes);
        }
        ds_buffer_printf(&fields, "X%03zu%s: %s\r\n", i, is_binary ? "-bin" : "-txt", value);
        free(value);
    }
    ds_buffer_append_byte(&fields, '\0');
    struct http_client_reply reply =
        ask(fixture, LIST_TICKS, (const char *)fields.data, "{\"product\":\"A\"}");
    const int status = reply.status;
    assert_true(status == 200 || has(reply.body, "{\"code\":\"resource_exhausted\""));
    http_reply_free(&reply);
    ds_buffer_deinit(&fields);
    return status;
}

static void metadata_has_64_entries_and_8_kib_at_most(void **state)
{
    for (int is_binary = 0; is_binary <= 1; is_binary++) {
        assert_int_equal(ask_with_metadata(*state, 64, 20, is_binary), 200);
        assert_int_equal(ask_with_metadata(*state, 65, 20, is_binary), 431);
        assert_int_equal(ask_with_metadata(*state, 64, 128, is_binary), 200);
        assert_int_equal(ask_with_metadata(*state, 64, 129, is_binary), 431);
        assert_int_equal(ask_with_metadata(*state, 1, 8192, is_binary), 200);
        assert_int_equal(ask_with_metadata(*state, 1, 8193, is_binary), 431);
        assert_int_equal(ask_with_metadata(*state, 1, 8194, is_binary), 431);
        assert_int_equal(ask_with_metadata(*state, 1, 8195, is_binary), 431);
        assert_int_equal(ask_with_metadata(*state, 2, 4096, is_binary), 200);
        assert_int_equal(ask_with_metadata(*state, 2, 4097, is_binary), 431);
    }
}

/* A request that is to fail, and words that its body has. */
struct failure {
    const char *request;
    const char *fields;
    const char *body;
    int status;
    const char *code;
    const char *words;
};

static const struct failure failures[] = {
    {"POST " STORAGE_PATH "Nothing", JSON, "{}", 404, "unimplemented", "no such method"},
    {"POST " STORAGE_PATH "listticks", JSON, "{}", 404, "unimplemented", ""},
    {"POST " STORAGE_PATH "ListTicks/", JSON, "{}", 404, "unimplemented", ""},
    {"POST " STORAGE_PATH, JSON, "{}", 404, "unimplemented", ""},
    {"GET " STORAGE_PATH "Nothing", "", NULL, 404, "unimplemented", ""},
    {"PUT " STORAGE_PATH "ListTicks", JSON, "{}", 405, "unknown", "GET, HEAD, POST, OPTIONS"},
    {"DELETE " STORAGE_PATH "IngestTicks", "", NULL, 405, "unknown", "POST, OPTIONS"},
    {"GET " STORAGE_PATH "IngestTicks?encoding=json&message={}", "", NULL, 400, "", "encoded"},
    {"GET " STORAGE_PATH "IngestTicks?encoding=json&message=%7B%7D", "", NULL, 405, "unknown",
     "POST, OPTIONS"},
    {LIST_TICKS "?x=1", JSON, "{}", 400, "invalid_argument", "query"},
    {LIST_TICKS, "", "{}", 415, "unknown", "application/json in UTF-8 or application/proto"},
    {LIST_TICKS, JSON JSON, "{}", 415, "unknown", ""},
    {LIST_TICKS, "Content-Type: application/connect+json\r\n", "{}", 415, "unknown", ""},
    {LIST_TICKS, "Content-Type: application/grpc\r\n", "{}", 415, "unknown", ""},
    {LIST_TICKS, "Content-Type: application/x-ndjson\r\n", "{}", 415, "unknown", ""},
    {LIST_TICKS, "Content-Type: application/json; charset=latin1\r\n", "{}", 415, "unknown", ""},
    {LIST_TICKS, "Content-Type: application/proto; charset=utf-8\r\n", "", 415, "unknown", ""},
    {LIST_TICKS, JSON "Content-Encoding: br\r\n", "{}", 501, "unimplemented", "gzip"},
    {LIST_TICKS, JSON "Content-Encoding: gzip, gzip\r\n", "{}", 501, "unimplemented", ""},
    {LIST_TICKS, JSON "Content-Encoding: gzip\r\n", "{}", 400, "invalid_argument", "gzip"},
    {LIST_TICKS, JSON "Accept-Encoding: identity;q=0\r\n", "{}", 406, "unknown", ""},
    {LIST_TICKS, JSON "Connect-Protocol-Version: 2\r\n", "{}", 400, "invalid_argument",
     "Connect-Protocol-Version: send 1"},
    {LIST_TICKS, JSON "Connect-Protocol-Version:\r\n", "{}", 400, "invalid_argument", ""},
    {LIST_TICKS, JSON "Connect-Protocol-Version: 1\r\nConnect-Protocol-Version: 1\r\n", "{}", 400,
     "invalid_argument", ""},
    {LIST_TICKS, JSON "Connect-Timeout-Ms: 0\r\n", "{}", 504, "deadline_exceeded",
     "Connect-Timeout-Ms"},
    {LIST_TICKS, JSON "Connect-Timeout-Ms: 12345678901\r\n", "{}", 400, "invalid_argument",
     "one to ten digits"},
    {LIST_TICKS, JSON "Connect-Timeout-Ms: 00000000001\r\n", "{}", 400, "invalid_argument", ""},
    {LIST_TICKS, JSON "Connect-Timeout-Ms: 1.5\r\n", "{}", 400, "invalid_argument", ""},
    {LIST_TICKS, JSON "Connect-Timeout-Ms: -1\r\n", "{}", 400, "invalid_argument", ""},
    {LIST_TICKS, JSON "Connect-Timeout-Ms:\r\n", "{}", 400, "invalid_argument", ""},
    {LIST_TICKS, JSON "Connect-Timeout-Ms: 9\r\nConnect-Timeout-Ms: 9\r\n", "{}", 400,
     "invalid_argument", ""},
    {LIST_TICKS, JSON "X-Data-Bin: not*base64\r\n", "{}", 400, "invalid_argument",
     "x-data-bin: the value is not base64"},
    {LIST_TICKS, JSON "X-Data: gr\xc3\xbc\xc3\x9f\r\n", "{}", 400, "invalid_argument", "x-data: "},
    {LIST_TICKS, JSON, "{\"product\":1}", 400, "invalid_argument", "/product: "},
    {LIST_TICKS, JSON, "{\"colour\":1}", 400, "invalid_argument", "/colour"},
    {LIST_TICKS, JSON, "{\"start\":\"yesterday\"}", 400, "invalid_argument", "/start"},
    {LIST_TICKS, JSON, "[]", 400, "invalid_argument", "(byte 0 of the JSON)"},
    {LIST_TICKS, JSON, "{\"product\":\"A\"", 400, "invalid_argument", ""},
    {LIST_TICKS, JSON, "{\"product\":\"FIELD\"}", 400, "invalid_argument",
     "\"debug\":{\"fieldViolations\":[{\"field\":\"limit\","},
    {LIST_TICKS, JSON "Content-Length: 99999999\r\n", NULL, 413, "resource_exhausted", "99999999"},
    {LIST_TICKS, JSON "If-Match: \"a\"\r\n", "{}", 412, "failed_precondition", "If-Match"},
    {LIST_TICKS_GET "encoding=json&message=%7B%7D", "", "{}", 400, "invalid_argument", "no body"},
    {LIST_TICKS_GET "encoding=json&message=%7B%7D", "Connect-Timeout-Ms: 0\r\n", NULL, 504,
     "deadline_exceeded", ""},
    {"GET " STORAGE_PATH "ListTicks", "", NULL, 400, "invalid_argument", "message: "},
    {LIST_TICKS_GET "encoding=json", "", NULL, 400, "invalid_argument", "message: "},
    {LIST_TICKS_GET "message=%7B%7D", "", NULL, 415, "unknown", "encoding: "},
    {LIST_TICKS_GET "message=%7B%7D&encoding=xml", "", NULL, 415, "unknown", "encoding: "},
    {LIST_TICKS_GET "encoding=json&message=", "", NULL, 400, "invalid_argument", ""},
    {LIST_TICKS_GET "encoding=json&message=x", "", NULL, 400, "invalid_argument", ""},
    {LIST_TICKS_GET "encoding=json&message=%7B%7D&connect=v2", "", NULL, 400, "invalid_argument",
     "connect: "},
    {LIST_TICKS_GET "encoding=json&message=%7B%7D&base64=yes", "", NULL, 400, "invalid_argument",
     "base64: "},
    {LIST_TICKS_GET "encoding=json&message=*&base64=1", "", NULL, 400, "invalid_argument",
     "message: it is not base64"},
    {LIST_TICKS_GET "encoding=json&message=%7B%7D&compression=br", "", NULL, 501, "unimplemented",
     "compression: "},
    {LIST_TICKS_GET "encoding=json&message=%7B%7D&compression=gzip", "", NULL, 400,
     "invalid_argument", "message: it is not gzip"},
    {LIST_TICKS_GET "encoding=json&message=%7B%7D&encoding=json", "", NULL, 400, "invalid_argument",
     "encoding: the parameter is given twice"},
    {LIST_TICKS_GET "encoding=json&message=%7B%7D&product=A", "", NULL, 400, "invalid_argument",
     "product: there is no such parameter"},
};

static void every_failure_is_connects(void **state)
{
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        const struct failure *row = &failures[i];
        struct http_client_reply reply = ask(*state, row->request, row->fields, row->body);
        char code[64];
        (void)snprintf(code, sizeof code, "{\"code\":\"%s\",\"message\":\"", row->code);
        const bool is_connects = row->code[0] != '\0';
        if (reply.status != row->status || !has(reply.body, row->words) ||
            (is_connects && (!has(reply.body, code) || !has(reply.head, JSON_REPLY))) ||
            !has(reply.head, "\r\nX-Request-Id: ")) {
            fail_msg("%s %s %s: %s%s", row->request, row->fields, row->body, reply.head,
                     reply.body);
        }
        http_reply_free(&reply);
    }
}

/* What is no path of a method is the gateway's own problem. */
static void other_paths_are_none_of_connects(void **state)
{
    static const char *const paths[] = {
        "/no.such.Service/ListTicks",
        "/" STORAGE,
        "/" STORAGE "X/ListTicks",
        "//" STORAGE "/ListTicks",
        "/grpc.health.v1.Health/Check",
        "/deltastream.rpc.v1.Control/Hello",
        "/deltastream.storage.v1%2EStorage/ListTicks",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char request[128];
        (void)snprintf(request, sizeof request, "POST %s", paths[i]);
        expect(*state, request, JSON, "{}", 404, "\r\nContent-Type: application/problem+json\r\n",
               NULL);
    }
}

static void a_get_takes_the_message_in_every_form(void **state)
{
    static const char seen[] = "{\"product\":\"A|-1|-1|-1|0|\"}";
    static const struct {
        const char *query;
        const char *content_type;
        const char *body;
    } rows[] = {
        {"encoding=json&message=%7B%22product%22:%22A%22%7D", JSON_REPLY, seen},
        {"connect=v1&encoding=json&message=%7b%22product%22%3a%22A%22%7d", JSON_REPLY, seen},
        {"message=%7B%22product%22:+%22A%22+%7D&base64=0&compression=identity&encoding=json",
         JSON_REPLY, seen},
        {"encoding=json&base64=1&message=eyJwcm9kdWN0IjoiQSJ9", JSON_REPLY, seen},
        {"encoding=json&base64=1&message=eyJwcm9kdWN0IjogIkEifQ%3D%3D", JSON_REPLY, seen},
        {"%65ncoding=json&base64=1&message=eyJwcm9kdWN0IjogIkEifQ", JSON_REPLY, seen},
        {"encoding=proto&base64=1&message=CgRNRVRB", PROTO_REPLY, "\x0a"},
        {"encoding=proto&message=%0A%04META", PROTO_REPLY, "\x0a"},
        {"encoding=proto&base64=1&compression=gzip&message="
         "H4sIAAAAAAACA-Ni8XUNcQQAmAL6JQYAAAA",
         PROTO_REPLY, "\x0a"},
        {"encoding=json&base64=1&compression=gzip&message="
         "H4sIAAAAAAACA6tWKijKTylNLlGyUnJUqgUA2Hwz5Q8AAAA=",
         JSON_REPLY, seen},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char request[512];
        (void)snprintf(request, sizeof request, LIST_TICKS_GET "%s", rows[i].query);
        expect(*state, request, "", NULL, 200, rows[i].content_type, rows[i].body);
    }
    /* An empty message, and HEAD. */
    expect(*state, "GET " STORAGE_PATH "ListProducts?encoding=proto&message=", "", NULL, 200,
           PROTO_REPLY, NULL);
    expect(*state, "HEAD " STORAGE_PATH "ListProducts?encoding=json&message=%7B%7D", "", NULL, 200,
           "\r\nContent-Length: 22\r\n", "");
}

static void without_gzip_nothing_is_unpacked(void **state)
{
    expect(*state, LIST_TICKS_GET "encoding=json&message=x&compression=gzip", "", NULL, 501,
           "\r\nAccept-Encoding: identity\r\n", NULL);
    expect(*state, LIST_TICKS, JSON "Content-Encoding: gzip\r\n", "{}", 501,
           "\r\nAccept-Encoding: identity\r\n", NULL);
}

static void what_would_do_is_in_the_fields(void **state)
{
    expect(*state, "PUT " STORAGE_PATH "ListTicks", JSON, "{}", 405,
           "\r\nAllow: GET, HEAD, POST, OPTIONS\r\n", NULL);
    expect(*state, "HEAD " STORAGE_PATH "IngestTicks", "", NULL, 405,
           "\r\nAllow: POST, OPTIONS\r\n", NULL);
    expect(*state, "OPTIONS " STORAGE_PATH "IngestTicks", "", NULL, 204,
           "\r\nAllow: POST, OPTIONS\r\n", NULL);
    expect(*state, "OPTIONS " STORAGE_PATH "ListTicks", "", NULL, 204,
           "\r\nAllow: GET, HEAD, POST, OPTIONS\r\n", NULL);
    expect(*state, LIST_TICKS, "", "{}", 415,
           "\r\nAccept-Post: application/json, application/proto\r\n", NULL);
    expect(*state, LIST_TICKS, JSON "Content-Encoding: zstd\r\n", "{}", 501,
           "\r\nAccept-Encoding: gzip, identity\r\n", NULL);
}

/* A larger number than any deadline is as good as the largest. */
static void a_timeout_of_ten_digits_is_taken(void **state)
{
    static const char *const timeouts[] = {"100000", "0000100000", "9999999999"};
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        char fields[128];
        (void)snprintf(fields, sizeof fields,
                       JSON "Connect-Protocol-Version: 1\r\nConnect-Timeout-Ms: %s\r\n",
                       timeouts[i]);
        expect(*state, LIST_TICKS, fields, "{\"product\":\"A\"}", 200, JSON_REPLY, NULL);
    }
}

static void a_chunked_body_over_the_limit_is_413(void **state)
{
    const struct gateway_fixture *fixture = *state;
    const size_t limit = ds_method_storage_list_ticks->request_bytes_max;
    char *body = malloc(limit + 1);
    char head[512];
    memset(body, ' ', limit + 1);
    const int client = http_connect(fixture->address);
    (void)snprintf(head, sizeof head,
                   LIST_TICKS HOST JSON "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", limit + 1);
    http_send(client, head);
    (void)http_send_some(client, body, limit + 1);
    struct http_client_reply reply = http_receive(client);
    assert_int_equal(reply.status, 413);
    assert_true(has(reply.body, "{\"code\":\"resource_exhausted\",\"message\":\""));
    http_reply_free(&reply);
    close(client);
    free(body);
}

static void calls_are_counted_by_their_method(void **state)
{
    expect(*state, LIST_TICKS, JSON, "{\"product\":\"A\"}", 200, JSON_REPLY, NULL);
    expect(*state, LIST_TICKS, JSON, "{\"product\":\"CODE1\"}", 499, JSON_REPLY, NULL);
    struct http_client_reply reply = ask(*state, "GET /metrics", "", NULL);
    assert_true(has(reply.body, "\nds_http_requests_total{method=\"\",route=\"" STORAGE_PATH
                                "ListTicks\",status=\"200\"} 1\n"));
    assert_true(has(reply.body, "\nds_http_requests_total{method=\"\",route=\"" STORAGE_PATH
                                "ListTicks\",status=\"499\"} 1\n"));
    http_reply_free(&reply);
}

/* The status of a call without credentials by Connect. */
static int status_by_connect(const struct gateway_fixture *fixture, const struct ds_method *method)
{
    char request[256];
    (void)snprintf(request, sizeof request, "POST /%s", method->full_name);
    struct http_client_reply reply = ask(fixture, request, PROTO, "");
    const int status = reply.status;
    assert_int_equal(status == 401, has(reply.body, "{\"code\":\"unauthenticated\""));
    assert_int_equal(status == 401, has(reply.head, "\r\nWWW-Authenticate: Bearer\r\n"));
    http_reply_free(&reply);
    return status;
}

/* The same by a REST route, whose path has an A for each variable. */
static int status_by_rest(const struct gateway_fixture *fixture,
                          const struct route_binding *binding)
{
    char request[256];
    size_t size = (size_t)snprintf(request, sizeof request, "%s ",
                                   http_method_name((enum http_method)binding->http_method));
    for (const char *next = binding->path_template; *next != '\0'; next++) {
        if (*next == '{') {
            next = strchr(next, '}');
            request[size++] = 'A';
        } else {
            request[size++] = *next;
        }
    }
    request[size] = '\0';
    struct http_client_reply reply = ask(fixture, request, "", NULL);
    const int status = reply.status;
    http_reply_free(&reply);
    return status;
}

/* Every method of every service that has a backend, called by a caller without credentials. */
static void walk_all_methods(const struct ds_principal *anonymous)
{
    struct gateway_fixture *fixture = gateway_fixture_start(anonymous);
    const struct ds_service *service = fixture->service.service;
    for (size_t i = 0; i < service->method_count; i++) {
        const struct ds_method *method = &service->methods[i];
        const bool may = strcmp(method->permission, "public") == 0 ||
                         (anonymous != NULL && ds_principal_may(anonymous, method->permission));
        fixture_handlers[i] = count_calls;
        atomic_store(&reached_count, 0);
        assert_int_equal(status_by_connect(fixture, method), may ? 200 : 401);
        assert_int_equal(atomic_load(&reached_count), may ? 1 : 0);
        for (size_t j = 0; j < route_binding_count; j++) {
            if (route_bindings[j].method == method) {
                assert_int_equal(status_by_rest(fixture, &route_bindings[j]) == 401, !may);
            }
        }
    }
    gateway_fixture_stop(fixture);
}

static void a_caller_reaches_by_connect_what_it_may_call_and_nothing_else(void **state)
{
    (void)state;
    walk_all_methods(NULL);
    walk_all_methods(&fixture_reader);
    walk_all_methods(&fixture_writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json_is_protobufs_to_the_letter),
        TEST(protobuf_goes_both_ways_as_it_is),
        TEST(no_bytes_are_the_empty_message_but_no_json),
        TEST(each_code_has_its_name_and_its_status),
        TEST(a_failure_has_its_details_and_metadata),
        TEST(an_answers_metadata_are_fields_but_for_those_that_are_https),
        TEST(metadata_of_a_request_arrives),
        TEST(metadata_has_64_entries_and_8_kib_at_most),
        TEST(every_failure_is_connects),
        TEST(other_paths_are_none_of_connects),
        TEST(a_get_takes_the_message_in_every_form),
        cmocka_unit_test_setup_teardown(without_gzip_nothing_is_unpacked, setup_without_gzip,
                                        teardown),
        TEST(what_would_do_is_in_the_fields),
        TEST(a_timeout_of_ten_digits_is_taken),
        TEST(a_chunked_body_over_the_limit_is_413),
        TEST(calls_are_counted_by_their_method),
        cmocka_unit_test(a_caller_reaches_by_connect_what_it_may_call_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
