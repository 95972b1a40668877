/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/sp_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING_BYTES 8
#define MESSAGE_BYTES_MAX 65536

static void bind_path(struct sp_peer *peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(peer->path) < sizeof address.sun_path);
    memcpy(address.sun_path, peer->path, strlen(peer->path));
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
}

/* At the port of the URL, or at any while there is no URL yet. */
static void bind_port(struct sp_peer *peer)
{
    const int yes = 1;
    const char *colon = strrchr(peer->url, ':');
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = colon != NULL ? htons((uint16_t)atoi(colon + 1)) : 0,
    };
    socklen_t size = sizeof address;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(peer->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(peer->url, sizeof peer->url, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

void sp_peer_listen(struct sp_peer *peer)
{
    if (peer->is_tcp) {
        bind_port(peer);
    } else {
        bind_path(peer);
    }
    assert_int_equal(listen(peer->listener, 8), 0);
}

void sp_peer_listen_no_more(struct sp_peer *peer)
{
    if (peer->listener >= 0) {
        close(peer->listener);
        peer->listener = -1;
        unlink(peer->path);
    }
}

void sp_peer_open(struct sp_peer *peer, bool is_tcp)
{
    *peer = (struct sp_peer){
        .is_tcp = is_tcp, .folder = "/tmp/ds-sp-XXXXXX", .listener = -1, .connection = -1};
    assert_non_null(mkdtemp(peer->folder));
    snprintf(peer->path, sizeof peer->path, "%s/events.sock", peer->folder);
    if (!is_tcp) {
        snprintf(peer->url, sizeof peer->url, "ipc://%s", peer->path);
    }
    sp_peer_listen(peer);
}

void sp_peer_close(struct sp_peer *peer)
{
    sp_peer_hang_up(peer);
    sp_peer_listen_no_more(peer);
    rmdir(peer->folder);
}

struct ds_sp_subscriber *sp_peer_subscribe(const struct sp_peer *peer, const char *topic,
                                           const struct ds_clock *clock)
{
    struct ds_sp_subscriber *subscriber = NULL;
    assert_int_equal(ds_sp_subscriber_open(
                         &(struct ds_sp_subscriber_options){.url = peer->url,
                                                            .message_bytes_max = MESSAGE_BYTES_MAX,
                                                            .clock = clock},
                         &subscriber),
                     DS_OK);
    ds_sp_subscriber_add(subscriber, ds_bytes_of_text(topic));
    return subscriber;
}

static bool has_input(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) > 0;
}

void sp_peer_accept(struct sp_peer *peer, struct ds_sp_subscriber *subscriber)
{
    static const uint8_t greeting[GREETING_BYTES] = {0, 'S', 'P', 0, 0, 0x21, 0, 0};
    uint8_t bytes[GREETING_BYTES];
    struct ds_bytes message;
    for (int ms = 0; !has_input(peer->listener, 1); ms++) {
        assert_true(ms < SP_PATIENCE_MS);
        assert_false(ds_sp_subscriber_receive(subscriber, 0, &message));
    }
    peer->connection = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer->connection >= 0);
    /* It sends its greeting once it has seen that it is connected. */
    while (!has_input(peer->connection, 1)) {
        assert_false(ds_sp_subscriber_receive(subscriber, 0, &message));
    }
    assert_int_equal(recv(peer->connection, bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
    assert_memory_equal(bytes, greeting, sizeof bytes);
}

void sp_peer_send(const struct sp_peer *peer, const void *bytes, size_t size)
{
    assert_int_equal(send(peer->connection, bytes, size, MSG_NOSIGNAL), size);
}

void sp_peer_greet(const struct sp_peer *peer, uint8_t protocol)
{
    const uint8_t greeting[GREETING_BYTES] = {0, 'S', 'P', 0, 0, protocol, 0, 0};
    sp_peer_send(peer, greeting, sizeof greeting);
}

void sp_peer_send_head(const struct sp_peer *peer, uint64_t size)
{
    uint8_t head[9] = {1};
    for (int i = 0; i < 8; i++) {
        head[1 + i] = (uint8_t)(size >> (56 - 8 * i));
    }
    sp_peer_send(peer, head + (peer->is_tcp ? 1 : 0), sizeof head - (peer->is_tcp ? 1 : 0));
}

void sp_peer_send_message(const struct sp_peer *peer, const char *text)
{
    sp_peer_send_head(peer, strlen(text));
    sp_peer_send(peer, text, strlen(text));
}

void sp_peer_hang_up(struct sp_peer *peer)
{
    if (peer->connection >= 0) {
        close(peer->connection);
        peer->connection = -1;
    }
}

bool sp_peer_was_left(const struct sp_peer *peer)
{
    uint8_t byte;
    const ssize_t got = recv(peer->connection, &byte, 1, MSG_DONTWAIT);
    assert_true(got <= 0); /* A subscriber has nothing to say. */
    return got == 0 || errno != EAGAIN;
}

void sp_peer_await_hang_up(struct sp_peer *peer, struct ds_sp_subscriber *subscriber)
{
    struct ds_bytes message;
    for (int ms = 0; !sp_peer_was_left(peer); ms++) {
        assert_true(ms < SP_PATIENCE_MS);
        assert_false(ds_sp_subscriber_receive(subscriber, 0, &message));
        (void)has_input(peer->connection, 1);
    }
    sp_peer_hang_up(peer);
}

void sp_peer_meet(struct sp_peer *peer, struct ds_sp_subscriber *subscriber)
{
    sp_peer_accept(peer, subscriber);
    sp_peer_greet(peer, 0x20);
}

void sp_peer_assert_received(struct ds_sp_subscriber *subscriber, const char *text)
{
    struct ds_bytes message;
    assert_true(ds_sp_subscriber_receive(subscriber, SP_PATIENCE_MS, &message));
    assert_true(ds_bytes_equal_text(message, text));
}
