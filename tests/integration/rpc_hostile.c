/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_hostile.h"

#include "ds/frame.h"
#include "integration/rpc_raw.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Only a test that fails waits that long. */
#define PATIENCE_S 120
#define CONNECTIONS_WAITING_MAX 16

static void limit_waits(int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
}

void rpc_hostile_open(struct rpc_hostile *hostile)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t address_bytes = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    hostile->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(hostile->listener >= 0);
    limit_waits(hostile->listener);
    assert_int_equal(bind(hostile->listener, (struct sockaddr *)&address, address_bytes), 0);
    assert_int_equal(listen(hostile->listener, CONNECTIONS_WAITING_MAX), 0);
    assert_int_equal(getsockname(hostile->listener, (struct sockaddr *)&address, &address_bytes),
                     0);
    snprintf(hostile->url, sizeof hostile->url, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
}

void rpc_hostile_close(struct rpc_hostile *hostile)
{
    close(hostile->listener);
}

int rpc_hostile_accept(const struct rpc_hostile *hostile)
{
    static const uint8_t greeting[] = {0, 'S', 'P', 0, 0, 0x31, 0, 0}; /* protocol REP */
    uint8_t answer[sizeof greeting];
    const int peer = accept(hostile->listener, NULL, NULL);
    assert_true(peer >= 0);
    limit_waits(peer);
    rpc_raw_send(peer, greeting, sizeof greeting);
    rpc_raw_receive_all(peer, answer, sizeof answer);
    return peer;
}

Rpc__RequestHeader *rpc_hostile_receive(int peer, uint32_t *ret_number)
{
    struct ds_frame frame;
    const struct ds_bytes message = rpc_raw_receive(peer, ret_number);
    struct ds_bytes rest = message;
    assert_int_equal(ds_frame_next(&rest, &frame), DS_OK);
    assert_int_equal(rest.size, 0);
    Rpc__RequestHeader *header =
        rpc__request_header__unpack(NULL, frame.header.size, frame.header.data);
    assert_non_null(header);
    free((void *)(uintptr_t)message.data);
    return header;
}

void rpc_answer_append(struct ds_buffer *message, const Rpc__ResponseHeader *header,
                       struct ds_bytes payload)
{
    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    const size_t header_bytes = rpc__response_header__get_packed_size(header);
    uint8_t *packed = malloc(header_bytes + 1);
    assert_non_null(packed);
    rpc__response_header__pack(header, packed);
    ds_frame_write_preface(preface, DS_FRAME_RESPONSE, 0, header_bytes, payload.size);
    ds_buffer_append(message, preface, sizeof preface);
    ds_buffer_append(message, packed, header_bytes);
    ds_buffer_append(message, payload.data, payload.size);
    free(packed);
}
