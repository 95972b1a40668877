/*
 * The headers of frames as each side reads them by hand and writes them: the server a request's,
 * the client a response's. The lowest bit of the first byte is the listener's trust, the rest is a
 * message of frames.
 */
#include "deltastream/rpc/v1/frame.pb-c.h"
#include "ds/arena.h"
#include "ds/channel_hello.h"
#include "ds/frame_header.h"
#include "ds/rpc_frame.h"
#include "ds/rpc_header.h"
#include "ds/rpc_internal.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"
#include "schema.gen.h"

#define INPUT_BYTES_MAX ((size_t)256 * 1024)

static struct ds_rpc_server *the_server(void)
{
    static struct ds_rpc_server *server;
    if (server == NULL) {
        server = ds_rpc_server_create(
            &(struct ds_rpc_server_options){.name = "fuzz", .read_threads = 1, .write_threads = 1});
    }
    return server;
}

static bool same_text(const char *left, const char *right)
{
    return strcmp(left != NULL ? left : "", right != NULL ? right : "") == 0;
}

static void check_metadata(const struct ds_metadata_entry *entries, size_t count)
{
    size_t size = 0;
    fuzz_require(count <= DS_METADATA_ENTRIES_MAX, "metadata has its entries at most");
    for (size_t i = 0; i < count; i++) {
        fuzz_require(ds_metadata_refusal(entries[i].key, entries[i].value) == NULL,
                     "metadata keeps to the rules");
        size += strlen(entries[i].key) + entries[i].value.size;
    }
    fuzz_require(size <= DS_METADATA_BYTES_MAX, "metadata has its bytes at most");
}

static void check_taken(const struct ds_call *call)
{
    const struct ds_call_request *request = &call->request;
    fuzz_require(request->method != NULL && request->authorization != NULL &&
                     request->traceparent != NULL && request->tracestate != NULL &&
                     request->peer != NULL,
                 "texts are never NULL");
    fuzz_require(request->call_id_bytes <= DS_CALL_ID_BYTES_MAX &&
                     request->client_id_bytes <= DS_CALL_ID_BYTES_MAX,
                 "ids are within their limit");
    fuzz_require(call->trusted || (request->principal == NULL && request->peer[0] == '\0'),
                 "only a trusted caller says who calls");
    check_metadata(request->metadata, request->metadata_count);
}

/* What the server answers, read as a client does. */
static void check_answer(struct ds_call *call, ds_code code)
{
    call->code = code;
    struct ds_bytes head = ds_rpc_frame_head(call);
    struct ds_frame frame;
    struct ds_response_header header;
    fuzz_require(ds_frame_next(&head, &frame) == DS_OK && head.size == 0,
                 "an answer is one whole frame");
    fuzz_require(frame.type == DS_FRAME_RESPONSE && ds_response_header_read(frame.header, &header),
                 "an answer is a response");
    fuzz_require(header.code == code, "an answer has its code");
    fuzz_require(ds_bytes_equal(header.call_id,
                                ds_bytes_of(call->request.call_id, call->request.call_id_bytes)),
                 "an answer has the call's id");
}

/* The request, written again as a client does, means the same. */
static void check_written_again(const struct ds_call *call, const struct ds_method *method)
{
    const struct ds_call_request *request = &call->request;
    const struct ds_client_call again = {
        .method = method,
        .principal = request->principal,
        .authorization = request->authorization,
        .peer = request->peer,
        .traceparent = request->traceparent,
        .tracestate = request->tracestate,
        .idempotency_key = request->idempotency_key,
        .metadata = request->metadata,
        .metadata_count = request->metadata_count,
        .run_epoch = request->server_epoch,
    };
    const struct ds_request_stamp stamp = {
        .call_id = ds_bytes_of(request->call_id, request->call_id_bytes),
        .client_id = ds_bytes_of(request->client_id, request->client_id_bytes),
        .timeout_ms = request->timeout_ms,
        .attempt = request->attempt,
    };
    struct ds_buffer header;
    ds_buffer_init(&header, FUZZ_BYTES_MAX);
    ds_request_header_write(&header, &again, &stamp);
    fuzz_require(header.size <= ds_request_header_bytes_max(&again),
                 "a header has no more bytes than were reckoned with");
    struct ds_call *second = ds_call_create(the_server());
    second->trusted = call->trusted;
    const struct ds_frame frame = {.type = DS_FRAME_REQUEST, .header = ds_buffer_bytes(&header)};
    fuzz_require(ds_rpc_frame_read(second, &frame) == DS_OK, "what the client writes is read");
    fuzz_require(same_text(second->request.method, request->method) &&
                     same_text(second->request.authorization, request->authorization) &&
                     same_text(second->request.traceparent, request->traceparent) &&
                     same_text(second->request.tracestate, request->tracestate) &&
                     same_text(second->request.peer, request->peer),
                 "texts go round");
    fuzz_require(second->request.timeout_ms == request->timeout_ms &&
                     second->request.attempt == request->attempt &&
                     second->request.server_epoch == request->server_epoch &&
                     second->request.metadata_count == request->metadata_count &&
                     ds_bytes_equal(second->request.idempotency_key, request->idempotency_key),
                 "numbers and keys go round");
    ds_call_destroy(second);
    ds_buffer_deinit(&header);
}

/* What the server reads by hand against what protobuf-c reads of the same bytes. */
static void check_plain(struct ds_bytes wire)
{
    static uint8_t packed[2][FUZZ_BYTES_MAX];
    struct ds_arena *arena = ds_arena_create(FUZZ_BYTES_MAX);
    struct ds_plain_header plain;
    struct ds_wire_error error;
    if (ds_plain_header_read(wire, arena, &plain)) {
        fuzz_require(ds_wire_check(&ds_message_rpc_request_header, wire, &error) == DS_OK,
                     "a plain header is sound");
        const Rpc__RequestHeader *expected =
            rpc__request_header__unpack(ds_arena_allocator(arena), wire.size, wire.data);
        fuzz_require(expected != NULL, "a plain header is one for protobuf-c, too");
        const size_t size = rpc__request_header__get_packed_size(expected);
        fuzz_require(size <= FUZZ_BYTES_MAX &&
                         rpc__request_header__get_packed_size(&plain.header) == size,
                     "a plain header says as much as protobuf-c reads");
        rpc__request_header__pack(expected, packed[0]);
        rpc__request_header__pack(&plain.header, packed[1]);
        fuzz_require(memcmp(packed[0], packed[1], size) == 0,
                     "a plain header says what protobuf-c reads");
    }
    ds_arena_destroy(arena);
}

static void check_request(const struct ds_frame *frame, bool trusted)
{
    struct ds_call *call = ds_call_create(the_server());
    call->trusted = trusted;
    const ds_code code = ds_rpc_frame_read(call, frame);
    fuzz_require(code == DS_OK || code == DS_INVALID_ARGUMENT, "a header is read or refused");
    if (code == DS_OK) {
        check_taken(call);
        const struct ds_method *method =
            ds_method_find(call->request.method, strlen(call->request.method));
        if (method != NULL) {
            check_written_again(call, method);
        }
    }
    check_answer(call, code);
    ds_call_destroy(call);
}

static bool same_bytes(struct ds_bytes bytes, ProtobufCBinaryData data)
{
    return ds_bytes_equal(bytes, ds_bytes_of(data.data, data.len));
}

/* What we read by hand against what protobuf-c reads. */
static void check_against_protobuf(struct ds_bytes bytes, const struct ds_response_header *header)
{
    struct ds_arena *arena = ds_arena_create(FUZZ_BYTES_MAX);
    const Rpc__ResponseHeader *expected =
        rpc__response_header__unpack(ds_arena_allocator(arena), bytes.size, bytes.data);
    if (expected != NULL) {
        const bool is_code = expected->code < DS_CODE_COUNT;
        const bool has_pushback = expected->_retry_pushback_ms_case != 0;
        const size_t entries = expected->n_metadata;
        fuzz_require(header->code == (is_code ? (ds_code)expected->code : DS_UNKNOWN),
                     "the code is the header's");
        fuzz_require(same_bytes(header->call_id, expected->call_id) &&
                         same_bytes(header->status_details, expected->status_details) &&
                         ds_bytes_equal_text(header->message, expected->message),
                     "bytes and text are the header's");
        fuzz_require(header->server_epoch == expected->server_epoch &&
                         header->queue_us == expected->queue_us &&
                         header->execution_us == expected->execution_us,
                     "numbers are the header's");
        fuzz_require(
            header->has_retry_pushback == has_pushback &&
                (!has_pushback || header->retry_pushback_ms == expected->retry_pushback_ms),
            "the pushback is the header's");
        fuzz_require(header->metadata_count ==
                         (entries < DS_METADATA_ENTRIES_MAX ? entries : DS_METADATA_ENTRIES_MAX),
                     "the metadata is the header's");
    }
    ds_arena_destroy(arena);
}

static void check_response(const struct ds_frame *frame)
{
    struct ds_response_header header;
    struct ds_wire_error error;
    const bool is_sound =
        ds_wire_check(&ds_message_rpc_response_header, frame->header, &error) == DS_OK;
    if (!ds_response_header_read(frame->header, &header)) {
        fuzz_require(!is_sound, "a header that is sound is read");
        return;
    }
    if (is_sound) {
        check_against_protobuf(frame->header, &header);
    }
    struct ds_metadata_entry entries[DS_METADATA_ENTRIES_MAX];
    struct ds_arena *arena = ds_arena_create(FUZZ_BYTES_MAX);
    if (ds_response_header_metadata(frame->header, arena, entries, header.metadata_count)) {
        for (size_t i = 0; i < header.metadata_count; i++) {
            fuzz_require(ds_metadata_refusal(entries[i].key, entries[i].value) == NULL,
                         "metadata keeps to the rules");
        }
    }
    ds_arena_destroy(arena);
    (void)ds_status_reason(header.status_details);
    struct ds_server_hello hello;
    if (ds_server_hello_read(frame->payload, &hello) == DS_OK) {
        fuzz_require(hello.method_count <= DS_HELLO_METHODS_MAX, "methods are within their limit");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    struct ds_bytes message = ds_bytes_of(data + 1, size - 1);
    struct ds_frame frame;
    while (message.size > 0 && ds_frame_next(&message, &frame) == DS_OK) {
        check_request(&frame, (data[0] & 1) != 0);
        check_plain(frame.header);
        check_response(&frame);
    }
    return 0;
}
