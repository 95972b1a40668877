/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_stranger.h"

#include "integration/nng_sockets.h"

#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>

/* Only a test that fails waits that long. */
#define PATIENCE_MS 120000

static nng_socket socket_of(const struct rpc_stranger *stranger)
{
    return (nng_socket){.id = stranger->socket};
}

void rpc_stranger_open(struct rpc_stranger *stranger, const char *url)
{
    nng_socket socket;
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
    assert_int_equal(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), 0);
    assert_int_equal(nng_dial(socket, url, NULL, 0), 0);
    stranger->socket = socket.id;
}

/* Not by nng_close() itself, which may wait for ever. */
void rpc_stranger_close(struct rpc_stranger *stranger)
{
    (void)nng_sockets_close(socket_of(stranger));
}

void rpc_stranger_send(const struct rpc_stranger *stranger, const struct ds_buffer *message)
{
    assert_int_equal(nng_send(socket_of(stranger), message->data, message->size, 0), 0);
}

struct ds_bytes rpc_stranger_receive(const struct rpc_stranger *stranger)
{
    void *answer = NULL;
    size_t answer_bytes = 0;
    assert_int_equal(nng_recv(socket_of(stranger), &answer, &answer_bytes, NNG_FLAG_ALLOC), 0);
    uint8_t *copy = malloc(answer_bytes + 1);
    memcpy(copy, answer, answer_bytes);
    nng_free(answer, answer_bytes);
    return ds_bytes_of(copy, answer_bytes);
}

struct ds_bytes rpc_stranger_ask(const struct rpc_stranger *stranger,
                                 const struct ds_buffer *message)
{
    rpc_stranger_send(stranger, message);
    return rpc_stranger_receive(stranger);
}

void rpc_frame_append(struct ds_buffer *message, enum ds_frame_type type,
                      const Rpc__RequestHeader *header, struct ds_bytes payload)
{
    const size_t header_bytes = rpc__request_header__get_packed_size(header);
    uint8_t *packed = malloc(header_bytes + 1);
    rpc__request_header__pack(header, packed);
    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    ds_frame_write_preface(preface, type, 0, header_bytes, payload.size);
    ds_buffer_append(message, preface, sizeof preface);
    ds_buffer_append(message, packed, header_bytes);
    ds_buffer_append(message, payload.data, payload.size);
    free(packed);
}

void rpc_request_append(struct ds_buffer *message, const char *call_id, const char *method,
                        struct ds_bytes payload)
{
    Rpc__RequestHeader header = RPC__REQUEST_HEADER__INIT;
    header.call_id.data = (uint8_t *)(uintptr_t)call_id;
    header.call_id.len = strlen(call_id);
    header.method = (char *)(uintptr_t)method;
    rpc_frame_append(message, DS_FRAME_REQUEST, &header, payload);
}

Rpc__ResponseHeader *rpc_response_next(struct ds_bytes *answer, struct ds_frame *frame)
{
    assert_int_equal(ds_frame_next(answer, frame), DS_OK);
    assert_int_equal(frame->type, DS_FRAME_RESPONSE);
    Rpc__ResponseHeader *header =
        rpc__response_header__unpack(NULL, frame->header.size, frame->header.data);
    assert_non_null(header);
    return header;
}

void rpc_response_expect(struct ds_bytes *answer, ds_code code, const char *call_id,
                         const char *text)
{
    struct ds_frame frame;
    Rpc__ResponseHeader *header = rpc_response_next(answer, &frame);
    if (strstr(header->message, text) == NULL) {
        fail_msg("\"%s\" does not hold \"%s\"", header->message, text);
    }
    assert_int_equal(header->code, (int)code);
    assert_int_equal(header->call_id.len, strlen(call_id));
    assert_memory_equal(header->call_id.data, call_id, strlen(call_id));
    rpc__response_header__free_unpacked(header, NULL);
}

void rpc_stranger_expect(const struct rpc_stranger *stranger, const struct ds_buffer *message,
                         ds_code code, const char *call_id)
{
    struct ds_bytes answer = rpc_stranger_ask(stranger, message);
    void *memory = (void *)(uintptr_t)answer.data;
    rpc_response_expect(&answer, code, call_id, "");
    assert_int_equal(answer.size, 0);
    free(memory);
}
