/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_impostor.h"

#include "deltastream/rpc/v1/control.pb-c.h"
#include "deltastream/rpc/v1/frame.pb-c.h"
#include "schema.gen.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static nng_socket socket_of(const struct rpc_impostor *impostor)
{
    return (nng_socket){.id = impostor->socket};
}

static void append_answer(struct ds_buffer *reply, Rpc__ResponseHeader *header, uint8_t flags,
                          struct ds_bytes payload)
{
    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    const size_t header_bytes = rpc__response_header__get_packed_size(header);
    uint8_t *packed = malloc(header_bytes + 1);
    rpc__response_header__pack(header, packed);
    ds_frame_write_preface(preface, DS_FRAME_RESPONSE, flags, header_bytes, payload.size);
    ds_buffer_append(reply, preface, sizeof preface);
    ds_buffer_append(reply, packed, header_bytes);
    ds_buffer_append(reply, payload.data, payload.size);
    free(packed);
}

static void append_hello(struct rpc_impostor *impostor, struct ds_buffer *reply,
                         Rpc__ResponseHeader *header)
{
    char *methods[] = {(char *)(uintptr_t) "ListTicks"};
    Rpc__HelloResponse__Service service = RPC__HELLO_RESPONSE__SERVICE__INIT;
    Rpc__HelloResponse__Service *services[] = {&service};
    Rpc__HelloResponse hello = RPC__HELLO_RESPONSE__INIT;
    service.name = (char *)(uintptr_t) "deltastream.storage.v1.Storage";
    service.inline_methods = methods;
    service.n_inline_methods = 1;
    hello.services = services;
    hello.n_services = 1;
    hello.server_epoch = impostor->server_epoch;
    hello.accept_encodings = impostor->accept_encodings;
    uint8_t payload[256];
    const size_t size = rpc__hello_response__pack(&hello, payload);
    if (impostor->refuses_hello) {
        header->code = DS_UNIMPLEMENTED;
    }
    append_answer(reply, header, 0, ds_bytes_of(payload, impostor->refuses_hello ? 0 : size));
}

/* Answers a frame. False where it is to stay without an answer. */
static bool take_frame_locked(struct rpc_impostor *impostor, const struct ds_frame *frame,
                              size_t place, struct ds_buffer *reply)
{
    Rpc__RequestHeader *request =
        rpc__request_header__unpack(NULL, frame->header.size, frame->header.data);
    Rpc__ResponseHeader header = RPC__RESPONSE_HEADER__INIT;
    bool answers = !impostor->ignores_calls;
    assert_non_null(request);
    header.call_id = request->call_id;
    header.server_epoch = impostor->server_epoch;
    if (strcmp(request->method, ds_method_control_hello->full_name) == 0) {
        impostor->hello_count++;
        append_hello(impostor, reply, &header);
        answers = !impostor->ignores_hello;
    } else {
        if (place == 0) {
            assert_true(impostor->message_count < IMPOSTOR_MESSAGES_MAX);
            impostor->messages[impostor->message_count].flags = frame->flags;
            impostor->messages[impostor->message_count].timeout_ms = request->timeout_ms;
            impostor->messages[impostor->message_count].accept_encodings =
                request->accept_encodings;
            impostor->message_count++;
        }
        impostor->messages[impostor->message_count - 1].frame_count = place + 1;
        append_answer(reply, &header, impostor->answer_flags, impostor->answer);
    }
    rpc__request_header__free_unpacked(request, NULL);
    return answers;
}

static void take_message(struct rpc_impostor *impostor, struct ds_bytes message)
{
    struct ds_frame frame;
    struct ds_buffer reply;
    bool answers = true;
    ds_buffer_init(&reply, DS_MESSAGE_BYTES_MAX);
    pthread_mutex_lock(&impostor->mutex);
    for (size_t place = 0; message.size > 0; place++) {
        assert_int_equal(ds_frame_next(&message, &frame), DS_OK);
        answers = take_frame_locked(impostor, &frame, place, &reply);
    }
    pthread_cond_broadcast(&impostor->changed);
    while (impostor->holds_calls && impostor->message_count > 0) {
        pthread_cond_wait(&impostor->changed, &impostor->mutex);
    }
    pthread_mutex_unlock(&impostor->mutex);
    if (answers) {
        assert_int_equal(nng_send(socket_of(impostor), reply.data, reply.size, 0), 0);
    }
    ds_buffer_deinit(&reply);
}

static void *serve(void *argument)
{
    struct rpc_impostor *impostor = argument;
    void *message = NULL;
    size_t size = 0;
    while (nng_recv(socket_of(impostor), &message, &size, NNG_FLAG_ALLOC) == 0) {
        take_message(impostor, ds_bytes_of(message, size));
        nng_free(message, size);
    }
    return NULL;
}

void rpc_impostor_open(struct rpc_impostor *impostor)
{
    nng_socket socket;
    memset(impostor, 0, sizeof *impostor);
    impostor->server_epoch = 7;
    pthread_mutex_init(&impostor->mutex, NULL);
    pthread_cond_init(&impostor->changed, NULL);
    strcpy(impostor->folder, "/tmp/ds-rpc-XXXXXX");
    assert_non_null(mkdtemp(impostor->folder));
    snprintf(impostor->url, sizeof impostor->url, "ipc://%s/rpc.sock", impostor->folder);
    assert_int_equal(nng_rep0_open(&socket), 0);
    impostor->socket = socket.id;
    assert_int_equal(nng_listen(socket, impostor->url, NULL, 0), 0);
    pthread_create(&impostor->thread, NULL, serve, impostor);
}

void rpc_impostor_close(struct rpc_impostor *impostor)
{
    nng_close(socket_of(impostor));
    pthread_join(impostor->thread, NULL);
    pthread_cond_destroy(&impostor->changed);
    pthread_mutex_destroy(&impostor->mutex);
    unlink(impostor->url + strlen("ipc://"));
    rmdir(impostor->folder);
}

void rpc_impostor_release_calls(struct rpc_impostor *impostor)
{
    pthread_mutex_lock(&impostor->mutex);
    impostor->holds_calls = false;
    pthread_cond_broadcast(&impostor->changed);
    pthread_mutex_unlock(&impostor->mutex);
}

static void await(struct rpc_impostor *impostor, const size_t *counter, size_t count)
{
    pthread_mutex_lock(&impostor->mutex);
    while (*counter < count) {
        pthread_cond_wait(&impostor->changed, &impostor->mutex);
    }
    pthread_mutex_unlock(&impostor->mutex);
}

void rpc_impostor_await_messages(struct rpc_impostor *impostor, size_t count)
{
    await(impostor, &impostor->message_count, count);
}

void rpc_impostor_await_hellos(struct rpc_impostor *impostor, size_t count)
{
    await(impostor, &impostor->hello_count, count);
}
