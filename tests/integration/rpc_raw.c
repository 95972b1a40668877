/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/rpc_raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Only a test that fails waits that long. */
#define PATIENCE_S 120
#define IPC_SCHEME "ipc://"
#define LENGTH_BYTES 8
#define NUMBER_BYTES 4
#define ANSWER_BYTES_MAX (16 * 1024 * 1024)

static struct sockaddr_in address_of(const char *host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    return address;
}

static int connect_to_path(const char *path)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    const int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer >= 0);
    assert_true(strlen(path) < sizeof there.sun_path);
    strcpy(there.sun_path, path);
    assert_int_equal(connect(peer, (const struct sockaddr *)&there, sizeof there), 0);
    return peer;
}

static int connect_to_port(int port, const char *from)
{
    const struct sockaddr_in here = address_of(from, 0);
    const struct sockaddr_in there = address_of("127.0.0.1", port);
    const int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer >= 0);
    assert_int_equal(bind(peer, (const struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(connect(peer, (const struct sockaddr *)&there, sizeof there), 0);
    return peer;
}

int rpc_raw_connect(const char *url, const char *from)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const bool is_ipc = strncmp(url, IPC_SCHEME, strlen(IPC_SCHEME)) == 0;
    const int peer = is_ipc ? connect_to_path(url + strlen(IPC_SCHEME))
                            : connect_to_port(atoi(strrchr(url, ':') + 1), from);
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return peer;
}

void rpc_raw_send(int peer, const void *bytes, size_t size)
{
    assert_int_equal(send(peer, bytes, size, MSG_NOSIGNAL), size);
}

/* A process that was stopped and goes on does not notice: with a time limit on the socket that
 * would be an EINTR, or less than was asked for. */
static ssize_t receive_some(int peer, void *target, size_t size)
{
    ssize_t received = -1;
    do {
        received = recv(peer, target, size, 0);
    } while (received < 0 && errno == EINTR);
    return received;
}

void rpc_raw_receive_all(int peer, void *target, size_t size)
{
    uint8_t *at = target;
    while (size > 0) {
        const ssize_t received = receive_some(peer, at, size);
        assert_true(received > 0);
        at += received;
        size -= (size_t)received;
    }
}

void rpc_raw_greet(int peer)
{
    static const uint8_t greeting[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}; /* protocol REQ */
    uint8_t answer[sizeof greeting];
    rpc_raw_send(peer, greeting, sizeof greeting);
    rpc_raw_receive_all(peer, answer, sizeof answer);
}

static void put_big_endian(uint8_t *target, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        target[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
}

static uint64_t get_big_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* Over ipc a byte stands before each length. */
static bool is_ipc(int peer)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(peer, (struct sockaddr *)&address, &size), 0);
    return address.ss_family == AF_UNIX;
}

void rpc_raw_announce(int peer, size_t message_bytes)
{
    uint8_t length[LENGTH_BYTES];
    if (is_ipc(peer)) {
        rpc_raw_send(peer, "\1", 1);
    }
    put_big_endian(length, message_bytes, sizeof length);
    rpc_raw_send(peer, length, sizeof length);
}

void rpc_raw_ask(int peer, uint32_t number, const struct ds_buffer *message)
{
    uint8_t id[NUMBER_BYTES];
    put_big_endian(id, number | 0x80000000U, sizeof id);
    rpc_raw_announce(peer, sizeof id + message->size);
    rpc_raw_send(peer, id, sizeof id);
    rpc_raw_send(peer, message->data, message->size);
}

struct ds_bytes rpc_raw_receive(int peer, uint32_t *ret_number)
{
    uint8_t length[LENGTH_BYTES];
    uint8_t id[NUMBER_BYTES];
    if (is_ipc(peer)) {
        rpc_raw_receive_all(peer, length, 1);
        assert_int_equal(length[0], 1);
    }
    rpc_raw_receive_all(peer, length, sizeof length);
    const uint64_t size = get_big_endian(length, sizeof length);
    assert_true(size >= sizeof id && size < ANSWER_BYTES_MAX);
    rpc_raw_receive_all(peer, id, sizeof id);
    *ret_number = (uint32_t)get_big_endian(id, sizeof id) & 0x7fffffffU;
    uint8_t *body = malloc(size);
    assert_non_null(body);
    rpc_raw_receive_all(peer, body, size - sizeof id);
    return ds_bytes_of(body, size - sizeof id);
}

bool rpc_raw_is_hung_up(int peer)
{
    uint8_t byte;
    const ssize_t received = receive_some(peer, &byte, 1);
    return received == 0 || (received < 0 && errno == ECONNRESET);
}
